"""Strikes: what ends a release's work at once, and what a host may be the cause of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.strike import STRIKES, Strike, Tally


def tallied(*strikes):
    tally = Tally()
    for strike in strikes:
        tally.add(strike, reason=f"it was {strike}")
    return tally


def test_every_strike_has_a_limit():
    assert set(STRIKES) == set(Strike)
    assert all(limit >= 1 for limit in STRIKES.values())


def test_what_cannot_be_a_hosts_fault_ends_it_at_once():
    once = {strike for strike, limit in STRIKES.items() if limit == 1}
    assert once == {Strike.UNLOADABLE, Strike.IMPOSSIBLE}


def test_a_release_that_does_nothing_wrong_is_not_at_fault():
    assert tallied().fault is None
    assert tallied(*[None] * 100).fault is None


@pytest.mark.parametrize("strike", Strike)
def test_it_is_at_fault_once_the_limit_is_reached_and_not_before(strike):
    limit = STRIKES[strike]
    assert tallied(*[strike] * (limit - 1)).fault is None
    often = f", {limit} times in a row" if limit > 1 else ""
    assert tallied(*[strike] * limit).fault == f"it was {strike}{often}"


@pytest.mark.parametrize("between", [None, Strike.SLOW])
def test_what_comes_between_begins_the_count_anew(between):
    raised = Strike.RAISED
    assert tallied(raised, raised, between, raised, raised).fault is None
    assert tallied(raised, raised, between, raised, raised, raised).fault is not None


def test_what_it_fell_over_first_is_what_is_told():
    tally = tallied(*[Strike.RAISED] * 3, Strike.IMPOSSIBLE, None, None)
    assert tally.fault == "it was raised, 3 times in a row"


@given(st.lists(st.sampled_from([*Strike, None]), max_size=40))
def test_it_is_at_fault_if_some_strike_came_as_often_in_a_row_as_it_may_not(strikes):
    runs = [
        strikes[start : start + limit] == [strike] * limit
        for strike, limit in STRIKES.items()
        for start in range(len(strikes) - limit + 1)
    ]
    assert (tallied(*strikes).fault is not None) == any(runs)
