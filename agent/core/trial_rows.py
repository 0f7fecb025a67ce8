"""Trial rows: what a host saw of a release on trial, for the fleet rule.

A fleet block is the same span of the wall clock on every host, so that central can put
side by side what happened at one time. It is named by the deadline, which is known when
a prediction is issued, and is closed once all that was due in it is known. What the
guard bet is taken from the ledger, and priced as the guard priced it: by the very case
that is at work. A block of the fleet and the guard's own blocks, which are counted in
its ticks, need not begin together; so bettors stop again where a fleet block would risk
more than it may. Both are known before any outcome, and the bets remain fair.

What is not seen, and why that does no harm:

- A release that has left its line-up has no case any more, and its last block no row:
  the host's own verdict says more, and central counts those (`fleet.too_many`).
- What was staked under earlier terms is left aside, as the guard leaves it.
- An event that was seen beside gaps counts as it does on the scorecards, though the
  host's guard, which has the samples, lays it aside.
- Until it is heard a first release is shown "not worse" against the baseline; against a
  standby nothing is bet on that, and the row's `merit` is nothing.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from agent.core.accounts import LAMBDAS, RISK
from agent.core.case import Case, Pair
from agent.core.envelope import TrialReport
from agent.core.evidence import Question
from agent.core.fleet_row import NO_BETS, UNIT, Bets, FleetRow, bet_sums
from agent.core.lineup import LineUp
from agent.core.manifest import Manifest
from agent.core.moment import BASELINE, Moment, Outcome, OutcomeKind, Thesis, Wager
from agent.core.policy import Policy
from agent.core.release import Release, ReleaseState

_HORIZONS: Final = 6
_ROUNDING: Final = 1e-6
_OUTCOMES: Final[Mapping[OutcomeKind, float]] = {
    OutcomeKind.HAPPENED: 1.0,
    OutcomeKind.DID_NOT: 0.0,
}


class TrialState(msgspec.Struct, frozen=True, kw_only=True):
    """What was told of a release on trial.

    Attributes:
        block: The last block that was told, or could have been.
        through: The moments up to this number lie in it or before.
        in_event: Entities whose last outcome happened: what comes next of them is no
            new episode.
    """

    block: int = -1
    through: int = 0
    in_event: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A release on trial, and the tests of it.

    Attributes:
        release: Which one.
        ticks: Of a fleet block.
        harm: The test that it is worse than its reference.
        merit: The test that it is not; None where nothing is staked on that.
    """

    release: Release
    ticks: int
    harm: Case
    merit: Case | None

    @property
    def span_s(self) -> float:
        """How long a fleet block lasts."""
        return self.ticks * float(self.release.manifest.score_every)

    def block_of(self, at: datetime) -> int:
        """Return the fleet block that an instant lies in, the same on every host."""
        return int(at.timestamp() // self.span_s)


def fleet_ticks(manifest: Manifest) -> int:
    """Return how many ticks a release's fleet block has, whatever a site has chosen.

    About six horizons, in whole blocks of a guard that goes by the manifest alone.
    """
    block = Policy().block(manifest)
    wanted = _HORIZONS * manifest.target.horizon_s / manifest.score_every
    return math.ceil(wanted / block) * block


def on_trial(lineup: LineUp, releases: Mapping[str, Release]) -> Iterator[Question]:
    """Yield what is asked about each release on trial: is it worse than its reference.

    On trial are the active release until it is confirmed, beside the one that it would
    be exchanged for, and the shadow beside the active one.
    """
    active, shadow = releases.get(lineup.active or ""), lineup.shadow
    if active is not None and active.state is ReleaseState.PROBATION:
        yield Question(Thesis.WORSE, active.digest, lineup.standby or BASELINE)
    if active is not None and shadow is not None and shadow in releases:
        yield Question(Thesis.WORSE, shadow, active.digest)


def trial_of(
    question: Question, *, release: Release, cases: Mapping[Question, Case]
) -> Trial | None:
    """Return a release's trial; None where the guard has not begun to judge it."""
    harm = cases.get(question)
    if harm is None:
        return None
    mirrored = Question(Thesis.NOT_WORSE, question.release, question.reference)
    return Trial(
        release=release,
        ticks=fleet_ticks(release.manifest),
        harm=harm,
        merit=cases.get(mirrored),
    )


def as_of(trial: Trial, state: TrialState, *, newest: datetime) -> TrialState:
    """Return what was told before, with no block of a time that has not come.

    A clock that was ahead left one. The block that is open now may have been told in
    part, and is not told again.

    Args:
        trial: Of which release.
        state: What was told before.
        newest: The newest sample's instant.
    """
    block = min(state.block, trial.block_of(newest))
    return msgspec.structs.replace(state, block=block)


def rows(
    trial: Trial,
    resolved: Iterable[tuple[Moment, Outcome]],
    *,
    state: TrialState,
    until: datetime,
    host: str,
) -> tuple[list[TrialReport], TrialState]:
    """Return what each closed block showed, and what is told then.

    Args:
        trial: Of which release.
        resolved: The moments of its task above `state.through`, rising, up to `until`
            at least.
        state: What was told before.
        until: All that was due before it is known.
        host: Who tells it.
    """
    last = trial.block_of(until) - 1
    in_event, through = set(state.in_event), state.through
    blocks: dict[int, _Block] = {}
    for moment, outcome in resolved:
        number = trial.block_of(moment.due_at)
        if number > last:
            break
        begins = _begins_episode(moment.entity, outcome.kind, in_event)
        through = moment.id
        if number > state.block and _wager(moment, trial.harm) is not None:
            block = blocks.setdefault(number, _Block())
            block.take(trial, moment, _came(outcome), begins=begins)
    told = TrialState(
        block=max(last, state.block), through=through, in_event=tuple(sorted(in_event))
    )
    return [_report(trial, n, blocks[n], host=host) for n in sorted(blocks)], told


@dataclass(slots=True)
class _Account:
    """The bets of one fleet block on one thesis, within the risk that it may take."""

    used: float = 0.0
    instants: float = 0.0
    betting: int = len(LAMBDAS)
    sums: Bets = NO_BETS

    def take(self, wager: Wager, *, worst: float, excess: float, ticks: int) -> None:
        self.used += worst / wager.parts
        self.instants += 1 / wager.parts
        if self.instants > ticks + _ROUNDING:
            self.betting = 0
        while self.betting and LAMBDAS[self.betting - 1] * self.used / ticks > RISK:
            self.betting -= 1
        more = bet_sums(min(wager.bets, self.betting), excess=excess, parts=wager.parts)
        self.sums = tuple(a + b for a, b in zip(self.sums, more, strict=True))


@dataclass(slots=True)
class _Block:
    """What was seen of one fleet block."""

    n: int = 0
    active: int = 0
    reference: int = 0
    episodes: int = 0
    harm: _Account = field(default_factory=_Account)
    merit: _Account = field(default_factory=_Account)

    def take(
        self, trial: Trial, moment: Moment, came: float | None, *, begins: bool
    ) -> None:
        """Take in one resolved moment."""
        for case, account in ((trial.harm, self.harm), (trial.merit, self.merit)):
            wager = None if case is None else _wager(moment, case)
            if case is None or wager is None:
                continue
            pair = _pair(moment, wager)
            account.take(
                wager,
                worst=case.worst(pair),
                excess=case.excess(pair, came),
                ticks=trial.ticks,
            )
            if case is trial.harm and came is not None:
                self._count(case.losses(pair, came), begins=begins)

    def _count(self, losses: tuple[float, float], *, begins: bool) -> None:
        self.n += 1
        self.active += round(losses[0] * UNIT)
        self.reference += round(losses[1] * UNIT)
        self.episodes += begins


def _wager(moment: Moment, case: Case) -> Wager | None:
    """Return what a case staked on a moment, if it did."""
    if moment.id < case.first_moment:
        return None
    digests = {each.role: each.digest for each in moment.predictions}
    for wager in moment.wagers:
        release, reference = digests[wager.release], digests[wager.reference]
        if Question(wager.thesis, release, reference) == case.question:
            return wager
    return None


def _pair(moment: Moment, wager: Wager) -> Pair:
    said = {each.role: each.values for each in moment.predictions}
    return Pair(said[wager.release], said[wager.reference])


def _came(outcome: Outcome) -> float | None:
    """Return what came; None: it can never be known."""
    return _OUTCOMES.get(outcome.kind, outcome.value)


def _begins_episode(entity: str, kind: OutcomeKind, in_event: set[str]) -> bool:
    """Return whether an event begins with an outcome, as the guard counts them."""
    if kind is OutcomeKind.HAPPENED:
        is_new = not in_event
        in_event.add(entity)
        return is_new
    in_event.discard(entity)
    return False


def _report(trial: Trial, number: int, block: _Block, *, host: str) -> TrialReport:
    manifest = trial.release.manifest
    return TrialReport(
        task=manifest.task,
        digest=trial.release.digest,
        ticks=trial.ticks,
        score_every_s=float(manifest.score_every),
        row=FleetRow(
            host,
            manifest.version,
            number,
            n=block.n,
            active=block.active,
            reference=block.reference,
            episodes=block.episodes,
            harm=block.harm.sums,
            merit=block.merit.sums,
        ),
    )
