"""A case: the guard's question, with the one on trial in the right place."""

from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.case import Case, CaseRecord, Pair, margin_of
from agent.core.evidence import Question
from agent.core.guard import PairedGuard, Terms
from agent.core.loss import AbsoluteError, LogLoss, Pinball
from agent.core.moment import BASELINE, Role, Thesis

START = datetime(2026, 3, 4, tzinfo=UTC)
STEP = timedelta(minutes=1)
TOLERANCE = 0.25
LOSS = LogLoss()
PROBABILITIES = st.floats(0, 1)
OUTCOMES = st.sampled_from([0.0, 1.0, None])
# Of each instant: what release and reference said, what came (None: lost).
INSTANTS = st.lists(st.tuples(PROBABILITIES, PROBABILITIES, OUTCOMES), max_size=60)
GOOD, BAD = (0.1,), (0.9,)


def terms_of(thesis, *, block=4, alpha=0.01, min_blocks=0, is_strict=False):
    margin = margin_of(thesis, tolerance=TOLERANCE)
    return Terms(block, margin, alpha, min_blocks, is_strict)


def case_of(thesis, *, loss=LOSS, **terms):
    return Case(
        Question(thesis, "a" * 64, BASELINE),
        role=Role.ACTIVE,
        loss=loss,
        terms=terms_of(thesis, **terms),
        at=START,
        first_moment=7,
    )


class Trial:
    """Feeds a case: the outcomes of an instant come `delay` instants later."""

    def __init__(self, case, *, delay=2):
        self.case, self.delay = case, delay
        self._open = []

    def see(self, *told):
        """Live through an instant of one or more entities.

        Args:
            told: Of each entity what release and reference said and what came.
        """
        while len(self._open) > self.delay:
            self._settle(*self._open.pop(0))
        pairs = [Pair(release, reference) for release, reference, _ in told]
        tick, bets = self.case.issue(pairs)
        self._open.append((tick, bets, told))
        return self

    def end(self):
        while self._open:
            self._settle(*self._open.pop(0))
        return self.case

    def _settle(self, tick, bets, told):
        for release, reference, came in told:
            self.case.settle(
                Pair(release, reference),
                tick=tick,
                bets=bets,
                parts=len(told),
                outcome=came,
                begins_episode=came == 1.0,
                at=START + tick * STEP,
            )


def tried(thesis, told, *, delay=2, **terms):
    trial = Trial(case_of(thesis, **terms), delay=delay)
    for release, reference, came in told:
        trial.see(((release,), (reference,), came))
    return trial.end()


def seen(case):
    return case.evidence(task="disk-full", at=START)


# Who is on trial.


@pytest.mark.parametrize(
    ("thesis", "margin"),
    [
        (Thesis.WORSE, 0.1),
        (Thesis.NOT_WORSE, 1 / 1.1 - 1),  # guard.md 3: swap the roles
        (Thesis.BETTER, 0.02),
    ],
)
def test_by_how_much_the_one_on_trial_must_lose_more(thesis, margin):
    assert margin_of(thesis, tolerance=0.1) == pytest.approx(margin)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(Thesis), INSTANTS)
def test_for_not_worse_and_better_it_is_the_rival_that_is_on_trial(thesis, told):
    case, terms = tried(thesis, told, delay=0), terms_of(thesis)
    guard = PairedGuard(terms.block, terms.margin, terms.alpha, min_blocks=0)
    for tick, (release, reference, came) in enumerate(told):
        said = (release,), (reference,)
        on_trial, rival = said if thesis is Thesis.WORSE else said[::-1]
        worst = LOSS.worst(on_trial, rival, terms.margin)
        bets = guard.issue(tick, worst)
        losses = () if came is None else (LOSS.of(on_trial, came), LOSS.of(rival, came))
        if losses and thesis is not Thesis.WORSE and losses[1] >= 1:
            losses = min(losses[0], (1 + terms.margin) * losses[1]), losses[1]
        guard.resolve(tick, bets, worst, *losses)
    assert seen(case).e_value == pytest.approx(guard.evidence(), rel=1e-12)
    assert not case.is_shown or guard.breached()
    assert case.is_shown or thesis is not Thesis.WORSE or not guard.breached()


@pytest.mark.parametrize(
    ("thesis", "release", "reference", "is_shown"),
    [
        (Thesis.WORSE, BAD, GOOD, True),
        (Thesis.WORSE, GOOD, BAD, False),
        (Thesis.WORSE, GOOD, GOOD, False),
        (Thesis.NOT_WORSE, GOOD, BAD, True),
        (Thesis.NOT_WORSE, BAD, BAD, True),
        (Thesis.NOT_WORSE, BAD, GOOD, False),
        (Thesis.BETTER, GOOD, BAD, True),
        (Thesis.BETTER, GOOD, GOOD, False),
        (Thesis.BETTER, BAD, GOOD, False),
    ],
)
def test_what_is_so_is_shown_and_nothing_else(thesis, release, reference, is_shown):
    trial = Trial(case_of(thesis))
    for _ in range(600):
        trial.see((release, reference, 0.0))
    assert trial.end().is_shown is is_shown


@settings(deadline=None, max_examples=60)
@given(st.sampled_from([Thesis.WORSE, Thesis.BETTER]), INSTANTS)
def test_who_always_says_the_same_is_neither_worse_nor_better(thesis, told):
    case = tried(thesis, [(release, release, came) for release, _, came in told])
    assert seen(case).e_value <= 1 + 1e-12


def test_what_would_be_shown_of_a_release_is_shown_only_after_the_first_blocks():
    early, late = (case_of(Thesis.WORSE, min_blocks=n) for n in (0, 100))
    for case in (early, late):
        trial = Trial(case)
        for _ in range(300):
            trial.see((BAD, GOOD, 0.0))
        trial.end()
    assert seen(early).e_value == seen(late).e_value
    assert (early.is_shown, late.is_shown) == (True, False)


# Instants.


def test_instants_are_counted_by_the_case_and_blocks_by_its_guard():
    case = case_of(Thesis.WORSE, block=4)
    ticks = [case.issue([Pair(BAD, GOOD)])[0] for _ in range(9)]
    assert ticks == list(range(9))
    assert [tick for tick in ticks if case.ends_block(tick)] == [4, 8]
    assert (case.ticks, seen(case).blocks) == (9, 2)


@settings(deadline=None, max_examples=40)
@given(INSTANTS, st.integers(2, 5))
def test_entities_that_fare_alike_are_as_much_evidence_as_one(told, entities):
    one, all_of_them = (Trial(case_of(Thesis.WORSE)) for _ in range(2))
    for release, reference, came in told:
        single = ((release,), (reference,), came)
        one.see(single)
        all_of_them.see(*[single] * entities)
    alone, together = seen(one.end()), seen(all_of_them.end())
    assert together.e_value == pytest.approx(alone.e_value, rel=1e-9)
    assert together.ticks == alone.ticks == len(told)
    assert together.lost == entities * alone.lost


def test_a_bet_of_each_entity_is_open_until_its_outcome_is_in():
    case = case_of(Thesis.WORSE)
    trial = Trial(case)
    for count in range(1, 4):
        trial.see((BAD, GOOD, 0.0), (BAD, GOOD, None))
        assert case.open == 2 * count
    assert trial.end().open == 0


def test_half_of_the_entities_harmed_is_half_of_the_harm():
    both, half = (Trial(case_of(Thesis.WORSE)) for _ in range(2))
    for _ in range(40):
        both.see((BAD, GOOD, 0.0), (BAD, GOOD, 0.0))
        half.see((BAD, GOOD, 0.0), (GOOD, GOOD, 0.0))
    assert 1 < seen(half.end()).e_value < seen(both.end()).e_value


# What is lost.


def test_an_outcome_that_is_lost_is_no_evidence_and_is_counted():
    case = tried(Thesis.WORSE, [(0.9, 0.1, None)] * 50)
    assert seen(case).e_value == pytest.approx(1.0)
    assert seen(case).lost == 50
    assert seen(case).loss is None


def test_a_strict_site_takes_what_is_lost_for_the_worst_that_it_could_have_been():
    case = tried(Thesis.WORSE, [(0.9, 0.1, None)] * 50, is_strict=True)
    assert seen(case).e_value < 1


@settings(deadline=None, max_examples=40)
@given(INSTANTS)
def test_what_is_open_counts_at_its_worst_until_it_is_known(told):
    trial = Trial(case_of(Thesis.WORSE), delay=10**9)
    for release, reference, came in told:
        trial.see(((release,), (reference,), came))
    assert seen(trial.case).e_value <= seen(trial.end()).e_value + 1e-9


# What it has come to.


def test_before_an_outcome_there_is_no_loss():
    found = seen(case_of(Thesis.WORSE))
    assert (found.loss, found.reference_loss, found.allowed) == (None, None, None)
    assert (found.e_value, found.threshold) == (1.0, 100.0)
    assert (found.ticks, found.blocks, found.episodes, found.lost) == (0, 0, 0, 0)
    assert found.since == found.started_at == START
    assert found.question == Question(Thesis.WORSE, "a" * 64, BASELINE)


@pytest.mark.parametrize("thesis", Thesis)
def test_losses_are_told_of_release_and_reference_whoever_is_on_trial(thesis):
    release, reference = (0.9, 0.2) if thesis is Thesis.WORSE else (0.2, 0.9)
    found = seen(tried(thesis, [(release, reference, 0.0)] * 12))
    assert found.loss == pytest.approx(LOSS.of((release,), 0.0))
    assert found.reference_loss == pytest.approx(LOSS.of((reference,), 0.0))
    share = {Thesis.BETTER: 1 / 1.02}.get(thesis, 1 + TOLERANCE)
    assert found.allowed == pytest.approx(share * found.reference_loss)
    assert (found.predictions, found.run_blocks, found.lost) == (12, 3, 0)


def test_episodes_are_counted_where_they_begin():
    case = tried(Thesis.WORSE, [(0.9, 0.1, came) for came in (0.0, 1.0, None, 1.0)])
    assert case.episodes == seen(case).episodes == 2


def test_since_when_it_is_so_is_told_by_the_moment_that_began_it():
    fine, wrong = (0.1, 0.1, 0.0), (0.9, 0.1, 0.0)
    assert seen(tried(Thesis.WORSE, [wrong] * 5)).since == START
    # It gains so little by being as good that a few bad answers outweigh it.
    case = tried(Thesis.WORSE, [fine] * 10 + [wrong] * 5)
    assert seen(case).since == START + 10 * STEP
    assert seen(case).predictions == 5
    assert seen(case).started_at == START


# Values.


@pytest.mark.parametrize(
    ("loss", "good", "bad"),
    [
        (AbsoluteError(8.0), (10.0,), (14.0,)),
        (Pinball((0.1, 0.9), 8.0), (9.0, 11.0), (13.0, 15.0)),
    ],
)
def test_a_release_that_is_further_off_is_worse_on_values(loss, good, bad):
    for release, reference, is_shown in ((bad, good, True), (good, bad, False)):
        trial = Trial(case_of(Thesis.WORSE, loss=loss))
        for _ in range(300):
            trial.see((release, reference, 10.0))
        assert trial.end().is_shown is is_shown


# What is lost in full.


@pytest.mark.parametrize("thesis", [Thesis.NOT_WORSE, Thesis.BETTER])
def test_where_a_release_has_lost_all_it_can_that_never_speaks_for_it(thesis):
    # Half of the time both are off by more than is counted, else as good as the other.
    told = [((50.0,), (90.0,), 10.0), ((10.0,), (10.0,), 10.0)] * 300
    trial = Trial(case_of(thesis, loss=AbsoluteError(8.0)))
    for instant in told:
        trial.see(instant)
    case = trial.end()
    assert seen(case).e_value <= 1 + 1e-9
    assert not case.is_shown


def test_what_a_release_has_lost_in_full_still_speaks_against_it():
    trial = Trial(case_of(Thesis.WORSE, loss=AbsoluteError(8.0)))
    for _ in range(300):
        trial.see(((50.0,), (10.0,), 10.0))
    assert trial.end().is_shown


def test_where_only_the_reference_has_lost_all_it_can_that_speaks_for_the_release():
    trial = Trial(case_of(Thesis.BETTER, loss=AbsoluteError(8.0)))
    for _ in range(300):
        trial.see(((10.0,), (50.0,), 10.0))
    assert trial.end().is_shown


# Restarts.


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(Thesis), INSTANTS, st.integers(0, 60))
def test_a_restart_in_the_middle_changes_nothing_to_the_bit(thesis, told, cut):
    whole, other = (Trial(case_of(thesis)) for _ in range(2))
    for place, (release, reference, came) in enumerate(told):
        if place == cut:
            written = msgspec.json.encode(other.case.record())
            record = msgspec.json.decode(written, type=CaseRecord)
            other.case = Case.recalled(record)
        for trial in (whole, other):
            trial.case.tripwire.watch([(release, reference)], block=place, swing=0.1)
            trial.see(((release,), (reference,), came))
    one, two = whole.end(), other.end()
    assert seen(one) == seen(two)
    assert one.is_shown == two.is_shown
    assert msgspec.json.encode(one.record()) == msgspec.json.encode(two.record())
    assert (
        (one.terms, one.first_moment)
        == (two.terms, two.first_moment)
        == (
            terms_of(thesis),
            7,
        )
    )


@pytest.mark.parametrize("loss", [LOSS, AbsoluteError(2.5), Pinball((0.1, 0.9), 0.1)])
def test_what_a_case_was_begun_with_is_frozen_in_its_record(loss):
    case = case_of(Thesis.BETTER, loss=loss, alpha=0.3, is_strict=True, min_blocks=9)
    written = msgspec.json.encode(case.record())
    again = Case.recalled(msgspec.json.decode(written, type=CaseRecord))
    assert (again.loss, again.terms, again.question) == (
        case.loss,
        case.terms,
        case.question,
    )
    assert (again.started_at, again.ticks) == (START, 0)


# The promise.


def test_at_the_edge_of_what_is_tolerated_a_false_breach_is_rarer_than_alpha():
    """Two forecasters of equal loss and margin 0: 200 lives, alpha 5 %."""
    generator, breaches, lives = np.random.default_rng(3), 0, 200
    for _ in range(lives):
        case = Case(
            Question(Thesis.WORSE, "a" * 64, BASELINE),
            role=Role.ACTIVE,
            loss=LOSS,
            terms=Terms(5, 0.0, 0.05, 0, False),
            at=START,
            first_moment=1,
        )
        trial, was_shown = Trial(case), False
        said = generator.choice([0.2, 0.6], size=(150, 2))
        came = generator.random(150) < 0.4
        for (release, reference), happened in zip(said.tolist(), came, strict=True):
            trial.see(((release,), (reference,), float(happened)))
            was_shown |= case.is_shown
        breaches += was_shown
    assert breaches <= 0.05 * lives


def test_one_that_is_useless_elsewhere_is_not_shown_to_be_no_worse_where_both_agree():
    # Blocks of two instants: of each, the bettors near their limit take the first only.
    case = Case(
        Question(Thesis.NOT_WORSE, "a" * 64, BASELINE),
        role=Role.SHADOW,
        loss=LogLoss(0.001),
        terms=Terms(2, 1 / 1.1 - 1, 0.05, 0, False),
        at=START,
        first_moment=1,
    )
    trial = Trial(case)
    for _ in range(400):
        trial.see(((0.5,), (0.5,), 1.0)).see(((0.999,), (0.001,), 0.0))
    trial.end()
    evidence = case.evidence(task="cpu-busy", at=START)
    assert evidence.e_value >= evidence.threshold
    assert not case.is_shown
