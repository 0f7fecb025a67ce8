"""The scorecard: sums that come to the same in any order, to the last digit."""

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.scorecard import BINS, UNIT, Bin, Level, Scorecard, merged

PROBABILITIES = st.floats(0, 1) | st.sampled_from([0.0, 0.1, 0.3, 0.7, 0.999, 1.0])
EVENTS = st.tuples(PROBABILITIES, PROBABILITIES, st.booleans(), st.floats(0, 1e5))
VALUES = st.tuples(*[st.floats(-1e12, 1e12)] * 5)
VOIDS = st.sampled_from(["gap", "reboot", "clock", "retired"])
# Events, values and voids: the baseline's card is that of whatever its task predicts.
LESSONS = st.lists(EVENTS | VALUES | VOIDS, max_size=12)


def counted(lessons, *, into=None):
    card = Scorecard() if into is None else into
    for lesson in lessons:
        if isinstance(lesson, str):
            card.add_void(lesson)
        elif len(lesson) == 4:
            probability, baseline, happened, lead_s = lesson
            card.add_event(
                probability,
                baseline=baseline,
                happened=happened,
                threshold=0.5,
                lead_s=lead_s if happened else 0.0,
            )
        else:
            *predicted, value = lesson
            card.add_value(
                predicted[:2],
                baseline=predicted[2:],
                value=value,
                quantiles=(0.1, 0.9),
            )
    return card


def event(probability, *, happened=False, baseline=0.5, threshold=0.5, lead_s=0.0):
    card = Scorecard()
    card.add_event(
        probability,
        baseline=baseline,
        happened=happened,
        threshold=threshold,
        lead_s=lead_s,
    )
    return card


def text(card):
    return msgspec.json.encode(card)


# Merging.


@settings(deadline=None, max_examples=100)
@given(LESSONS, LESSONS, LESSONS)
def test_cards_merge_to_the_same_in_any_order(one, two, three):
    a, b, c = counted(one), counted(two), counted(three)
    assert a.merged(b) == b.merged(a)
    assert a.merged(b).merged(c) == a.merged(b.merged(c)) == merged([c, b, a])


@settings(deadline=None, max_examples=50)
@given(LESSONS)
def test_an_empty_card_changes_nothing(lessons):
    card = counted(lessons)
    assert card.merged(Scorecard()) == card == Scorecard().merged(card)
    assert merged([]) == Scorecard()


@settings(deadline=None, max_examples=100)
@given(LESSONS, st.lists(st.integers(0, 3), min_size=12, max_size=12), st.randoms())
def test_cards_merge_to_the_one_card_that_counts_all(lessons, parts, shuffler):
    cards = [Scorecard() for _ in range(4)]
    for lesson, part in zip(lessons, parts, strict=False):
        counted([lesson], into=cards[part])
    shuffled = list(lessons)
    shuffler.shuffle(shuffled)
    assert merged(cards) == counted(lessons) == counted(shuffled)


@settings(deadline=None, max_examples=50)
@given(LESSONS, LESSONS)
def test_what_was_merged_stays_as_it_was(one, two):
    a, b = counted(one), counted(two)
    together = a.merged(b)
    kept = text(a), text(b)
    counted([(0.5, 0.5, True, 60.0), (1.0, 2.0, 3.0, 4.0, 5.0), "gap"], into=together)
    assert (text(a), text(b)) == kept


@settings(deadline=None, max_examples=100)
@given(LESSONS, LESSONS)
def test_to_take_away_what_was_counted_undoes_it_to_the_digit(one, two):
    kept, gone = counted(one), counted(two)
    assert counted(two, into=counted(one)).without(gone) == kept
    assert gone.without(gone) == Scorecard()
    assert (kept, gone) == (counted(one), counted(two))


def test_a_corrected_outcome_is_counted_as_if_it_had_been_so_from_the_beginning():
    before = counted([(0.7, 0.2, False, 0.0), (0.1, 0.2, False, 0.0), "gap"])
    read, said = event(0.7, baseline=0.2), event(0.7, baseline=0.2, happened=True)
    expected = counted([(0.7, 0.2, True, 0.0), (0.1, 0.2, False, 0.0), "gap"])
    assert before.without(read).merged(said) == expected


# As a text.


@settings(deadline=None, max_examples=100)
@given(LESSONS)
def test_a_card_is_what_it_was_written_as(lessons):
    card = counted(lessons)
    assert msgspec.json.decode(text(card), type=Scorecard) == card


def test_bins_and_levels_are_written_without_their_names():
    card = event(0.25, happened=True)
    card.add_value((1.0,), baseline=(0.0,), value=2.0, quantiles=(0.5,))
    written = msgspec.json.decode(text(card))
    assert written["bins"][2] == [1, 250_000_000, 1]
    assert written["levels"] == {"0.5": [1, 500_000_000, 10**9, 0]}


def test_sums_beyond_64_bits_are_written_to_the_digit():
    # Bytes a second, or a model that has lost its mind: still finite.
    card = Scorecard()
    for _ in range(3):
        card.add_value((3e38,), baseline=(1e10,), value=0.0, quantiles=(0.5,))
    assert card.levels["0.5"].pinball > 2**64
    assert msgspec.json.decode(text(card), type=Scorecard) == card


# Events.


def test_an_empty_card_has_no_bins():
    assert Scorecard().bins == []
    assert len(event(0.5).bins) == BINS


@pytest.mark.parametrize(
    ("probability", "tenth"),
    [(0.0, 0), (0.05, 0), (0.1, 1), (0.3, 3), (0.899, 8), (0.9, 9), (1.0, 9)],
)
def test_a_probability_falls_into_its_tenth(probability, tenth):
    bins = event(probability, happened=True).bins
    expected = Bin(count=1, probability=round(probability * UNIT), happened=1)
    assert [i for i, each in enumerate(bins) if each != Bin()] == [tenth]
    assert bins[tenth] == expected


@pytest.mark.parametrize(
    ("probability", "happened", "brier", "log_loss"),
    [
        (0.8, True, 0.04, -math.log(0.8)),
        (0.8, False, 0.64, -math.log(0.2)),
        (1.0, True, 0.0, -math.log(0.999)),
        (0.0, False, 0.0, -math.log(0.999)),
        (1.0, False, 1.0, -math.log(0.001)),
        (0.0, True, 1.0, -math.log(0.001)),
        (0.0001, True, 0.99980001, -math.log(0.001)),
    ],
)
def test_losses_are_squared_errors_and_clipped_logarithms(
    probability, happened, brier, log_loss
):
    card = event(probability, happened=happened, baseline=probability)
    assert card.brier == card.baseline_brier == round(brier * UNIT)
    assert card.log_loss == card.baseline_log_loss == round(log_loss * UNIT)


@pytest.mark.parametrize(
    ("probability", "happened", "field"),
    [
        (0.5, True, "hits"),
        (0.5, False, "false_alarms"),
        (0.4999, True, "misses"),
        (0.4999, False, "quiet"),
    ],
)
def test_a_probability_at_the_threshold_is_an_alarm(probability, happened, field):
    card = event(probability, happened=happened, lead_s=60.0)
    fields = ("hits", "false_alarms", "misses", "quiet")
    assert {f: getattr(card, f) for f in fields} == {f: f == field for f in fields}
    assert card.lead_s == (60 * UNIT if field == "hits" else 0)
    assert sum(card.lead_times.values()) == (field == "hits")


@pytest.mark.parametrize(
    ("lead_s", "step"), [(0.5, "0"), (1.0, "0"), (1.2, "1"), (60.0, "42")]
)
def test_a_lead_time_falls_into_a_step_of_a_tenth(lead_s, step):
    # 1.1 ** 42 = 54.8, 1.1 ** 43 = 60.2.
    assert event(1.0, happened=True, lead_s=lead_s).lead_times == {step: 1}


def test_a_hit_of_which_nobody_knows_when_it_came_has_no_lead_time():
    card = event(1.0, happened=True, lead_s=0.0)
    assert (card.hits, card.lead_s, card.lead_times) == (1, 0, {})


@settings(deadline=None, max_examples=50)
@given(st.lists(EVENTS, max_size=12))
def test_every_event_is_counted_once(lessons):
    card = counted(lessons)
    alarms = card.hits + card.misses + card.false_alarms + card.quiet
    assert card.resolved == alarms == sum(b.count for b in card.bins) == len(lessons)
    assert card.happened == card.hits + card.misses
    assert card.happened == sum(b.happened for b in card.bins)
    known = [each for each in lessons if each[0] >= 0.5 and each[2] and each[3]]
    assert sum(card.lead_times.values()) == len(known) <= card.hits


def test_voids_are_counted_by_reason_and_are_not_resolved():
    card = counted(["gap", "reboot", "gap"])
    assert card == Scorecard(voids={"gap": 2, "reboot": 1})


# Values.


def test_a_value_is_counted_at_each_level():
    # Koenker and Bassett, "Regression Quantiles" (1978): the check function.
    card = Scorecard()
    card.add_value((6.0, 10.0), baseline=(7.0, 7.0), value=7.0, quantiles=(0.1, 0.9))
    card.add_value((8.0, 7.0), baseline=(7.0, 7.0), value=9.0, quantiles=(0.1, 0.9))
    # 0.1 * 1 + 0.1 * 1; 0.1 * 3 + 0.9 * 2; the baseline 0.1 * 2 and 0.9 * 2.
    assert card.levels == {
        "0.1": Level(
            count=2, pinball=200_000_000, baseline_pinball=200_000_000, covered=0
        ),
        "0.9": Level(
            count=2, pinball=2_100_000_000, baseline_pinball=1_800_000_000, covered=1
        ),
    }
    assert card.resolved == 2
    assert card.bins == []


@pytest.mark.parametrize(("value", "covered"), [(0.9, 1), (1.0, 1), (1.1, 0)])
def test_a_value_at_the_prediction_is_covered(value, covered):
    card = Scorecard()
    card.add_value((1.0,), baseline=(1.0,), value=value, quantiles=(0.5,))
    assert card.levels["0.5"].covered == covered


def test_levels_that_are_almost_the_same_are_counted_apart():
    card = Scorecard()
    quantiles = (0.9999999, 0.99999999)
    card.add_value((1.0, 1.0), baseline=(1.0, 1.0), value=1.0, quantiles=quantiles)
    assert [float(name) for name in card.levels] == list(quantiles)


def test_as_many_predictions_as_levels_are_wanted():
    with pytest.raises(ValueError, match="zip"):
        Scorecard().add_value((1.0,), baseline=(1.0, 2.0), value=1.0, quantiles=(0.5,))
