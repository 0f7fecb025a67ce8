"""Evidence: the line that a person reads when a release is taken off."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from agent.core.evidence import Evidence, Question
from agent.core.moment import BASELINE, Thesis

SINCE = datetime(2026, 3, 2, 14, 0, 59, tzinfo=UTC)


def evidence(**changes):
    made = Evidence(
        at=SINCE + timedelta(days=1),
        task="disk-full",
        question=Question(Thesis.WORSE, "a" * 64, BASELINE),
        e_value=1012.3,
        threshold=1000.0,
        blocks=80,
        ticks=3200,
        episodes=4,
        lost=17,
        loss=0.02184,
        reference_loss=0.009512,
        allowed=0.010463,
        predictions=2880,
        run_blocks=72,
        run_episodes=3,
        run_lost=12,
        since=SINCE,
        started_at=SINCE - timedelta(days=1),
    )
    return msgspec.structs.replace(made, **changes)


def words(**changes):
    return evidence(**changes).in_words(release="v13", reference="v12")


NO_RUN = {
    "loss": None,
    "reference_loss": None,
    "allowed": None,
    "predictions": 0,
    "run_blocks": 0,
}


def test_the_worked_example_of_the_design():
    # guard.md 2.4, with the episodes and the lost outcomes that belong beside it.
    assert words() == (
        "v13: loss 0.0218 vs 0.00951 for v12 (allowed 0.0105) over 2880 predictions "
        "in 72 blocks since 2026-03-02 14:00, 3 event episodes, 0.4% of outcomes lost, "
        "e-value 1.01e+03 >= 1000"
    )


def test_before_an_outcome_there_is_nothing_to_compare():
    assert words(**NO_RUN, blocks=0, episodes=0, lost=0, e_value=1.0) == (
        "v13: too early to tell, e-value 1 < 1000"
    )


def test_a_release_that_loses_no_more_than_it_may_is_said_to():
    assert words(**NO_RUN, e_value=0.25) == (
        "v13: no excess of loss at present against v12, e-value 0.25 < 1000"
    )


@pytest.mark.parametrize(
    ("e_value", "is_shown", "sign"),
    [(999.999, False, "<"), (1000.0, True, ">="), (1000.1, True, ">=")],
)
def test_a_thesis_is_shown_at_the_threshold(e_value, is_shown, sign):
    assert evidence(e_value=e_value).is_shown is is_shown
    assert words(e_value=e_value).endswith(f"{sign} 1000")


def test_questions_are_told_apart_by_thesis_release_and_reference():
    asked = {
        Question(thesis, release, reference)
        for thesis in Thesis
        for release in ("a", "b")
        for reference in ("a", BASELINE)
    }
    assert len(asked) == 12
    assert min(asked).thesis is min(Thesis)


def test_evidence_is_what_it_was_written_as():
    for made in (evidence(), evidence(**NO_RUN)):
        assert msgspec.json.decode(msgspec.json.encode(made), type=Evidence) == made
