"""The life of a release: the table is the law."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.release import (
    LIVES,
    OVER,
    QUARANTINED,
    ReleaseEvent,
    ReleaseState,
    after,
)
from agent.errors import IllegalTransitionError


def lived(events):
    state = ReleaseState.STAGED
    for event in events:
        state = after(state, ReleaseEvent(event))
    return state


@pytest.mark.parametrize(
    ("events", "end"),
    [
        pytest.param(["failed"], "rejected", id="fails_its_trial"),
        pytest.param(["superseded"], "retired", id="overtaken_before_its_trial"),
        pytest.param(["qualified", "breached"], "rejected", id="breaches_as_shadow"),
        pytest.param(["qualified", "superseded"], "retired", id="overtaken_as_shadow"),
        pytest.param(
            ["qualified", "activated", "breached"],
            "rolled_back",
            id="breaches_on_probation",
        ),
        pytest.param(
            ["qualified", "activated", "confirmed", "breached"],
            "rolled_back",
            id="breaches_when_confirmed",
        ),
        pytest.param(
            ["qualified", "activated", "confirmed", "superseded", "recalled"],
            "confirmed",
            id="steps_back_in",
        ),
        pytest.param(
            ["qualified", "activated", "confirmed", "superseded", "superseded"],
            "retired",
            id="grows_old",
        ),
        pytest.param(
            ["qualified", "activated", "confirmed", "superseded", "breached"],
            "rolled_back",
            id="breaks_down_while_it_stands_by",
        ),
        pytest.param(["qualified", "withdrawn"], "withdrawn", id="taken_back"),
        pytest.param(
            ["qualified", "activated", "withdrawn", "verified", "qualified"],
            "shadow",
            id="taken_back_and_offered_again",
        ),
        pytest.param(
            ["qualified", "superseded", "verified"], "staged", id="offered_again"
        ),
        pytest.param(
            ["qualified", "activated", "breached", "cleared", "verified"],
            "staged",
            id="cleared_and_offered_again",
        ),
        pytest.param(["failed", "cleared"], "retired", id="cleared_after_its_trial"),
    ],
)
def test_lives(events, end):
    assert lived(events) == end


@given(st.sampled_from(ReleaseState), st.sampled_from(ReleaseEvent))
def test_what_has_no_row_cannot_happen(state, event):
    if (state, event) in LIVES:
        assert after(state, event) is LIVES[state, event]
    else:
        with pytest.raises(
            IllegalTransitionError, match=f"no release that is {state} can be {event}"
        ):
            after(state, event)


def test_what_failed_here_runs_here_again_only_if_an_operator_clears_it():
    ways = {event for state, event in LIVES if state in QUARANTINED}
    assert ways == {ReleaseEvent.CLEARED}
    assert QUARANTINED < OVER


def test_who_is_cleared_is_not_at_work_by_that():
    cleared = {end for (_, event), end in LIVES.items() if event == "cleared"}
    assert cleared == {ReleaseState.RETIRED}


def test_every_state_is_reached_and_left():
    assert set(LIVES.values()) == set(ReleaseState)
    assert {state for state, _ in LIVES} == set(ReleaseState)
