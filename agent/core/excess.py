"""The run of excess loss that the human line of a rollback tells; no test, display."""

import msgspec


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """Predictions since the excess loss was last not above 0.

    Its start is a CUSUM estimate of when the active model became worse; its means are
    biased upwards, being chosen for their height.

    Attributes:
        predictions: Settled ones.
        blocks: In how many blocks they were issued.
        active_loss: Mean loss of the active model, 0..1; 0 in an empty run.
        reference_loss: Mean loss of the reference on the same predictions.
        episodes: Event episodes that began.
        lost: Outcomes that will never be known.
        since_t: Tick of the first prediction; None in an empty run.
    """

    predictions: int
    blocks: int
    active_loss: float
    reference_loss: float
    episodes: int
    lost: int
    since_t: int | None


class RunSums(msgspec.Struct, array_like=True):
    """The sums behind a `Run`; a part of the guard's state."""

    predictions: int = 0
    blocks: int = 0
    active: float = 0.0
    reference: float = 0.0
    episodes: int = 0
    lost: int = 0
    since: int | None = None
    newest: int = -1

    def add(
        self, t: int, *, block: int, active: float, reference: float, episode: bool
    ) -> None:
        """Count the outcome of the prediction made at tick `t` of block `block`."""
        if self.since is None:
            self.since = t
        if block > self.newest:
            self.newest = block
            self.blocks += 1
        self.predictions += 1
        self.active += active
        self.reference += reference
        self.episodes += episode

    def seen(self) -> Run:
        """Return the run so far."""
        count = max(1, self.predictions)
        return Run(
            predictions=self.predictions,
            blocks=self.blocks,
            active_loss=self.active / count,
            reference_loss=self.reference / count,
            episodes=self.episodes,
            lost=self.lost,
            since_t=self.since,
        )
