"""A scorecard on its way upstream: the same counts under other names."""

import re
from datetime import date

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.core.envelope import CardReport, is_sound
from agent.core.envelope.cards import Counts, Losses, miscount
from agent.core.moment import BASELINE, Role, Void
from agent.core.scorecard import Bin, Level, Scorecard, merged

DAY = date(2026, 3, 1)
WORDS = "bins and levels: expected"
EVENTS = st.tuples(
    st.floats(0, 1), st.floats(0, 1), st.booleans(), st.sampled_from([0.0, 0.5, 1e6])
)
VALUES = st.tuples(
    st.floats(-1e38, 1e38), st.floats(-1e12, 1e12), st.floats(0, 1, exclude_min=True)
)
LESSONS = st.lists(EVENTS | VALUES | st.sampled_from(Void), max_size=12)


def counted(lessons):
    card = Scorecard()
    for lesson in lessons:
        if isinstance(lesson, Void):
            card.add_void(lesson)
        elif len(lesson) == 3:
            predicted, value, level = lesson
            level = min(level, 0.999)
            card.add_value(
                (predicted,), baseline=(0.0,), value=value, quantiles=[level]
            )
        else:
            said, baseline, happened, lead_s = lesson
            card.add_event(
                said, baseline=baseline, happened=happened, threshold=0.5, lead_s=lead_s
            )
    return card


def sent(card):
    return CardReport.of(
        card, task="disk-full", digest=BASELINE, role=Role.BASELINE, day=DAY
    )


def arrived(report):
    """Return a card as central reads it."""
    return msgspec.json.decode(msgspec.json.encode(report), type=CardReport)


@settings(deadline=None, max_examples=100)
@given(LESSONS)
def test_a_card_arrives_to_the_digit(lessons):
    card = counted(lessons)
    report = arrived(sent(card))
    assert report == sent(card)
    assert report.card() == sent(card).card() == card
    assert miscount(report) == ""


@settings(deadline=None, max_examples=100)
@given(LESSONS, LESSONS)
def test_what_is_left_after_a_correction_arrives_too(kept, gone):
    # Nothing that was not counted before is taken away, so no count is below 0.
    left = counted([*kept, *gone]).without(counted(gone))
    report = arrived(sent(left))
    assert report.card() == left == counted(kept)
    assert miscount(report) == ""


@settings(deadline=None, max_examples=40)
@given(st.lists(LESSONS, max_size=3))
def test_cards_merge_upstream_as_they_would_have_on_the_host(days):
    cards = [counted(lessons) for lessons in days]
    assert merged([arrived(sent(card)).card() for card in cards]) == merged(cards)


def test_each_count_stands_under_the_name_of_the_contract():
    card = counted([(0.9, 0.2, True, 0.5), (0.1, 0.2, False, 0.0), Void.GAP])
    written = msgspec.json.decode(msgspec.json.encode(sent(card)))
    assert written["counts"] == {
        "resolved": 2,
        "happened": 1,
        "hits": 1,
        "misses": 0,
        "false_alarms": 0,
        "quiet": 1,
        "voids": {"gap": 1},
    }
    assert written["loss"]["brier"] == 20_000_000
    assert written["calibration"][9] == [1, 900_000_000, 1]
    assert written["lead_time_s"] == {"sum": 500_000_000, "steps": {"0": 1}}
    assert (written["role"], written["day"]) == ("baseline", "2026-03-01")


@pytest.mark.parametrize("name", ["brier", "baseline_brier", "log_loss"])
def test_a_sum_may_be_below_0(name):
    card = Scorecard(**{name: -5})
    assert arrived(sent(card)).card() == card


@pytest.mark.parametrize(
    "card",
    [
        Scorecard(resolved=-1),
        Scorecard(quiet=-1),
        Scorecard(voids={"gap": -1}),
        Scorecard(lead_times={"3": -1}),
        Scorecard(resolved=2**53 + 1),
    ],
)
def test_a_count_that_cannot_be_does_not_arrive(card):
    with pytest.raises(msgspec.ValidationError, match=r"Expected `int` [<>]= \d+"):
        arrived(sent(card))


@pytest.mark.parametrize(
    ("card", "words"),
    [
        pytest.param(Scorecard(bins=[Bin(2**53, 0, 0)]), "", id="most"),
        pytest.param(
            Scorecard(bins=[Bin(-1)]), "counts from 0 to 9007199254740992", id="bin"
        ),
        pytest.param(
            Scorecard(bins=[Bin(0, 0, 2**53 + 1)]),
            "counts from 0 to 9007199254740992",
            id="happened",
        ),
        pytest.param(
            Scorecard(levels={"0.5": Level(-1)}),
            "counts from 0 to 9007199254740992",
            id="level",
        ),
        pytest.param(
            Scorecard(levels={"0.5": Level(covered=2**53 + 1)}),
            "counts from 0 to 9007199254740992",
            id="covered",
        ),
        pytest.param(Scorecard(bins=[Bin(0, 10**300)]), "", id="largest_sum"),
        pytest.param(Scorecard(levels={"0.5": Level(0, -(10**300))}), "", id="least"),
        pytest.param(
            Scorecard(bins=[Bin(0, 10**300 + 1)]), "sums of at most 1e300", id="sum"
        ),
        pytest.param(
            Scorecard(levels={"0.5": Level(1, -(10**300) - 1)}),
            "sums of at most 1e300",
            id="pinball",
        ),
        pytest.param(
            Scorecard(levels={"0.5": Level(1, 0, 10**4000)}),
            "sums of at most 1e300",
            id="baseline_pinball",
        ),
    ],
)
def test_no_host_counts_what_no_fleet_could_add_up(card, words):
    assert miscount(arrived(sent(card))) == (f"{WORDS} {words}" if words else "")


@settings(deadline=None)
@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
@example(5e-324)
@example(1e-05)
@example(0.00012345678901234567)
@example(0.9999999999999999)
def test_every_level_that_a_manifest_may_name_arrives(level):
    losses = Losses(levels={str(level): Level(1, 2, 3, 1)})
    document = msgspec.json.encode(losses)
    assert msgspec.json.decode(document, type=Losses) == losses


@pytest.mark.parametrize(
    "key",
    [
        "half",
        "",
        ".5",
        "1.0",
        "1",
        "-0.5",
        "0.5\n",
        "nan",
        "inf",
        "1e5",
        "\u0660.\u0665",
    ],
)
def test_a_level_that_lies_not_between_0_and_1_does_not_arrive(key):
    document = msgspec.json.encode({"levels": {key: [1, 2, 3, 1]}})
    with pytest.raises(msgspec.ValidationError, match=re.escape("at `key` in `$.le")):
        msgspec.json.decode(document, type=Losses)


def test_a_card_that_central_would_refuse_is_not_sound():
    report = CardReport(
        task="cpu", digest="baseline", role=Role.BASELINE, day=date(2026, 11, 23)
    )
    assert is_sound(report)
    below = msgspec.structs.replace(report, counts=Counts(quiet=-1))
    assert not is_sound(below)
    levels = {"0.5": Level(count=-1)}
    less = msgspec.structs.replace(report, loss=Losses(levels=levels))
    assert not is_sound(less)
