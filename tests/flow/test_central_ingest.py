"""A report comes in: taken once, or refused with a reason and nothing stored."""

import gzip
import json
import re

import msgspec
import pytest

from agent.errors import StateError, UnavailableError
from central.adapters.database import (
    Database,
    SqlEnrolment,
    SqlFleet,
    SqlInbox,
    SqlReports,
)
from central.core.answer import Answer, Verdict
from central.flows.admit import admit, digest, enrol
from central.flows.ingest import RETRY_AFTER_S, busy, read_report, store
from central.ports.intake import Shown
from tests.fakes.told import HOST, HOUR, START, full_report, report

OTHER = "host-000002"
MAX_UNPACKED = 100_000
DEEP = 15_000


class Central:
    """The fleet's database, and the way in."""

    def __init__(self, url):
        self.database = Database.open(url)
        self.reports = SqlReports(self.database)
        self.enrolment = SqlEnrolment(self.database)
        self.fleet = SqlFleet(self.database)
        self.inbox = SqlInbox(self.database)
        self._secrets = iter(f"secret-{number}" for number in range(99))

    def takes(self, *bodies, host_id=HOST):
        """Return the answers to some bodies; what can be stored is, together."""
        read = [
            read_report(body, host_id=host_id, max_unpacked=MAX_UNPACKED, now=START)
            for body in bodies
        ]
        arrivals = [each for each in read if not isinstance(each, Answer)]
        stored = iter(store(arrivals, reports=self.reports))
        return [each if isinstance(each, Answer) else next(stored) for each in read]

    def enrols(self, asked, *, now=START):
        return enrol(
            asked, enrolment=self.enrolment, draw=self._secrets.__next__, now=now
        )

    def admits(self, **shown):
        return admit(Shown(**shown), enrolment=self.enrolment)

    def holds(self):
        """Return what is known of each host's reports, and how many samples wait."""
        rows = [(row.host_id, row.received_through) for row in self.fleet.hosts()]
        return rows, sum(len(each.rows) for each in self.inbox.claim(limit=1000))


@pytest.fixture
def central(fleet_url):
    central = Central(fleet_url)
    yield central
    central.database.close()


def packed(envelope):
    return gzip.compress(msgspec.json.encode(envelope), mtime=0)


def changed(**changes):
    """Return a good report's document with some keys changed; packed."""
    return gzip.compress(json.dumps(json.loads(GOOD_TEXT) | changes).encode())


def replaced(old, new):
    assert old in GOOD_TEXT
    return gzip.compress(GOOD_TEXT.replace(old, new))


GOOD = full_report(1, samples=5)
GOOD_TEXT = msgspec.json.encode(GOOD)

REFUSED = [
    pytest.param(b"no gzip", "malformed", "expected gzip", id="no_gzip"),
    pytest.param(packed(GOOD)[:-9], "malformed", "up to its end", id="truncated"),
    pytest.param(packed(GOOD) * 2, "malformed", "one gzip member", id="two_members"),
    pytest.param(gzip.compress(b"{"), "malformed", "report: ", id="no_json"),
    pytest.param(gzip.compress(b"[]"), "malformed", "report: ", id="no_object"),
    pytest.param(changed(schema=2), "malformed", "schema 1, got 2", id="wrong_schema"),
    pytest.param(changed(schema="1"), "malformed", r"\$.schema", id="schema_as_text"),
    pytest.param(changed(surprise=1), "malformed", "surprise", id="unknown_key"),
    pytest.param(changed(sequence=0), "malformed", r"\$.sequence", id="number_zero"),
    pytest.param(
        changed(sequence=2**64), "malformed", r"\$.sequence", id="number_too_large"
    ),
    pytest.param(
        replaced(b'"weights":[2.5,', b'"weights":[NaN,'),
        "malformed",
        "report: ",
        id="nan",
    ),
    pytest.param(
        replaced(b'"weights":[2.5,', b'"weights":[1e999,'),
        "malformed",
        "report: ",
        id="beyond_a_double",
    ),
    pytest.param(
        replaced(b'"weights":[2.5,', b'"weights":[' + b"9" * 5000 + b","),
        "malformed",
        "report: ",
        id="five_thousand_digits",
    ),
    pytest.param(
        replaced(b'"west"', b'"\xff\xfe"'), "malformed", "report: ", id="no_utf8"
    ),
    pytest.param(
        replaced(b'"agent":"1.0"', b'"agent":"1.0","agent":"2.0"'),
        "malformed",
        "agent: expected once",
        id="a_key_twice",
    ),
    pytest.param(
        replaced(b'"labels":{', b'"labels":{"deep":' + b'{"a":' * DEEP),
        "malformed",
        "report: ",
        id="deep_nesting",
    ),
    pytest.param(
        gzip.compress(b"[" * MAX_UNPACKED), "malformed", "report: ", id="only_depth"
    ),
    pytest.param(
        gzip.compress(bytes(50_000_000)), "too_long", "at most 100.0 kB", id="gzip_bomb"
    ),
    pytest.param(
        gzip.compress(b"[" + b"0," * 30_000 + b"0]"),
        "malformed",
        "at most 25000 values, got 30000",
        id="a_bomb_of_numbers",
    ),
    pytest.param(
        packed(full_report(1, host_id=OTHER)),
        "foreign",
        f"expected the sender's own, host_id {HOST}, got {OTHER}",
        id="foreign_host",
    ),
]


@pytest.mark.parametrize(("body", "verdict", "words"), REFUSED)
def test_what_is_refused_leaves_nothing_and_the_next_report_unaffected(
    central, body, verdict, words
):
    before, after = central.takes(body), central.holds()
    assert [each.verdict for each in before] == [verdict]
    assert re.search(words, before[0].reason)
    assert after == ([], 0)
    bad, good = central.takes(body, packed(GOOD))
    assert (bad.verdict, good.verdict) == (verdict, "taken")
    assert central.holds() == ([(HOST, 1)], 5)


def test_a_report_is_taken_with_its_samples(central):
    (answer,) = central.takes(packed(GOOD))
    assert answer == Answer(verdict=Verdict.TAKEN, received_through=1)
    assert central.holds() == ([(HOST, 1)], 5)


def test_a_report_that_comes_again_is_acknowledged_and_not_stored_twice(central):
    first, second = central.takes(packed(GOOD), packed(GOOD))
    (third,) = central.takes(packed(GOOD))
    assert [each.verdict for each in (first, second, third)] == [
        "taken",
        "repeated",
        "repeated",
    ]
    assert {each.received_through for each in (first, second, third)} == {1}
    assert central.holds() == ([(HOST, 1)], 5)


def test_it_is_the_same_report_however_it_is_packed(central):
    bodies = [gzip.compress(GOOD_TEXT, level, mtime=level) for level in (1, 9)]
    assert [each.verdict for each in central.takes(*bodies)] == ["taken", "repeated"]


def test_another_report_of_the_same_number_is_told_where_to_go_on(central):
    central.takes(packed(report(1)), packed(report(3)))
    (answer,) = central.takes(packed(report(1, agent="2.0")))
    assert (answer.verdict, answer.received_through) == ("number_taken", 3)
    assert "report 1" in answer.reason


def test_what_comes_late_fills_its_hole(central):
    through = [
        answer.received_through
        for number in (1, 4, 2)
        for answer in central.takes(packed(report(number)))
    ]
    assert through == [1, 4, 4]
    assert [list(row.holes) for row in central.fleet.hosts()] == [[(3, 3)]]


@pytest.mark.parametrize("error", [UnavailableError("away"), StateError("damaged")])
def test_what_cannot_be_stored_now_is_asked_for_later(error):
    class Broken:
        def store_many(self, arrivals):
            raise error

    read = read_report(packed(GOOD), host_id=HOST, max_unpacked=MAX_UNPACKED, now=START)
    answers = store([read, read], reports=Broken())
    assert [each.verdict for each in answers] == [Verdict.BUSY] * 2
    assert {each.retry_after_s for each in answers} == {RETRY_AFTER_S}


def test_why_nothing_can_be_stored_is_for_the_log_only():
    answer = busy("/srv/fleet.db: disk full")
    assert answer.reason == "/srv/fleet.db: disk full"
    assert "later" in answer.words
    assert "fleet.db" not in answer.words


# Who may come in ------------------------------------------------------------------


def joined(central, host_id, *, join="join", uses=1, **shown):
    """Enrol a host; return its token."""
    central.enrolment.add_join_token(
        digest(join), name="test", expires_at=START + HOUR, uses=uses
    )
    return central.enrols(asked(host_id, join=join, **shown))


def asked(host_id, *, join="join", **more):
    return json.dumps({"host_id": host_id, "join_token": join, **more}).encode()


def test_an_enrolled_host_is_let_in_by_its_token(central):
    token = joined(central, HOST)
    assert central.admits(token=token) == HOST


def test_a_certificate_that_names_a_host_lets_it_in(central):
    assert central.admits(name=HOST) == HOST


def test_token_and_certificate_of_one_host_go_together(central):
    token = joined(central, HOST)
    assert central.admits(token=token, name=HOST) == HOST


@pytest.mark.parametrize(
    ("shown", "verdict"),
    [
        pytest.param({}, "unknown", id="nothing"),
        pytest.param({"token": "guess"}, "unknown", id="a_token_of_nobody"),
        pytest.param({"token": ""}, "unknown", id="an_empty_token"),
        pytest.param({"name": "Web Server"}, "unknown", id="a_name_that_is_no_id"),
        pytest.param(
            {"token": "guess", "name": HOST}, "unknown", id="a_guess_beside_a_name"
        ),
    ],
)
def test_who_shows_no_host_is_not_let_in(central, shown, verdict):
    assert central.admits(**shown).verdict == verdict


def test_token_and_certificate_of_two_hosts_are_refused(central):
    token = joined(central, HOST)
    assert central.admits(token=token, name=OTHER).verdict == "foreign"


def test_a_certificates_host_that_never_reported_can_be_revoked(central):
    assert central.admits(name=HOST) == HOST
    central.enrolment.revoke(HOST, now=START)
    assert central.admits(name=HOST).verdict == "revoked"


def test_a_revoked_host_is_let_in_by_nothing(central):
    token = joined(central, HOST)
    assert central.enrolment.revoke(HOST, now=START)
    assert central.admits(token=token).verdict == "unknown"
    assert central.admits(name=HOST).verdict == "revoked"


def test_a_join_token_takes_over_no_host_that_is_enrolled(central):
    token = joined(central, HOST)
    for shown in ({}, {"token": "guess"}, {"token": ""}, {"token": None}):
        answer = joined(central, HOST, join="other", **shown)
        assert (answer.status, answer.verdict) == (409, "enrolled_already")
        assert "join-token --host" in answer.reason
    assert central.admits(token=token) == HOST


def test_a_host_that_enrols_anew_has_its_new_token_only(central):
    old = joined(central, HOST)
    new = joined(central, HOST, join="other", token=old)
    assert central.admits(token=new) == HOST
    assert central.admits(token=old).verdict == "unknown"


@pytest.mark.parametrize(
    ("body", "verdict", "words"),
    [
        pytest.param(b"{", "malformed", "enrolment: ", id="no_json"),
        pytest.param(asked("X"), "malformed", "host_id", id="no_host_id"),
        pytest.param(asked(HOST, more=1), "malformed", "more", id="unknown_key"),
        pytest.param(
            asked(HOST)[:-1] + b',"join_token":"join"}',
            "malformed",
            "join_token: expected once",
            id="a_key_twice",
        ),
        pytest.param(
            asked(HOST, join="\ud800"), "malformed", "enrolment: ", id="half_a_letter"
        ),
        pytest.param(asked(HOST, join="guess"), "not_enrolled", "known", id="a_guess"),
    ],
)
def test_who_asks_wrongly_gets_no_token(central, body, verdict, words):
    central.enrolment.add_join_token(
        digest("join"), name="test", expires_at=START + HOUR, uses=1
    )
    answer = central.enrols(body)
    assert answer.verdict == verdict
    assert words in answer.reason
    assert "guess" not in answer.reason


def test_a_join_token_is_used_up_and_expires(central):
    joined(central, HOST)
    assert central.enrols(asked(OTHER)).verdict == "not_enrolled"
    central.enrolment.add_join_token(
        digest("late"), name="test", expires_at=START + HOUR, uses=9
    )
    late = central.enrols(asked(OTHER, join="late"), now=START + HOUR)
    assert late.verdict == "not_enrolled"
