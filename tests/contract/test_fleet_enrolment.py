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


def test_a_host_that_enrols_anew_gets_another_token(door):
    door.enrol(HOST, join=JOIN, token=FIRST, now=START)
    assert door.enrol(HOST, join=JOIN, token=SECOND, now=START) is None
    assert (door.host_of(FIRST), door.host_of(SECOND)) == (None, HOST)


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
    assert door.enrol(HOST, join=join, token=FIRST, now=now) == words
    assert door.host_of(FIRST) is None


def test_a_join_token_lets_in_only_so_many_and_what_is_refused_uses_none(door):
    door.revoke(HOST, now=START)
    assert door.enrol(HOST, join=JOIN, token=FIRST, now=START) is None
    door.revoke(HOST, now=START)
    assert (
        door.enrol(HOST, join=JOIN, token=FIRST, now=START) == "this host was revoked"
    )
    assert door.enrol(OTHER, join=JOIN, token=SECOND, now=START) is None
    words = "this join token is used up; make a new one"
    assert door.enrol("host-000003", join=JOIN, token="0c" * 32, now=START) == words
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


def test_a_join_token_made_again_counts_anew(door):
    door.add_join_token(JOIN, name="rack 7", expires_at=START + HOUR, uses=0)
    assert "used up" in door.enrol(HOST, join=JOIN, token=FIRST, now=START)
    later = START + timedelta(days=1)
    door.add_join_token(JOIN, name="rack 7", expires_at=later + HOUR, uses=1)
    assert door.enrol(HOST, join=JOIN, token=FIRST, now=later) is None


def test_a_revoked_host_is_nobody_until_the_end(door, database):
    assert not door.revoke(HOST, now=START)
    assert not door.is_revoked(HOST)
    door.enrol(HOST, join=JOIN, token=FIRST, now=START)
    assert not door.is_revoked(HOST)
    assert door.revoke(HOST, now=START + HOUR)
    assert door.is_revoked(HOST)
    assert door.host_of(FIRST) is None
    (host,) = SqlFleet(database).hosts()
    assert host.revoked_at == START + HOUR
    assert not door.is_revoked("host-000009")
