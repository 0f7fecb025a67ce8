"""Turns: each move is a law about who speaks next, and about whose life goes on."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.lineup import LineUp
from agent.core.moment import Role
from agent.core.release import LIVES, OVER, ReleaseEvent, ReleaseState
from agent.core.turn import Move, departed, turned
from agent.errors import IllegalTransitionError

FULL = LineUp(task="t", active="a", standby="b", shadow="c")
STATES = {
    "a": ReleaseState.CONFIRMED,
    "b": ReleaseState.STANDBY,
    "c": ReleaseState.SHADOW,
    "d": ReleaseState.ROLLED_BACK,
    "e": ReleaseState.REJECTED,
    "f": ReleaseState.RETIRED,
}
FITTING = {
    Role.ACTIVE: {ReleaseState.PROBATION, ReleaseState.CONFIRMED},
    Role.STANDBY: {ReleaseState.STANDBY},
    Role.SHADOW: {ReleaseState.SHADOW},
}


def slots(**of):
    return LineUp(task="t", **of)


def turn(move, digest, *, lineup=FULL, states=STATES):
    return turned(move, digest, lineup=lineup, states=states)


@pytest.mark.parametrize(
    ("move", "digest", "lineup", "left", "changed"),
    [
        pytest.param(
            *(Move.PROMOTE, "c", FULL, slots(active="c", standby="a")),
            {"a": "standby", "b": "retired", "c": "probation"},
            id="who_was_active_stands_by_and_who_stood_by_retires",
        ),
        pytest.param(
            *(Move.PROMOTE, "c", slots(active="a", shadow="c")),
            slots(active="c", standby="a"),
            {"a": "standby", "c": "probation"},
            id="promoted_with_nobody_on_standby",
        ),
        pytest.param(
            *(Move.PROMOTE, "c", slots(shadow="c"), slots(active="c")),
            {"c": "probation"},
            id="promoted_where_the_baseline_spoke",
        ),
        pytest.param(
            *(Move.PROMOTE, "c", replace(FULL, is_pinned=True)),
            slots(active="c", standby="a", is_pinned=True),
            {"a": "standby", "b": "retired", "c": "probation"},
            id="to_promote_a_pinned_version_is_for_the_asker_to_refrain_from",
        ),
        pytest.param(
            *(Move.ROLL_BACK, "a", FULL, slots(active="b", shadow="c")),
            {"a": "rolled_back", "b": "confirmed"},
            id="the_standby_speaks_again",
        ),
        pytest.param(
            *(Move.ROLL_BACK, "a", slots(active="a", is_pinned=True), slots()),
            {"a": "rolled_back"},
            id="without_a_standby_the_baseline_speaks_and_nothing_is_pinned",
        ),
        pytest.param(
            *(Move.ROLL_BACK, "b", FULL, slots(active="a", shadow="c")),
            {"b": "rolled_back"},
            id="the_standby_leaves",
        ),
        pytest.param(
            *(Move.ROLL_BACK, "c", FULL, slots(active="a", standby="b")),
            {"c": "rejected"},
            id="the_shadow_leaves",
        ),
        pytest.param(
            *(Move.RECALL, "b", FULL, slots(active="b", standby="a", shadow="c")),
            {"a": "standby", "b": "confirmed"},
            id="active_and_standby_change_places",
        ),
        pytest.param(
            *(Move.PIN, "a", FULL, replace(FULL, is_pinned=True), {}), id="pin"
        ),
        pytest.param(
            *(Move.UNPIN, "a", replace(FULL, is_pinned=True), FULL, {}), id="unpin"
        ),
        pytest.param(Move.UNPIN, "f", FULL, FULL, {}, id="unpin_what_is_not_pinned"),
        pytest.param(
            *(Move.CLEAR, "d", FULL, FULL, {"d": "retired"}), id="clear_rolled_back"
        ),
        pytest.param(
            *(Move.CLEAR, "e", FULL, FULL, {"e": "retired"}), id="clear_rejected"
        ),
    ],
)
def test_moves(move, digest, lineup, left, changed):
    found = turn(move, digest, lineup=lineup)
    assert (found.lineup, found.states) == (left, changed)


def test_probation_ends_with_a_confirmation_and_nobody_moves():
    states = STATES | {"a": ReleaseState.PROBATION}
    found = turn(Move.CONFIRM, "a", states=states)
    assert (found.lineup, found.states) == (FULL, {"a": "confirmed"})


@pytest.mark.parametrize(
    ("move", "digest", "lineup"),
    [
        pytest.param(Move.PROMOTE, "a", FULL, id="promote_the_active"),
        pytest.param(Move.PROMOTE, "c", slots(active="a"), id="promote_who_left"),
        pytest.param(Move.CONFIRM, "a", FULL, id="confirm_the_confirmed"),
        pytest.param(Move.CONFIRM, "b", FULL, id="confirm_the_standby"),
        pytest.param(Move.ROLL_BACK, "f", FULL, id="roll_back_who_left"),
        pytest.param(Move.RECALL, "a", FULL, id="recall_the_active"),
        pytest.param(Move.RECALL, "b", slots(active="a"), id="recall_who_left"),
        pytest.param(Move.RECALL, "b", slots(standby="b"), id="recall_from_nobody"),
        pytest.param(Move.PIN, "b", FULL, id="pin_the_standby"),
        pytest.param(Move.CLEAR, "a", FULL, id="clear_who_is_at_work"),
    ],
)
def test_a_release_without_the_place_is_left_alone(move, digest, lineup):
    assert turn(move, digest, lineup=lineup) is None


@pytest.mark.parametrize("move", Move)
def test_a_release_that_is_not_known_is_left_alone(move):
    assert turn(move, "x") is None
    assert turn(move, "a", states={"b": ReleaseState.STANDBY}) is None


def test_a_step_without_a_row_in_the_table_is_an_error():
    staged = STATES | {"c": ReleaseState.STAGED}
    with pytest.raises(IllegalTransitionError, match="staged can be activated"):
        turn(Move.PROMOTE, "c", states=staged)


def test_a_standby_of_a_newer_program_is_passed_over():
    """Its state is not known here, so it cannot be recalled: the baseline speaks."""
    states = {"a": ReleaseState.CONFIRMED, "c": ReleaseState.SHADOW}
    found = turn(Move.ROLL_BACK, "a", states=states)
    assert found.lineup == slots(shadow="c")
    assert found.states == {"a": "rolled_back"}


def test_an_active_release_of_a_newer_program_stands_by_with_its_state_unchanged():
    states = {"b": ReleaseState.STANDBY, "c": ReleaseState.SHADOW}
    found = turn(Move.PROMOTE, "c", states=states)
    assert found.lineup == slots(active="c", standby="a")
    assert found.states == {"b": "retired", "c": "probation"}


def test_operations_may_end_a_life_too():
    event = ReleaseEvent.WITHDRAWN
    found = departed(FULL, "a", states=STATES, event=event)
    assert found.lineup == slots(active="b", shadow="c")
    assert found.states == {"a": "withdrawn", "b": "confirmed"}


def test_an_event_that_ends_no_such_life_is_an_error():
    with pytest.raises(IllegalTransitionError, match="shadow can be failed"):
        departed(FULL, "c", states=STATES, event=ReleaseEvent.FAILED)


@st.composite
def staffed(draw):
    """Return a line-up and states that fit it, with some releases out of work."""
    digests = iter("abc")
    held, states = {}, {}
    for role, fitting in FITTING.items():
        if draw(st.booleans()):
            digest = next(digests)
            held[role.value] = digest
            states[digest] = draw(st.sampled_from(sorted(fitting)))
    states["z"] = draw(st.sampled_from(sorted(OVER)))
    return slots(**held, is_pinned=draw(st.booleans())), states


@given(staffed(), st.lists(st.tuples(st.sampled_from(Move), st.sampled_from("abcz"))))
def test_whatever_is_decided_every_slot_holds_who_fits_it(staff, moves):
    lineup, states = staff
    for move, digest in moves:
        found = turned(move, digest, lineup=lineup, states=states)
        if found is None:
            continue
        assert all(
            any(key[0] is states[d] and end is s for key, end in LIVES.items())
            for d, s in found.states.items()
        )
        lineup, states = found.lineup, states | found.states
    held = {digest: role for role, digest in lineup.roles()}
    assert len(held) == len(list(lineup.roles()))
    assert all(states[digest] in FITTING[role] for digest, role in held.items())
    assert all(states[d] in OVER for d in states if d not in held)
