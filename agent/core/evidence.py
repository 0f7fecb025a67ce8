"""Evidence: what is asked about a release, and what the guard has found so far."""

from datetime import datetime

import msgspec

from agent.core.manifest_parts import Forecaster, Name
from agent.core.moment import Thesis


class Question(msgspec.Struct, frozen=True, order=True):
    """What is tested: a thesis about a release, held against another forecaster.

    Attributes:
        thesis: What is to be shown.
        release: Its digest.
        reference: The other's digest, or `baseline`.
    """

    thesis: Thesis
    release: Forecaster
    reference: Forecaster


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a case has come to at an instant.

    Attributes:
        at: When.
        task: Of which task.
        question: What is tested.
        e_value: The evidence; 1 and below is none.
        threshold: At or above it the thesis is taken for shown.
        blocks: How many blocks have begun before the present one.
        ticks: How many instants were judged, since `started_at`.
        episodes: How many times an event began among their outcomes.
        lost: How many predictions never got an outcome.
        loss: Mean loss of the release since `since`, 0..1; None before an outcome.
        reference_loss: The reference's, on the same moments.
        allowed: Up to where the release would still not be worse.
        predictions: Over how many predictions these are means.
        run_blocks: Over how many blocks.
        run_episodes: How many times an event began among them.
        run_lost: How many more predictions never got an outcome.
        since: Since when the one that is on trial has lost more than it may.
        started_at: When the test began.
    """

    at: datetime
    task: Name
    question: Question
    e_value: float
    threshold: float
    blocks: int
    ticks: int
    episodes: int
    lost: int
    loss: float | None
    reference_loss: float | None
    allowed: float | None
    predictions: int
    run_blocks: int
    run_episodes: int
    run_lost: int
    since: datetime
    started_at: datetime

    @property
    def is_shown(self) -> bool:
        """Whether the evidence reaches the threshold."""
        return self.e_value >= self.threshold

    def in_words(self, *, release: str, reference: str) -> str:
        """Return the evidence as people read it.

        Args:
            release: What the release is called.
            reference: What the reference is called.
        """
        sign = ">=" if self.is_shown else "<"
        tested = f"e-value {self.e_value:.3g} {sign} {self.threshold:g}"
        return f"{release}: {self._compared(reference)}, {tested}"

    def _compared(self, reference: str) -> str:
        if self.loss is not None and self.reference_loss is not None:
            lost = self.run_lost / (self.predictions + self.run_lost)
            return (
                f"loss {self.loss:.3g} vs {self.reference_loss:.3g} for {reference} "
                f"(allowed {self.allowed:.3g}) over {self.predictions} predictions in "
                f"{self.run_blocks} blocks since {self.since:%Y-%m-%d %H:%M}, "
                f"{self.run_episodes} event episodes, {lost:.1%} of outcomes lost"
            )
        if self.blocks:
            return f"no excess of loss at present against {reference}"
        return "too early to tell"
