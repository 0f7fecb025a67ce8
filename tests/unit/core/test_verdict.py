"""The verdicts: one table; who is asked what, and what follows."""

from collections import Counter

import pytest

from agent.core.moment import Role, Thesis
from agent.core.turn import Move
from agent.core.verdict import ON_PROBATION, RULES, Verdict


def place(rule):
    return RULES.index(rule)


def of(move):
    return [rule for rule in RULES if rule.move is move]


def test_each_question_has_one_rule():
    asked = Counter((r.thesis, r.release, r.reference) for r in RULES)
    assert set(asked.values()) == {1}


def test_nobody_is_held_against_himself_and_nobody_judges_the_baseline():
    assert all(rule.release is not rule.reference for rule in RULES)
    assert all(rule.release is not Role.BASELINE for rule in RULES)


def test_what_is_worse_leaves_before_anything_else_is_decided():
    last = max(map(place, of(Move.ROLL_BACK)))
    rest = [place(rule) for rule in RULES if rule.move is not Move.ROLL_BACK]
    assert last < min(rest)


def test_only_what_is_shown_to_be_worse_is_rolled_back():
    assert {rule.thesis for rule in of(Move.ROLL_BACK)} == {Thesis.WORSE}
    assert {rule.thesis for rule in RULES if rule.move is not Move.ROLL_BACK} == {
        Thesis.NOT_WORSE,
        Thesis.BETTER,
    }


def test_two_guards_watch_the_active_release():
    watching = [r.reference for r in of(Move.ROLL_BACK) if r.release is Role.ACTIVE]
    assert watching == [Role.STANDBY, Role.BASELINE]


@pytest.mark.parametrize("role", [Role.ACTIVE, Role.STANDBY, Role.SHADOW])
def test_who_is_scored_can_be_found_to_be_worse(role):
    assert role in {rule.release for rule in of(Move.ROLL_BACK)}


def test_only_a_shadow_is_promoted_and_only_over_the_active_release():
    assert {(r.release, r.reference) for r in of(Move.PROMOTE)} == {
        (Role.SHADOW, Role.ACTIVE)
    }
    assert [r.thesis for r in of(Move.PROMOTE)] == [Thesis.BETTER, Thesis.NOT_WORSE]


def test_a_release_is_heard_once_it_is_shown_to_be_as_good_as_the_baseline():
    assert {(r.thesis, r.reference) for r in of(None)} == {
        (Thesis.NOT_WORSE, Role.BASELINE)
    }
    assert [r.release for r in of(None)] == [Role.ACTIVE, Role.STANDBY, Role.SHADOW]


def test_to_be_confirmed_is_asked_of_the_test_that_shows_harm():
    question = (ON_PROBATION.thesis, ON_PROBATION.release, ON_PROBATION.reference)
    assert question == (Thesis.WORSE, Role.ACTIVE, Role.BASELINE)
    assert ON_PROBATION.move is Move.CONFIRM
    assert ON_PROBATION not in RULES


def test_a_verdict_says_what_and_of_whom_and_is_carried_out_unless_it_is_held():
    verdict = Verdict(move=Move.ROLL_BACK, digest="aa", fault="it raised")
    assert (verdict.evidence, verdict.is_held) == (None, False)
    assert Verdict(move=None, digest="aa") != verdict
