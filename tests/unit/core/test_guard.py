"""The guard: what it may never do, and what it always finds."""

import math
from collections import deque
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.accounts import LAMBDAS, weight
from agent.core.guard import PairedGuard, Run, Terms, log_loss, worst_case

EPS = 0.001
PROBABILITIES = st.floats(0, 1)
# What both models said, what came (None: lost), and how many ticks later.
TICKS = st.lists(
    st.tuples(
        PROBABILITIES,
        PROBABILITIES,
        st.sampled_from([True, False, None]),
        st.integers(1, 25),
    ),
    max_size=120,
)
TINY = 1e-12


def guard_of(*, block=4, margin=0.1, alpha=0.05, min_blocks=0, strict=False):
    return PairedGuard(block, margin, alpha, min_blocks=min_blocks, strict=strict)


class Life:
    """Feeds a guard: outcomes that became known first, then the new prediction."""

    def __init__(self, guard):
        self.guard = guard
        self.tick = 0
        self.open = []

    def step(self, said):
        active, reference, happened, delay = said
        self._settle([one for one in self.open if one[0] <= self.tick])
        worst = worst_case(active, reference, 0.1, EPS)
        bets = self.guard.issue(self.tick, worst)
        losses = (None, None)
        if happened is not None:
            losses = (log_loss(p, happened, EPS) for p in (active, reference))
        self.open.append((self.tick + delay, self.tick, bets, worst, *losses))
        self.tick += 1

    def end(self):
        self._settle(list(self.open))

    def _settle(self, due):
        for one in due:
            self.open.remove(one)
            self.guard.resolve(*one[1:])


def lived(ticks, guard):
    life = Life(guard)
    for said in ticks:
        life.step(said)
    return life


def test_the_weights_of_all_bettors_together_stay_below_one():
    # Section 2 of the design; the rest of the series is below 1 / ln(n).
    n = 100_000
    assert 0.9 < sum(map(weight, range(n))) < 1 - 1 / (2.10975 * math.log(n + 3))


def test_the_ledger_by_hand():
    # Section 2 of the design, blocks of 2 ticks, x = 0.4 - 1.1 * 0.1 = 0.29.
    guard = guard_of(block=2)
    first = 1 / (2.10975 * 2 * math.log(2) ** 2)
    assert guard.evidence() == 1.0
    # 13.6 * 0.1 / 2 = 0.68 of 0.9 may be lost: all five bet.
    assert guard.issue(0, 0.1) == 5
    assert guard.evidence() == pytest.approx(1 - sum(LAMBDAS) / 5 * first * 0.1 / 2)
    # 13.6 * 0.2 / 2 = 1.36 is too much, 6.8 * 0.2 / 2 = 0.68 is not.
    assert guard.issue(1, 0.1) == 4
    guard.resolve(0, 5, 0.1, 0.4, 0.1)
    guard.resolve(1, 4, 0.1, None, None)
    after = [first * (1 + bet * 0.29 / 2) for bet in LAMBDAS]
    assert guard.evidence() == pytest.approx(1 - first + sum(after) / 5)
    # The second bettor enters; what the first one won is staked, too.
    second = 1 / (2.10975 * 3 * math.log(3) ** 2)
    assert guard.issue(2, 0.1) == 5
    staked = sum(b * (w + second) for b, w in zip(LAMBDAS, after, strict=True)) / 5
    whole = 1 - first + sum(after) / 5
    assert guard.evidence() == pytest.approx(whole - staked * 0.1 / 2)
    guard.resolve(2, 5, 0.1, 0.0, 0.1)
    assert guard.evidence() == pytest.approx(whole - staked * 0.11 / 2)
    assert (guard.blocks, guard.settled, guard.lost) == (1, 2, 1)


def test_who_has_stopped_bets_again_in_the_next_block():
    guard = guard_of(block=2)
    assert [guard.issue(t, 1.0) for t in range(2)] == [2, 1]
    assert guard.issue(2, 0.01) == 5


def test_without_anybody_betting_nothing_is_at_stake():
    guard = guard_of(block=1)
    assert guard.issue(0, 2.0) == 0
    before = guard.evidence()
    guard.resolve(0, 0, 2.0, 1.0, 0.0)
    assert guard.evidence() == before == 1.0
    assert guard.settled == 1


@settings(max_examples=60, deadline=None)
@given(TICKS)
def test_evidence_does_not_depend_on_how_often_one_looks(ticks):
    seldom, often = guard_of(), guard_of()
    life = Life(often)
    for said in ticks:
        life.step(said)
        looks = {(often.evidence(), often.breached(), often.state()) for _ in range(3)}
        assert len(looks) == 1
    lived(ticks, seldom)
    assert seldom.state() == often.state()


@settings(max_examples=60, deadline=None)
@given(TICKS)
def test_what_both_say_alike_is_no_evidence(ticks):
    guard = guard_of()
    life = Life(guard)
    for active, _, happened, delay in ticks:
        life.step((active, active, happened, delay))
        assert guard.evidence() <= 1 + TINY
        assert not guard.breached()
    life.end()
    assert guard.evidence() <= 1 + TINY


@settings(max_examples=60, deadline=None)
@given(TICKS, st.integers(1, 9))
def test_evidence_never_rises_by_issuing(ticks, block):
    guard = guard_of(block=block)
    life = Life(guard)
    for tick, said in enumerate(ticks):
        life._settle([one for one in life.open if one[0] <= tick])
        before = guard.evidence()
        life.step(said)
        assert guard.evidence() <= before + TINY * max(1, before)


@settings(max_examples=60, deadline=None)
@given(TICKS, st.integers(1, 9))
def test_evidence_is_never_below_zero_and_outcomes_only_raise_it(ticks, block):
    guard = guard_of(block=block)
    life = lived(ticks, guard)
    for one in list(life.open):
        before = guard.evidence()
        life._settle([one])
        assert guard.evidence() >= before - TINY * max(1, before)
    assert guard.evidence() >= 0


@settings(max_examples=60, deadline=None)
@given(TICKS)
def test_lost_outcomes_return_their_reserve(ticks):
    guard = guard_of()
    lived([(a, r, None, delay) for a, r, _, delay in ticks], guard).end()
    assert guard.evidence() == pytest.approx(1.0, abs=TINY)
    assert guard._state.accounts.reserved == [0.0] * 5
    assert guard.lost == len(ticks)


def test_strictly_a_lost_outcome_is_the_worst():
    lenient, strict = guard_of(), guard_of(strict=True)
    for guard in (lenient, strict):
        guard.issue(0, 0.2)
    reserved = strict.evidence()
    for guard in (lenient, strict):
        guard.resolve(0, 5, 0.2)
    assert lenient.evidence() == pytest.approx(1.0)
    assert strict.evidence() == pytest.approx(reserved)


@settings(max_examples=40, deadline=None)
@given(TICKS)
def test_a_restart_at_any_tick_changes_no_bit(ticks):
    steady, restarted = Life(guard_of()), Life(guard_of())
    for said in ticks:
        steady.step(said)
        restarted.guard = PairedGuard.load(restarted.guard.state().encode())
        restarted.step(said)
        assert steady.guard.state() == restarted.guard.state()
        assert steady.guard.breached() == restarted.guard.breached()
    assert steady.guard.run == restarted.guard.run


def test_a_bad_model_is_found_at_the_same_tick_with_restarts():
    def found(*, restarts):
        life = Life(guard_of(block=20, alpha=0.001, min_blocks=6))
        for tick in range(4000):
            happened = tick % 400 < 20
            life.step((0.05, 0.6 if happened else 0.02, happened, 10))
            if restarts and tick % 20 == 7:
                life.guard = PairedGuard.load(life.guard.state())
            if life.guard.breached():
                return tick
        return None

    assert found(restarts=True) == found(restarts=False) is not None


@settings(max_examples=40, deadline=None)
@given(TICKS, st.integers(2, 6))
def test_a_tick_of_equal_parts_is_a_tick_of_one(ticks, parts):
    one, many = guard_of(), guard_of()
    for t, (active, reference, happened, _) in enumerate(ticks):
        worst = worst_case(active, reference, 0.1, EPS)
        losses = [log_loss(p, happened, EPS) for p in (active, reference)]
        bets = one.issue(t, worst)
        assert many.issue(t, worst, parts) == bets
        one.resolve(t, bets, worst, *losses)
        for _ in range(parts):
            many.resolve(t, bets, worst, *losses, parts=parts)
        assert many.evidence() == pytest.approx(one.evidence(), rel=1e-9)
        assert many._state.accounts.reserved == [0.0] * 5


def test_of_parts_the_mean_counts():
    whole, divided = guard_of(), guard_of()
    bets = whole.issue(0, 0.2)
    whole.resolve(0, bets, 0.2, 0.3, 0.1)
    assert divided.issue(0, 0.2, parts=2) == bets
    divided.resolve(0, bets, 0.3, 0.4, 0.2, parts=2)
    divided.resolve(0, bets, 0.1, 0.2, 0.0, parts=2)
    assert divided.evidence() == pytest.approx(whole.evidence())


def test_a_block_without_a_prediction_never_starts():
    guard = guard_of(block=10)
    for t in (5, 7, 93, 94):
        guard.issue(t, 0.1)
    assert guard.blocks == 1


def test_stakes_are_kept_for_blocks_with_open_bets_only():
    guard = guard_of(block=2)
    for t in range(20):
        guard.issue(t, 0.01)
        if t != 5:
            guard.resolve(t, 5, 0.01, 0.1, 0.1)
    assert sorted(guard._state.accounts.books) == [2, 9]
    guard.resolve(5, 5, 0.01, 0.1, 0.1)
    assert sorted(guard._state.accounts.books) == [9]


def test_the_state_is_small_after_a_month():
    generator = np.random.default_rng(3)
    life = Life(guard_of(block=40, alpha=0.001))
    for _ in range(10_000):
        active, reference = generator.random(2)
        life.step((active, reference, bool(generator.random() < active), 20))
    assert len(life.guard.state()) < 2000


def test_evidence_without_end_stays_a_number():
    guard = guard_of(block=1)
    for t in range(2000):
        bets = guard.issue(t, 0.01)
        guard.resolve(t, bets, 0.01, 1.0, 0.0)
    assert 1e90 < guard.evidence() < 1e110
    assert PairedGuard.load(guard.state()).state() == guard.state()


def test_no_breach_before_the_least_number_of_blocks():
    guard = PairedGuard(block=1, margin=0.1, alpha=0.05)
    breaches = []
    for t in range(8):
        guard.issue(t, 0.01)
        guard.resolve(t, 5, 0.01, 1.0, 0.0)
        breaches.append(guard.breached())
    assert breaches == [False] * 6 + [True] * 2


def test_the_run_tells_of_the_time_since_the_excess_was_last_not_above_zero():
    guard = guard_of(block=2)
    losses = [(0.5, 0.1), (0.0, 0.9), (0.3, 0.1), None, (0.5, 0.2), (0.4, 0.3)]
    assert guard.run == Run(
        predictions=0,
        blocks=0,
        active_loss=0.0,
        reference_loss=0.0,
        episodes=0,
        lost=0,
        since_t=None,
    )
    for t, pair in enumerate(losses):
        bets = guard.issue(t, 0.01)
        guard.resolve(t, bets, 0.01, *(pair or ()), episode=t in (0, 4))
    assert guard.run == Run(
        predictions=3,
        blocks=2,
        active_loss=pytest.approx(0.4),
        reference_loss=pytest.approx(0.2),
        episodes=1,
        lost=1,
        since_t=2,
    )
    assert guard.episodes == 2


def test_a_negative_margin_asks_whether_a_candidate_is_not_worse():
    # x = loss of the incumbent - loss of the candidate / 1.1
    guard = PairedGuard(1, 1 / 1.1 - 1, 0.05)
    guard.issue(0, 0.0)
    before = guard.evidence()
    guard.resolve(0, 5, 0.0, 0.2, 0.22)
    assert guard.evidence() == pytest.approx(before)
    assert guard.terms == Terms(1, 1 / 1.1 - 1, 0.05)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: g.issue(6, 0.1), "tick: expected 7 or later, got 6"),
        (lambda g: g.issue(7, -0.1), "worst case: expected finite and at least 0"),
        (lambda g: g.issue(7, math.nan), "worst case: expected finite"),
        (lambda g: g.issue(7, math.inf), "worst case: expected finite"),
        (lambda g: g.issue(7, 0.1, parts=0), "parts: expected at least 1, got 0"),
        (lambda g: g.resolve(8, 5, 0.1), "tick 8: expected one that was issued"),
        (lambda g: g.resolve(7, 6, 0.1), "expected one that was issued, not 6 bets"),
        (lambda g: g.resolve(7, 5, math.nan), "worst case: expected finite"),
        (lambda g: g.resolve(2, 5, 0.1), "tick 2: block 0 has no open bet"),
        (lambda g: g.resolve(7, 5, 0.1, math.nan, 0.1), "losses: expected numbers"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(call, message):
    guard = guard_of()
    guard.issue(7, 0.1)
    before = guard.state()
    with pytest.raises(ValueError, match=message):
        call(guard)
    assert guard.state() == before


def test_nothing_is_settled_twice():
    guard = guard_of()
    guard.issue(0, 0.1)
    guard.resolve(0, 5, 0.1)
    with pytest.raises(ValueError, match="tick 0: block 0 has no open bet"):
        guard.resolve(0, 5, 0.1)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ((0, 0.1, 0.001), "block: expected at least 1 tick, got 0"),
        ((1, -1.0, 0.001), "margin: expected above -1"),
        ((1, math.nan, 0.001), "margin: expected above -1"),
        ((1, 0.1, 0.0), "alpha: expected between 0 and 1, got 0.0"),
        ((1, 0.1, 1.0), "alpha: expected between 0 and 1, got 1.0"),
    ],
)
def test_terms_that_prove_nothing_are_refused(terms, message):
    with pytest.raises(ValueError, match=message):
        PairedGuard(*terms)


@pytest.mark.parametrize("state", ["", "[]", '["guard-0"]', '["guard-1",[0,0.1,0.1]]'])
def test_a_state_of_something_else_is_refused(state):
    with pytest.raises(ValueError, match=r".+"):
        PairedGuard.load(state)


# The statistical promises: seeded, small; benchmarks/guard.py makes the large ones.


def ever_breaches(guard, coins, *, horizon, worst):
    """Bet on coins that `horizon` outcomes share, each known `horizon` ticks late."""
    waiting = deque()
    for t in range(len(coins) * horizon):
        if len(waiting) == horizon:
            earlier, bets = waiting.popleft()
            loss = 0.5 + coins[earlier // horizon] / 2
            guard.resolve(earlier, bets, worst, loss, 0.5)
        waiting.append((t, guard.issue(t, worst)))
        if guard.breached():
            return True
    return False


def stopped_at(coins, threshold, *, horizon, losses_late):
    """Return the evidence at the first tick that reaches the threshold, or the last.

    What was won is known `horizon` ticks later; what was lost only at the very end,
    if `losses_late`: an event is seen at once, that none came is known last.
    """
    guard = guard_of(block=4, margin=0.0)
    late = len(coins) * horizon
    due = {}
    for t in range(late + horizon):
        for earlier, bets, coin in due.pop(t, ()):
            guard.resolve(earlier, bets, 0.5, 0.5 + coin / 2, 0.5)
        if guard.evidence() >= threshold:
            break
        if t < late:
            coin = coins[t // horizon]
            known = t + horizon if coin > 0 or not losses_late else late
            due.setdefault(known, []).append((t, guard.issue(t, 0.5), coin))
    return guard.evidence()


@pytest.mark.parametrize("losses_late", [False, True])
@pytest.mark.parametrize("threshold", [1.01, 1.05, 1.1, 1.3, math.inf])
def test_whenever_one_stops_evidence_is_at_most_one_on_average(threshold, losses_late):
    # Exact, not sampled: all courses of nine fair coins, two outcomes a coin.
    courses = list(product([-1, 1], repeat=9))
    stops = [
        stopped_at(coins, threshold, horizon=2, losses_late=losses_late)
        for coins in courses
    ]
    mean = sum(stops) / len(courses)
    assert mean <= 1 + TINY
    if threshold == math.inf:
        assert mean == pytest.approx(1.0, abs=TINY)


def test_at_most_alpha_of_equal_models_ever_breach_at_the_boundary():
    # Margin 0, x = +-1/2 with equal chance: H0 with equality, and as hard as can be,
    # since all outcomes of a horizon are one coin.
    generator = np.random.default_rng(5)
    breached = 0
    for _ in range(400):
        coins = generator.choice([-1, 1], 100).tolist()
        guard = guard_of(block=8, margin=0.0)
        breached += ever_breaches(guard, coins, horizon=4, worst=0.5)
    assert breached <= 0.05 * 400


def test_a_clearly_worse_model_is_always_found():
    generator = np.random.default_rng(6)
    for _ in range(20):
        coins = generator.choice([-1, 1], 400, p=[0.2, 0.8]).tolist()
        guard = guard_of(block=8, margin=0.0, alpha=0.001, min_blocks=6)
        assert ever_breaches(guard, coins, horizon=4, worst=0.5)
