"""A case: one question about a release, its terms, and the evidence on it so far.

The guard asks the same thing of every pair, only with the roles exchanged: whether the
one on trial loses more than its rival by more than a tolerance. To show that a release
is *worse*, it is on trial itself; to show that it is *not worse* or *better*, its rival
is, and the tolerance is another one.
"""

from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

import msgspec

from agent.core.evidence import Evidence, Question
from agent.core.guard import PairedGuard, Terms
from agent.core.loss import AnyLoss
from agent.core.moment import Role, Thesis
from agent.core.tripwire import Tripwire

Values: TypeAlias = tuple[float, ...]
# At exact equality slow disagreement has no margin to absorb it.
_LEAST_GAIN: Final = 0.02


class CaseRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A case as it is kept.

    Attributes:
        loss: How a prediction is priced; frozen.
        role: What the release was then.
        first_moment: No moment of a lower number was judged by it.
        ticks: How many instants it has judged.
        losses: What release and reference have lost in all.
        guard: The guard's own state.
    """

    question: Question
    role: Role
    loss: AnyLoss
    started_at: datetime
    since: datetime
    first_moment: int
    ticks: int
    losses: tuple[float, float]
    guard: msgspec.Raw
    tripwire: Tripwire


class Pair(NamedTuple):
    """What a release and its reference said at a moment."""

    release: Values
    reference: Values


class Case:
    """One test that runs.

    Attributes:
        question: What is tested.
        role: What the release is to the task.
        loss: How a prediction is priced; frozen.
        terms: What the guard was started with.
        started_at: When it began.
        first_moment: No moment of a lower number is judged by it.
        ticks: How many instants it has judged.
        tripwire: What needs no outcome.
    """

    def __init__(
        self,
        question: Question,
        *,
        role: Role,
        loss: AnyLoss,
        terms: Terms,
        at: datetime,
        first_moment: int,
    ) -> None:
        self.question = question
        self.role = role
        self.loss = loss
        self.started_at = at
        self.first_moment = first_moment
        self.terms = terms
        self.ticks = 0
        self.tripwire = Tripwire()
        self._since = at
        self._losses = (0.0, 0.0)
        # Whether it is the release itself that must be shown to lose more.
        self._is_on_trial = question.thesis is Thesis.WORSE
        self._guard = PairedGuard(
            block=terms.block,
            margin=terms.margin,
            alpha=terms.alpha,
            min_blocks=terms.min_blocks,
            strict=terms.is_strict,
        )

    @classmethod
    def recalled(cls, record: CaseRecord) -> "Case":
        """Return a case as it was when `record` was taken."""
        guard = PairedGuard.load(bytes(record.guard))
        case = cls(
            record.question,
            role=record.role,
            loss=record.loss,
            terms=guard.terms,
            at=record.started_at,
            first_moment=record.first_moment,
        )
        case.ticks = record.ticks
        case._losses = record.losses
        case.tripwire = record.tripwire
        case._since = record.since
        case._guard = guard
        return case

    def record(self) -> CaseRecord:
        """Return the whole state, for `Case.recalled`."""
        return CaseRecord(
            question=self.question,
            role=self.role,
            loss=self.loss,
            started_at=self.started_at,
            since=self._since,
            first_moment=self.first_moment,
            ticks=self.ticks,
            losses=self._losses,
            guard=msgspec.Raw(self._guard.state().encode()),
            tripwire=self.tripwire,
        )

    @property
    def open(self) -> int:
        """How many bets wait for their outcome."""
        return self._guard.open

    @property
    def episodes(self) -> int:
        """How many times an event began among the outcomes."""
        return self._guard.episodes

    @property
    def is_shown(self) -> bool:
        """Whether the thesis is taken for shown.

        What speaks for a release must also hold of all that it has lost. Where two
        forecasters agree, neither is worse by a margin; a bettor that is near its limit
        of risk bets there only, and could show that of one that is useless elsewhere.
        """
        if not self._guard.breached():
            return False
        own, reference = self._losses
        return self._is_on_trial or reference > (1 + self.terms.margin) * own

    def issue(self, pairs: list[Pair]) -> tuple[int, int]:
        """Stake on what was said at one instant, one pair an entity.

        Returns:
            The instant in this case's count, and how many bettors took part.
        """
        tick, self.ticks = self.ticks, self.ticks + 1
        parts = len(pairs)
        worst = sum(map(self.worst, pairs)) / parts
        return tick, self._guard.issue(tick, worst, parts)

    def ends_block(self, tick: int) -> bool:
        """Return whether a block had ended when this instant came."""
        return tick > 0 and tick % self.terms.block == 0

    def settle(
        self,
        pair: Pair,
        *,
        tick: int,
        bets: int,
        parts: int,
        outcome: float | None,
        begins_episode: bool,
        at: datetime,
    ) -> None:
        """Take in what came of a prediction; None: it can never be known.

        Args:
            pair: What was said.
            tick: What `issue` returned, and `bets`.
            bets: How many bettors took part.
            parts: How many pairs `issue` was given.
            outcome: 1 or 0 for an event, else the value that came.
            begins_episode: Whether an event began with it.
            at: When it was predicted.
        """
        worst = self.worst(pair)
        if outcome is None:
            self._guard.resolve(tick, bets, worst, parts=parts)
            return
        own, reference = self.losses(pair, outcome)
        self._losses = self._losses[0] + own, self._losses[1] + reference
        on_trial, rival = (own, reference) if self._is_on_trial else (reference, own)
        self._guard.resolve(
            tick,
            bets,
            worst,
            on_trial,
            rival,
            parts=parts,
            episode=begins_episode,
        )
        if self._guard.run_length <= 1:
            self._since = at

    def losses(self, pair: Pair, outcome: float) -> tuple[float, float]:
        """Return what release and reference have lost, as it is counted here."""
        own = self.loss.of(pair.release, outcome)
        reference = self.loss.of(pair.reference, outcome)
        if own >= 1 and not self._is_on_trial:
            # It has lost all that can be lost, and nobody knows how much more it would
            # have been: that never speaks for it.
            reference = min(reference, (1 + self.terms.margin) * own)
        return own, reference

    def excess(self, pair: Pair, outcome: float | None) -> float:
        """Return what a bet of 1 on the thesis wins; as `settle` has it.

        Args:
            pair: What was said.
            outcome: What came; None: it can never be known.
        """
        if outcome is None:
            return -self.worst(pair) if self.terms.is_strict else 0.0
        own, reference = self.losses(pair, outcome)
        on_trial, rival = (own, reference) if self._is_on_trial else (reference, own)
        return on_trial - (1 + self.terms.margin) * rival

    def evidence(self, *, task: str, at: datetime) -> Evidence:
        """Return what the case has come to."""
        run = self._guard.run
        losses = [run.active_loss, run.reference_loss]
        loss, reference_loss = losses if self._is_on_trial else losses[::-1]
        return Evidence(
            at=at,
            task=task,
            question=self.question,
            e_value=self._guard.evidence(),
            threshold=1 / self.terms.alpha,
            blocks=self._guard.blocks,
            ticks=self.ticks,
            episodes=self._guard.episodes,
            lost=self._guard.lost,
            loss=loss if run.predictions else None,
            reference_loss=reference_loss if run.predictions else None,
            allowed=self._allowed(reference_loss) if run.predictions else None,
            predictions=run.predictions,
            run_blocks=run.blocks,
            run_episodes=run.episodes,
            run_lost=run.lost,
            since=self._since,
            started_at=self.started_at,
        )

    def _allowed(self, reference_loss: float) -> float:
        factor = 1 + self.terms.margin
        return reference_loss * factor if self._is_on_trial else reference_loss / factor

    def worst(self, pair: Pair) -> float:
        """Return the most that a bet of 1 on the thesis can lose."""
        release, reference = pair
        if self._is_on_trial:
            return self.loss.worst(release, reference, self.terms.margin)
        return self.loss.worst(reference, release, self.terms.margin)


def margin_of(thesis: Thesis, *, tolerance: float) -> float:
    """Return by how much the one on trial must lose more, for a thesis.

    Args:
        thesis: What is to be shown.
        tolerance: How much worse than its reference a release may be.
    """
    margins = {
        Thesis.WORSE: tolerance,
        Thesis.NOT_WORSE: 1 / (1 + tolerance) - 1,
        Thesis.BETTER: _LEAST_GAIN,
    }
    return margins[thesis]
