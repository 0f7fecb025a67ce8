"""Who may report: a join token lets hosts in, so many times, until it expires."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from central.adapters.database import Database, SqlEnrolment, SqlFleet, SqlReports
from tests.fakes.told import HOST, HOUR, START, arrival, report

JOIN, OTHER_JOIN = "01" * 32, "02" * 32
FIRST, SECOND = "0a" * 32, "0b" * 32
OTHER = "host-000002"


@pytest.fixture
def database(fleet_url):
    with Database.open(fleet_url) as opened:
        yield opened


@pytest.fixture
def door(database):
    made = SqlEnrolment(database)
    made.add_join_token(JOIN, name="rack 7", expires_at=START + HOUR, uses=2)
    return made


def test_a_host_that_enrols_is_known_by_its_token(door, database):
    assert door.host_of(FIRST) is None
    assert door.enrol(HOST, join=JOIN, token=FIRST, now=START) is None
    assert door.host_of(FIRST) == HOST
    (host,) = SqlFleet(database).hosts()
    assert (host.enrolled_at, host.reported_at, host.agent) == (START, None, "")
    assert (host.received_through, host.labels, host.holes) == (0, {}, ())


def test_a_host_that_shows_its_token_gets_another(door):
    door.enrol(HOST, join=JOIN, token=FIRST, now=START)
    assert door.enrol(HOST, join=JOIN, token=SECOND, now=START, present=FIRST) is None
    assert (door.host_of(FIRST), door.host_of(SECOND)) == (None, HOST)


@pytest.mark.parametrize("present", [None, "0c" * 32])
def test_a_join_token_takes_over_no_host_that_is_enrolled(door, present):
    door.enrol(HOST, join=JOIN, token=FIRST, now=START)
    answer = door.enrol(HOST, join=JOIN, token=SECOND, now=START, present=present)
    assert (answer.status, answer.verdict) == (409, "enrolled_already")
    assert "enrolled already" in answer.reason
    assert "whoever runs central must act" in answer.reason
    assert (door.host_of(FIRST), door.host_of(SECOND)) == (HOST, None)
    assert door.enrol(OTHER, join=JOIN, token=SECOND, now=START) is None


@pytest.fixture
def meant(door):
    """Return a door with a join token for one host alone."""
    end = START + HOUR
    door.add_join_token(OTHER_JOIN, name="", expires_at=end, uses=1, host_id=HOST)
    return door


def test_a_join_token_for_a_host_alone_gives_it_another_token(meant):
    meant.enrol(HOST, join=JOIN, token=FIRST, now=START)
    assert meant.enrol(HOST, join=OTHER_JOIN, token=SECOND, now=START) is None
    assert (meant.host_of(FIRST), meant.host_of(SECOND)) == (None, HOST)


def test_a_join_token_for_a_host_alone_is_no_other_hosts(meant):
    answer = meant.enrol(OTHER, join=OTHER_JOIN, token=FIRST, now=START)
    words = "this join token is for another host"
    assert (answer.status, answer.reason) == (403, words)
    assert meant.enrol(HOST, join=OTHER_JOIN, token=FIRST, now=START) is None


def test_a_revoked_host_comes_back_only_by_a_join_token_for_it_alone(meant, database):
    meant.enrol(HOST, join=JOIN, token=FIRST, now=START)
    meant.revoke(HOST, now=START)
    answer = meant.enrol(HOST, join=JOIN, token=SECOND, now=START, present=FIRST)
    assert (answer.status, meant.is_revoked(HOST)) == (403, True)
    assert meant.enrol(HOST, join=OTHER_JOIN, token=SECOND, now=START) is None
    assert (meant.host_of(SECOND), meant.is_revoked(HOST)) == (HOST, False)
    (host,) = SqlFleet(database).hosts()
    assert host.revoked_at is None


def test_a_host_that_reported_by_its_certificate_keeps_its_numbers(door, database):
    SqlReports(database).store_many([arrival(report(1))])
    door.enrol(HOST, join=JOIN, token=FIRST, now=START)
    (host,) = SqlFleet(database).hosts()
    assert (host.received_through, host.enrolled_at) == (1, START)


@pytest.mark.parametrize(
    ("join", "after", "words"),
    [
        pytest.param(OTHER_JOIN, 0, "this join token is not known here", id="unknown"),
        pytest.param(
            JOIN, 1, "this join token expired at 2026-03-01T01:00Z", id="expired"
        ),
    ],
)
def test_who_does_not_get_in_is_told_why(door, join, after, words):
    now = START + after * HOUR
    answer = door.enrol(HOST, join=join, token=FIRST, now=now)
    assert (answer.status, answer.reason) == (403, words)
    assert door.host_of(FIRST) is None


def test_a_join_token_lets_in_only_so_many_and_what_is_refused_uses_none(door):
    assert door.enrol(HOST, join=JOIN, token=FIRST, now=START) is None
    door.revoke(HOST, now=START)
    refused = door.enrol(HOST, join=JOIN, token=FIRST, now=START)
    assert refused.reason.startswith("this host was revoked")
    assert door.enrol(OTHER, join=JOIN, token=SECOND, now=START) is None
    words = "this join token is used up; make a new one"
    answer = door.enrol("host-000003", join=JOIN, token="0c" * 32, now=START)
    assert answer.reason == words
    assert door.host_of("0c" * 32) is None


def test_two_hosts_at_once_share_one_use(fleet_url):
    def enrolled(number):
        with Database.open(fleet_url) as database:
            return SqlEnrolment(database).enrol(
                f"host-{number:06d}",
                join=OTHER_JOIN,
                token=f"{number:064x}",
                now=START,
            )

    with Database.open(fleet_url) as database:
        SqlEnrolment(database).add_join_token(
            OTHER_JOIN, name="one", expires_at=START + HOUR, uses=1
        )
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(enrolled, range(8)))
    assert found.count(None) == 1


def test_one_host_is_enrolled_once_whatever_join_tokens_come_at_once(fleet_url):
    joins = [f"{number:064x}" for number in range(8)]

    def enrolled(join):
        with Database.open(fleet_url) as database:
            return SqlEnrolment(database).enrol(HOST, join=join, token=join, now=START)

    with Database.open(fleet_url) as database:
        for join in joins:
            SqlEnrolment(database).add_join_token(
                join, name="", expires_at=START + HOUR, uses=1
            )
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(enrolled, joins))
    assert found.count(None) == 1


def test_a_join_token_made_again_counts_anew(door):
    door.add_join_token(JOIN, name="rack 7", expires_at=START + HOUR, uses=0)
    assert "used up" in door.enrol(HOST, join=JOIN, token=FIRST, now=START).reason
    later = START + timedelta(days=1)
    door.add_join_token(JOIN, name="rack 7", expires_at=later + HOUR, uses=1)
    assert door.enrol(HOST, join=JOIN, token=FIRST, now=later) is None


def test_a_revoked_host_is_nobody_until_the_end(door, database):
    assert not door.is_revoked(HOST)
    door.enrol(HOST, join=JOIN, token=FIRST, now=START)
    assert not door.is_revoked(HOST)
    assert door.revoke(HOST, now=START + HOUR)
    assert door.is_revoked(HOST)
    assert door.host_of(FIRST) is None
    (host,) = SqlFleet(database).hosts()
    assert host.revoked_at == START + HOUR
    assert not door.is_revoked("host-000009")


def test_a_host_that_central_never_heard_of_can_be_revoked(door, database):
    """It may hold a certificate, which would let it in."""
    assert not door.revoke(HOST, now=START)
    assert door.is_revoked(HOST)
    assert door.enrol(HOST, join=JOIN, token=FIRST, now=START).status == 403
    (host,) = SqlFleet(database).hosts()
    assert (host.revoked_at, host.received_through) == (START, 0)
