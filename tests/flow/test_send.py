"""Sending: each answer has its row; nothing is lost, nothing is sent in vain."""

from contextlib import suppress
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.event import EventName
from agent.core.reporting import numbered_from, read_state
from agent.errors import ConfigError
from agent.flows.send import Aside, send
from agent.ports.reporting import Later, Refused, Taken
from tests.fakes.ledger import START
from tests.fakes.spool import (
    KilledError,
    MemorySpool,
    ScriptedCentral,
    parcel,
    said,
)

AWAY = Later(reason="https://central: expected an answer, got: refused")
BUSY = Later(reason="429", after_s=90.0)
CONFLICT = Refused(status=409, reason="taken", received_through=40)


def spool_of(*numbers):
    return MemorySpool(*(parcel(n, said=f"r{n}") for n in numbers))


def sent(spool, central, *, limit=10):
    return send(spool, central, now=START, limit=limit)


def waiting(spool):
    return [each.sequence for each in spool.waiting(limit=99)]


def names(spool):
    return [event.name for event in spool.events]


@pytest.mark.parametrize(
    ("answer", "left", "aside", "told"),
    [
        pytest.param("take", [], [], EventName.REPORT_SENT, id="taken"),
        pytest.param(
            Taken(received_through=99), [], [], EventName.REPORT_SENT, id="taken_more"
        ),
        pytest.param(
            Taken(received_through=6), [7], [], EventName.REPORT_FAILED, id="less"
        ),
        pytest.param("lose", [7], [], EventName.REPORT_FAILED, id="answer_lost"),
        pytest.param(AWAY, [7], [], EventName.REPORT_FAILED, id="unreachable"),
        pytest.param(BUSY, [7], [], EventName.REPORT_FAILED, id="too_many"),
        *[
            pytest.param(
                Refused(status=status, reason="no"),
                [],
                [7],
                EventName.REPORT_SET_ASIDE,
                id=f"status_{status}",
            )
            for status in (400, 413, 422)
        ],
        pytest.param(
            Refused(status=409, reason="no"),
            [],
            [7],
            EventName.REPORT_SET_ASIDE,
            id="conflict_without_a_number",
        ),
        pytest.param(
            Refused(status=409, reason="no", received_through=6),
            [],
            [7],
            EventName.REPORT_SET_ASIDE,
            id="conflict_that_is_none",
        ),
        pytest.param(CONFLICT, [41], [], EventName.REPORTS_RENUMBERED, id="conflict"),
    ],
)
def test_what_becomes_of_a_report(answer, left, aside, told):
    spool = spool_of(7)
    sent(spool, ScriptedCentral(answer), limit=1)
    assert waiting(spool) == left
    assert [each.parcel.sequence for each in spool.aside()] == aside
    assert names(spool) == [told]


def test_the_oldest_goes_first_and_a_round_has_its_limit():
    spool, central = spool_of(5, 6, 7), ScriptedCentral()
    result = sent(spool, central, limit=2)
    assert (central.asked, result.sent, result.waiting) == ([5, 6], (5, 6), 1)
    assert result.later is None
    assert [dict(event.fields) for event in spool.events] == [
        {"sequence": 5, "bytes": len(parcel(5, said="r5").body), "waiting": 2},
        {"sequence": 6, "bytes": len(parcel(6, said="r6").body), "waiting": 1},
    ]


def test_nothing_waits_and_nobody_is_asked():
    spool, central = spool_of(), ScriptedCentral()
    result = sent(spool, central)
    assert (central.asked, result.sent, result.waiting) == ([], (), 0)
    assert spool.events == []


def test_only_what_was_sent_is_deleted_whatever_else_central_has():
    """A number that central has may be another report's: each is asked about."""
    spool, central = spool_of(5, 6, 7), ScriptedCentral(Taken(received_through=7))
    sent(spool, central, limit=1)
    assert waiting(spool) == [6, 7]


def test_a_refused_report_never_blocks_the_rest():
    spool = spool_of(5, 6)
    central = ScriptedCentral(Refused(status=413, reason="2,000,001 bytes"))
    result = sent(spool, central)
    reason = "status 413: 2,000,001 bytes"
    assert result.set_aside == (Aside(sequence=5, reason=reason),)
    assert (result.sent, central.said) == ((6,), ["r6"])
    assert [each.reason for each in spool.aside()] == [reason]
    assert spool.events[0].fields == {"sequence": 5, "reason": reason}


def test_who_is_told_to_come_later_stops_and_says_when():
    spool, central = spool_of(5, 6, 7), ScriptedCentral("take", BUSY)
    result = sent(spool, central)
    assert (central.asked, result.later, result.waiting) == ([5, 6], BUSY, 2)


def test_who_is_not_let_in_stops_and_loses_nothing():
    refusal = ConfigError("central: expected a token of this host, got status 401")
    spool, central = spool_of(5, 6), ScriptedCentral("take", refusal)
    with pytest.raises(ConfigError, match="got status 401"):
        sent(spool, central)
    assert waiting(spool) == [6]
    assert spool.events[-1].name is EventName.REPORT_FAILED
    assert spool.events[-1].fields == {"reason": str(refusal)}


def test_a_conflict_gives_all_that_waits_new_numbers_and_goes_on():
    spool = spool_of(1, 2, 3)
    central = ScriptedCentral(stored=[parcel(n, said=f"old{n}") for n in (1, 2)])
    result = sent(spool, central)
    assert (central.asked, result.sent) == ([1, 3, 4, 5], (3, 4, 5))
    assert central.said == ["old1", "old2", "r1", "r2", "r3"]
    assert [said(body)[0] for body in central.stored.values()] == [1, 2, 3, 4, 5]
    assert read_state(spool.state()).next_sequence == 6
    assert spool.events[0].fields == {"count": 3, "first": 3}


def test_a_conflict_without_end_is_given_up_and_says_what_may_be_the_cause():
    spool = spool_of(1)
    numbers = count(10)
    central = ScriptedCentral(
        *(Refused(status=409, reason="", received_through=next(numbers)) for _ in "abc")
    )
    result = sent(spool, central)
    assert (central.asked, result.renumberings) == ([1, 11, 12], 2)
    assert "no other host has this one's machine-id" in result.later.reason
    assert waiting(spool) == [12]


def test_killed_in_a_renumbering_leaves_old_or_new_numbers():
    for writes in range(6):
        spool = spool_of(1, 2)
        before = spool.waiting(limit=9)
        spool.dies_before = writes
        try:
            sent(spool, ScriptedCentral(CONFLICT), limit=1)
        except KilledError:
            assert spool.waiting(limit=9) == before
            assert spool.state() is None
        else:
            assert waiting(spool) == [41, 42]
            assert read_state(spool.state()).next_sequence == 43


ANSWERS = st.sampled_from(["take", "take", "lose", "die", AWAY, BUSY])
KILLS = st.none() | st.integers(0, 8)


@given(
    rounds=st.lists(
        st.tuples(st.lists(ANSWERS, max_size=4), KILLS, st.integers(0, 3)), max_size=12
    ),
    first=st.integers(0, 4),
)
@settings(deadline=None)
def test_nothing_is_lost_and_nothing_acknowledged_goes_again(rounds, first):
    """Whatever central answers, whenever either side dies.

    Args:
        rounds: What the answers are, at which write it dies, how much is cut before.
        first: How many reports central has of a host that lost its state.
    """
    central = ScriptedCentral(stored=[parcel(n, said=f"old{n}") for n in _to(first)])
    spool, cut, acknowledged = MemorySpool(), [], set()
    for script, dies_before, fresh in [*rounds, ([], None, 1), ([], None, 0)]:
        for _ in range(fresh):
            cut.append(_cut(spool, said=f"r{len(cut)}"))
        central.script, central.asked = list(script), []
        spool.dies_before = dies_before
        with suppress(KilledError):
            sent(spool, central, limit=99)
        spool.dies_before = None
        assert not acknowledged & set(central.asked)
        acknowledged |= {
            event.fields["sequence"]
            for event in spool.events
            if event.name is EventName.REPORT_SENT
        }
    assert waiting(spool) == []
    old = [f"old{n}" for n in _to(first)]
    assert sorted(central.said) == sorted([*old, *cut])
    assert acknowledged == set(central.stored) - set(_to(first))


def _to(last):
    return range(1, last + 1)


def _cut(spool, *, said):
    """Write a report as the cut does: it and the next number in one transaction."""
    with spool.transaction():
        number = read_state(spool.state()).next_sequence
        spool.put(parcel(number, said=said))
        spool.set_state(numbered_from(spool.state(), number + 1))
    return said
