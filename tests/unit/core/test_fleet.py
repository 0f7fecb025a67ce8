"""The fleet rule: pooled evidence of harm, and of the right to go on."""

from itertools import pairwise, permutations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.accounts import LAMBDAS, weight
from agent.core.fleet import (
    FleetGuard,
    FleetRow,
    bet_sums,
    excluded,
    too_many,
)

TICKS = 120
UNIT = 10**9


def row(share=0.0, *, host="a", block=0, merit=0.0, bets=5, episodes=1):
    """A host that bet on a mean x of `share` a tick."""
    return FleetRow(
        host,
        7,
        block,
        n=TICKS,
        active=UNIT,
        reference=UNIT,
        episodes=episodes,
        harm=bet_sums(bets, excess=share * TICKS),
        merit=bet_sums(bets, excess=merit * TICKS),
    )


ROWS = st.builds(
    FleetRow,
    st.just("a"),
    st.just(7),
    st.just(3),
    *[st.integers(0, 10**12)] * 4,
    *[st.tuples(*[st.integers(-(10**11), 10**11)] * 5)] * 2,
)


def guard_of(**terms):
    return FleetGuard(TICKS, 24, **terms)


def test_the_rule_by_hand():
    # Section 7 of the design: two clusters, one of two hosts of which one is silent.
    guard = guard_of()
    guard.add(0, {"db": [row(0.02), None], "web": [row(-0.01)]})
    grown = [weight(0) * (1 + b * 0.01) * (1 - b * 0.01) for b in LAMBDAS]
    assert guard.evidence() == pytest.approx(1 - weight(0) + sum(grown) / 5)
    guard.add(4, {"db": [row(0.03, block=4)]})
    grown = [
        (s + weight(1)) * (1 + b * 0.03) for b, s in zip(LAMBDAS, grown, strict=True)
    ]
    assert guard.evidence() == pytest.approx(1 - weight(0) - weight(1) + sum(grown) / 5)
    assert guard.episodes == 3


def test_a_lambda_that_did_not_bet_wins_nothing():
    assert bet_sums(2, excess=0.5, parts=2) == (UNIT // 4, UNIT // 4, 0, 0, 0)
    guard = guard_of()
    guard.add(0, {"db": [row(0.02, bets=1)]})
    assert guard.harm.wealth[1:] == pytest.approx([weight(0)] * 4)


@given(ROWS, ROWS, ROWS)
def test_rows_are_merged_in_any_order(one, two, three):
    merged = one.merged(two).merged(three)
    assert merged == three.merged(two.merged(one)) == two.merged(one.merged(three))


@pytest.mark.parametrize("other", [row(host="b"), row(block=1)])
def test_rows_of_others_are_not_merged(other):
    with pytest.raises(ValueError, match="row: expected of"):
        row().merged(other)


@given(st.lists(st.floats(-0.06, 0.3), min_size=3, max_size=3))
def test_evidence_is_the_same_in_any_order_of_clusters_and_hosts(shares):
    seen = set()
    for order in permutations(range(3)):
        guard = guard_of()
        clusters = {str(i): [row(shares[i]), row(shares[i - 1])] for i in order}
        guard.add(0, clusters)
        guard.add(1, {"all": [row(shares[i], block=1) for i in order]})
        seen.add(msgspec.json.encode(guard))
    assert len(seen) == 1


def test_a_row_is_small():
    assert len(msgspec.json.encode(row(0.0123456, host="host-0123456789"))) < 250


def test_the_guard_is_its_own_state():
    guard = guard_of()
    guard.add(3, {"db": [row(0.0123, block=3)]})
    again = msgspec.json.decode(msgspec.json.encode(guard), type=FleetGuard)
    assert again == guard
    for one in (guard, again):
        one.add(4, {"db": [row(0.0321, block=4)]})
    assert again.evidence() == guard.evidence()


def test_a_harmful_rollout_is_halted_for_good():
    guard = guard_of()
    for block in range(30):
        guard.add(block, {str(i): [row(0.02, block=block)] for i in range(10)})
    assert guard.halted()
    assert not guard.may_advance()
    for block in range(30, 400):
        guard.add(block, {str(i): [row(-0.05, block=block)] for i in range(10)})
    assert guard.evidence() < 1
    assert guard.halted()


def test_without_a_row_nothing_is_known():
    guard = guard_of()
    for block in range(100):
        guard.add(block, {"db": [None, None], "web": []})
    assert guard.evidence() == pytest.approx(1.0)
    assert not guard.halted()


def test_hosts_that_are_hit_together_count_once():
    apart, together = guard_of(), guard_of()
    for block in range(20):
        rows = [row(0.005, block=block) for _ in range(10)]
        apart.add(block, {str(i): [one] for i, one in enumerate(rows)})
        together.add(block, {"rack": rows})
    assert apart.halted()
    assert not together.halted()
    assert together.evidence() < 2


def test_evidence_without_end_stays_a_number():
    guard = guard_of()
    for block in range(5):
        guard.add(block, {str(i): [row(0.9, block=block)] for i in range(300)})
    assert guard.evidence() < 1e101
    assert msgspec.json.decode(msgspec.json.encode(guard), type=FleetGuard) == guard


@pytest.mark.parametrize(
    ("merit", "episodes", "blocks", "may"),
    [
        pytest.param(0.1, 2, 24, True, id="shown_not_worse"),
        pytest.param(0.0, 2, 24, False, id="nothing_shown"),
        pytest.param(0.1, 2, 23, False, id="not_a_day"),
        pytest.param(0.1, 0, 24, False, id="no_episodes"),
    ],
)
def test_the_next_stage_begins_when_shown_not_worse(merit, episodes, blocks, may):
    guard = guard_of()
    for block in range(blocks):
        rows = [row(0.0, block=block, merit=merit, episodes=episodes)]
        guard.add(block, {"a": rows, "b": rows})
    assert guard.may_advance() is may


@pytest.mark.parametrize(
    ("active", "may"),
    [
        pytest.param(109, True, id="within_the_margin"),
        pytest.param(110, False, id="at_the_margin"),
        pytest.param(150, False, id="worse_on_the_whole"),
    ],
)
def test_what_the_bets_show_must_hold_of_all_that_was_lost(active, may):
    guard = guard_of(margin=0.1)
    for block in range(24):
        sent = row(0.0, block=block, merit=0.1, episodes=2)
        sent = msgspec.structs.replace(sent, active=active, reference=100)
        guard.add(block, {"a": [sent], "b": [None]})
    assert guard.merit.evidence() > 20
    assert guard.losses == (24 * active, 2400)
    assert guard.may_advance() is may


def test_a_harmless_fleet_is_hardly_ever_halted():
    generator = np.random.default_rng(4)
    halted = 0
    for _ in range(100):
        guard = guard_of(alpha=0.05)
        for block in range(30):
            shares = generator.choice([-0.05, 0.05], 5)
            clusters = {str(i): [row(x, block=block)] for i, x in enumerate(shares)}
            guard.add(block, clusters)
        halted += guard.halted()
    assert halted <= 5


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (row(2.0), "a bet of 0.85 cannot end at 2 a tick"),
        (row(-0.1), "a bet of 13.6 cannot end at -0.1 a tick"),
        (row(merit=-0.1), "a bet of 13.6 cannot end at -0.1 a tick"),
        (row(episodes=-1), "counts and sums of losses are never negative"),
        (FleetRow("a", 7, 0, n=1, active=2 * UNIT), "no loss is above 1"),
        (row(block=5), "got another block"),
    ],
)
def test_a_row_that_cannot_be_is_refused_and_changes_nothing(sent, message):
    guard = guard_of()
    before = msgspec.json.encode(guard)
    with pytest.raises(ValueError, match=message):
        guard.add(0, {"db": [row(), sent]})
    assert msgspec.json.encode(guard) == before


def test_a_block_is_counted_once():
    guard = guard_of()
    guard.add(3, {})
    with pytest.raises(ValueError, match="block: expected after 3, got 3"):
        guard.add(3, {})


@pytest.mark.parametrize("terms", [(0, 24), (120, 0), (120, 24, 0.0), (120, 24, 1.0)])
def test_terms_that_prove_nothing_are_refused(terms):
    with pytest.raises(ValueError, match="fleet guard: expected ticks and blocks"):
        FleetGuard(*terms)


@pytest.mark.parametrize(("hosts", "many"), [(0, 1), (1, 2), (50, 3), (1000, 7)])
def test_so_many_rollbacks_of_healthy_hosts_are_no_chance(hosts, many):
    # Section 7 of the design: n = 50: 3; n = 1000: 7.
    assert too_many(hosts, alpha=0.001) == many


def test_a_large_fleet_has_a_backstop_too():
    grown = [too_many(n, alpha=0.001) for n in (10, 10**3, 10**5, 10**6)]
    assert all(a < b for a, b in pairwise(grown))
    assert grown[-1] == pytest.approx(1000 + 3.72 * 1000**0.5, rel=0.01)


def test_clusters_are_taken_out_by_their_rank():
    # e-BH by hand: 4 clusters, fdr 0.1: the m-th needs 40 / m.
    evidence = {"a": 21.0, "b": 0.5, "c": 20.0, "d": 12.0}
    assert excluded(evidence, 0.1) == {"a", "c"}
    assert excluded(evidence | {"d": 13.4}, 0.1) == {"a", "c", "d"}
    assert excluded({"a": 39.0, "b": 1.0, "c": 1.0, "d": 1.0}, 0.1) == frozenset()
    assert excluded({}, 0.1) == frozenset()
