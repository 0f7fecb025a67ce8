"""The line-up: each slot holds one release or none."""

import pytest

from agent.core.lineup import LineUp
from agent.core.moment import Role


def test_an_empty_line_up_has_no_roles():
    assert list(LineUp(task="t").roles()) == []


@pytest.mark.parametrize(
    ("slots", "roles"),
    [
        (
            {"shadow": "c", "standby": "b", "active": "a"},
            [(Role.ACTIVE, "a"), (Role.STANDBY, "b"), (Role.SHADOW, "c")],
        ),
        ({"shadow": "c"}, [(Role.SHADOW, "c")]),
        ({"active": "a", "shadow": "c"}, [(Role.ACTIVE, "a"), (Role.SHADOW, "c")]),
    ],
)
def test_the_active_release_comes_first_and_an_empty_slot_not_at_all(slots, roles):
    assert list(LineUp(task="t", **slots).roles()) == roles


def test_every_role_of_a_release_has_a_slot():
    slots = {role: role for role in Role if role is not Role.BASELINE}
    assert {role for role, _ in LineUp(task="t", **slots).roles()} == set(slots)


@pytest.mark.parametrize(
    ("leaver", "left"),
    [
        pytest.param("a", {"active": "b", "shadow": "c"}, id="the_standby_takes_over"),
        pytest.param("b", {"active": "a", "shadow": "c"}, id="the_standby_leaves"),
        pytest.param("c", {"active": "a", "standby": "b"}, id="the_shadow_leaves"),
        pytest.param(
            "d", {"active": "a", "standby": "b", "shadow": "c"}, id="a_stranger"
        ),
    ],
)
def test_who_leaves_makes_room(leaver, left):
    lineup = LineUp(task="t", active="a", standby="b", shadow="c")
    assert lineup.without(leaver) == LineUp(task="t", **left)


@pytest.mark.parametrize(
    ("leaver", "is_pinned"),
    [("a", False), ("b", True), ("c", True), ("d", True)],
)
def test_a_pin_goes_with_the_release_that_was_pinned(leaver, is_pinned):
    lineup = LineUp(task="t", active="a", standby="b", shadow="c", is_pinned=True)
    assert lineup.without(leaver).is_pinned is is_pinned


def test_a_line_up_is_not_pinned_unless_somebody_says_so():
    assert not LineUp(task="t", active="a").is_pinned
    assert not LineUp(task="t", active="a", standby="b").without("a").is_pinned


def test_without_a_standby_the_baseline_speaks():
    lineup = LineUp(task="t", active="a", shadow="c")
    assert lineup.without("a") == LineUp(task="t", shadow="c")
