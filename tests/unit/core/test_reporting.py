"""Reporting: what is remembered, how much may leave, what is given up."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.envelope import CardReport, LabelledRow
from agent.core.moment import Role
from agent.core.packing import packed
from agent.core.reporting import (
    Allowance,
    ReportState,
    Sender,
    Sharing,
    TaskState,
    WhenFull,
    cost,
    fingerprint,
    holds_more,
    let_out,
    name_of,
    numbered_from,
    read_state,
    shares,
    surplus,
    write_state,
)
from agent.core.scorecard import Scorecard
from agent.core.trial_rows import TrialState
from agent.errors import StateError

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)
STATE = ReportState(
    next_sequence=42,
    end=NOW,
    event=17,
    tasks={"b": TaskState(through=9, leader="a" * 64), "a": TaskState(through=0)},
    trials={"c" * 64: TrialState(block=3, through=7, in_event=("/",))},
    cards=frozenset({"f" * 16, "0" * 16}),
    outcomes={"f" * 16: 20},
    lost=2,
    allowance=Allowance(left=-3.5, at=NOW),
)


# --- state ------------------------------------------------------------------------


def test_before_any_report_the_first_has_number_one():
    assert read_state(None) == ReportState()
    assert read_state(None).next_sequence == 1


def test_the_state_travels_and_is_the_same_bytes():
    document = write_state(STATE)
    assert read_state(document) == STATE
    assert write_state(read_state(document)) == document
    assert document.index(b"0000") < document.index(b"ffff")


def test_the_next_number_alone_can_be_changed():
    changed = read_state(numbered_from(write_state(STATE), 100))
    assert changed == msgspec.structs.replace(STATE, next_sequence=100)
    assert read_state(numbered_from(None, 7)) == ReportState(next_sequence=7)


def test_a_damaged_state_says_what_helps():
    with pytest.raises(StateError, match=r"damaged: .*remove the row `report`"):
        read_state(b'{"next_sequence": "one"}')


def card(resolved=3, **changes):
    known = {"task": "cpu", "digest": "a" * 64, "role": Role.ACTIVE}
    return CardReport.of(
        Scorecard(resolved=resolved, voids={"gap": 1, "clock": 2}),
        **{**known, "day": date(2026, 3, 4), **changes},
    )


def test_a_fingerprint_is_of_the_card_and_of_which_it_is():
    others = [
        card(task="disk"),
        card(digest="b" * 64),
        card(role=Role.SHADOW),
        card(day=date(2026, 3, 5)),
        CardReport.of(
            Scorecard(resolved=4),
            task="cpu",
            digest="a" * 64,
            role=Role.ACTIVE,
            day=date(2026, 3, 4),
        ),
    ]
    assert len({fingerprint(each) for each in [card(), *others]}) == 6
    again = msgspec.json.decode(msgspec.json.encode(card()), type=CardReport)
    assert fingerprint(again) == fingerprint(card())


# --- allowance --------------------------------------------------------------------


def test_an_allowance_fills_by_the_hour():
    empty = Allowance(left=0.0, at=NOW)
    filled = empty.filled(per_day=2_400, now=NOW + timedelta(hours=1))
    assert filled == Allowance(left=100.0, at=NOW + timedelta(hours=1))
    assert filled.spent(130).left == -30.0


@pytest.mark.parametrize(
    ("later", "left"),
    [
        pytest.param(10 * DAY, 2_400.0, id="no_more_than_a_day_is_saved_up"),
        pytest.param(-DAY, 50.0, id="a_clock_that_went_back_adds_nothing"),
        pytest.param(timedelta(), 50.0, id="at_once"),
    ],
)
def test_the_bounds_of_an_allowance(later, left):
    given = Allowance(left=50.0, at=NOW)
    assert given.filled(per_day=2_400, now=NOW + later).left == left


def test_a_site_that_allows_less_takes_what_was_saved():
    saved = Allowance(left=5_000.0, at=NOW)
    assert saved.filled(per_day=100, now=NOW).left == 100
    assert saved.filled(per_day=0, now=NOW + DAY).left == 0


@given(
    st.lists(st.tuples(st.integers(0, 100_000), st.integers(0, 5_000)), max_size=40),
    st.integers(0, 10_000),
)
def test_no_more_leaves_than_is_allowed_but_for_a_day_saved_up(rounds, per_day):
    allowance, now, used = Allowance(left=per_day, at=NOW), NOW, 0
    for wait_s, wanted in rounds:
        now += timedelta(seconds=wait_s)
        allowance = allowance.filled(per_day=per_day, now=now)
        spent = int(min(wanted, max(0.0, allowance.left)))
        allowance, used = allowance.spent(spent), used + spent
        days = (now - NOW) / DAY
        assert used <= per_day * (1 + days) + 1e-6


def test_a_row_costs_its_bytes_and_its_weights():
    row = LabelledRow("cpu", "a" * 64, "", NOW, 1.0, (0.5,), (), (0.25, None))
    assert cost(row) == len(msgspec.json.encode(row)) + 8


# --- shares -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "needs", "expected"),
    [
        pytest.param(90, {"a": 100, "b": 100, "c": 100}, [30, 30, 30], id="evenly"),
        pytest.param(90, {"a": 10, "b": 100, "c": 50}, [10, 40, 40], id="left_over"),
        pytest.param(900, {"a": 10, "b": 100, "c": 50}, [10, 100, 50], id="enough"),
        pytest.param(-5, {"a": 10}, [0], id="none_left"),
        pytest.param(5, {}, [], id="no_task"),
    ],
)
def test_what_one_task_does_not_need_goes_to_the_others(left, needs, expected):
    found = shares(left, needs=needs)
    assert [found[task] for task in sorted(needs)] == expected


@given(
    st.floats(-1e6, 1e6),
    st.dictionaries(st.text("abc", min_size=1), st.floats(0, 1e6), max_size=8),
)
def test_shares_are_within_what_is_left_and_what_is_needed(left, needs):
    found = shares(left, needs=needs)
    assert found.keys() == needs.keys()
    assert all(0 <= found[task] <= needs[task] for task in needs)
    total = min(max(left, 0.0), sum(needs.values()))
    assert sum(found.values()) == pytest.approx(total, abs=1e-3)


# --- drop policy ------------------------------------------------------------------


def sizes_of(*lengths, every=timedelta(hours=1)):
    """Return reports that were cut one by one, the last of them now."""
    oldest = NOW - every * (len(lengths) - 1)
    return [
        (number, oldest + every * (number - 1), length)
        for number, length in enumerate(lengths, 1)
    ]


def given_up(sizes, *, max_bytes=100, max_age=30 * DAY, when=WhenFull.DROP_OLDEST):
    return surplus(sizes, max_bytes=max_bytes, max_age=max_age, when_full=when, now=NOW)


@pytest.mark.parametrize(
    ("lengths", "when", "gone"),
    [
        pytest.param([], WhenFull.DROP_OLDEST, [], id="nothing_waits"),
        pytest.param([50, 50], WhenFull.DROP_OLDEST, [], id="just_full"),
        pytest.param([50, 50, 1], WhenFull.DROP_OLDEST, [1], id="oldest"),
        pytest.param([50, 50, 1], WhenFull.DROP_NEWEST, [3], id="newest"),
        pytest.param([30, 30, 90], WhenFull.DROP_OLDEST, [1, 2], id="some"),
        pytest.param([30, 30, 90], WhenFull.DROP_NEWEST, [3], id="one_is_enough"),
        pytest.param([500], WhenFull.DROP_OLDEST, [1], id="one_that_never_fits"),
        pytest.param([500], WhenFull.DROP_NEWEST, [1], id="nor_from_this_end"),
    ],
)
def test_what_goes_when_it_is_too_much(lengths, when, gone):
    assert given_up(sizes_of(*lengths), when=when) == gone


@pytest.mark.parametrize("when", list(WhenFull))
def test_what_is_too_old_goes_first_whatever_the_policy(when):
    sizes = sizes_of(90, 90, 10, every=DAY)
    assert given_up(sizes, max_age=DAY, when=when) == [1]
    assert given_up(sizes, max_age=2 * DAY, max_bytes=190, when=when) == []


def test_a_report_from_the_future_is_not_old():
    assert given_up([(1, NOW + DAY, 10)], max_age=timedelta(hours=1)) == []


@given(
    st.lists(st.integers(1, 60), max_size=30),
    st.integers(0, 200),
    st.integers(0, 40),
    st.sampled_from(list(WhenFull)),
)
def test_what_is_left_fits_and_no_more_goes_than_must(lengths, most, hours, when):
    sizes = sizes_of(*lengths)
    age = timedelta(hours=hours)
    gone = given_up(sizes, max_bytes=most, max_age=age, when=when)
    left = [each for each in sizes if each[0] not in gone]
    assert gone == sorted(set(gone))
    assert sum(length for _, _, length in left) <= most
    assert all(NOW - at <= age for _, at, _ in left)
    young = [n for n, at, _ in sizes if NOW - at <= age and n in gone]
    if young:
        last = young[-1] if when is WhenFull.DROP_OLDEST else young[0]
        length = next(length for n, _, length in sizes if n == last)
        assert sum(length for _, _, length in left) + length > most


# --- what may be told ---------------------------------------------------------------

SUMMARIES, SAMPLES = Sharing.SUMMARIES, Sharing.SAMPLES
TODAY = date(2026, 3, 4)


@pytest.mark.parametrize(
    ("sharing", "resolved", "today", "is_told"),
    [
        pytest.param(SUMMARIES, 49, TODAY, False, id="few_are_new"),
        pytest.param(SUMMARIES, 50, TODAY, True, id="twenty_are_new"),
        pytest.param(SUMMARIES, 30, TODAY, True, id="as_it_was_told"),
        pytest.param(SUMMARIES, 31, TODAY + DAY, True, id="the_day_is_over"),
        pytest.param(SUMMARIES, 31, TODAY - DAY, False, id="the_clock_went_back"),
        pytest.param(SAMPLES, 31, TODAY, True, id="samples"),
    ],
)
def test_below_samples_a_card_is_told_by_the_twenty(sharing, resolved, today, is_told):
    before = card(30)
    state = ReportState(
        cards=frozenset({fingerprint(before)}), outcomes={name_of(before): 30}
    )
    found = state.may_tell(card(resolved), sharing=sharing, today=today)
    assert found == is_told


def test_the_first_of_a_card_is_no_less_than_twenty():
    first = ReportState()
    assert not first.may_tell(card(19), sharing=SUMMARIES, today=TODAY)
    assert first.may_tell(card(20), sharing=SUMMARIES, today=TODAY)


def test_a_name_says_which_card_it_is_and_not_what_is_on_it():
    assert name_of(card(1)) == name_of(card(2))
    others = [card(task="disk"), card(digest="b" * 64), card(role=Role.SHADOW)]
    names = {name_of(each) for each in [card(), card(day=date(2026, 3, 5)), *others]}
    assert len(names) == 5


def test_below_samples_an_event_names_no_moment_and_no_operator():
    label = {"task": "cpu", "moment": 7, "label": "happened", "by": "ada"}
    assert let_out(label, sharing=SAMPLES) == label
    assert let_out(label, sharing=SUMMARIES) == {"task": "cpu", "by": "operator"}
    assert let_out({"task": "cpu"}, sharing=SUMMARIES) == {"task": "cpu"}


@pytest.mark.parametrize(
    ("document", "sharing", "host_name", "is_more"),
    [
        ("{}", SUMMARIES, None, False),
        ('{"labelled": null, "host_name": null}', SUMMARIES, None, False),
        ('{"labelled": {"rows": []}}', SAMPLES, None, False),
        ('{"labelled": {"rows": []}}', SUMMARIES, "db-1", True),
        ('{"host_name": "db-1"}', SAMPLES, None, True),
        ('{"host_name": "db-1"}', SUMMARIES, "db-1", False),
        ("[", SAMPLES, "db-1", True),
    ],
)
def test_a_report_that_waits_is_held_against_what_may_leave_now(
    document, sharing, host_name, is_more
):
    host = Sender(host_id="a" * 8, agent="1", sharing=sharing, host_name=host_name)
    assert holds_more(packed(document.encode()), host=host) == is_more


def test_what_cannot_be_read_is_not_known_to_hold_less():
    assert holds_more(b"damaged", host=Sender(host_id="a" * 8, agent="1"))
