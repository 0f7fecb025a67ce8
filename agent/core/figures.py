"""Figures: what a comparison on recorded hosts came to, for people and programs."""

import msgspec

from agent.core.alarms import Warned
from agent.core.blocks import Estimate
from agent.core.skill import CalibrationBin


class EventTerms(msgspec.Struct, frozen=True, kw_only=True):
    """By what a release of an event task is judged.

    Attributes:
        release: Its name among those who answered.
        baseline: The baseline's.
        rules: Of all others, the baseline among them.
        horizon_s: How far ahead is predicted.
        threshold: Probability from which it raises an alarm.
        clear: Probability below which the alarm is over.
    """

    release: str
    baseline: str
    rules: tuple[str, ...]
    horizon_s: float
    threshold: float
    clear: float


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """A figure in which the release comes behind another.

    Attributes:
        to: Behind whom.
        measure: In what.
        by: By how much; below 0.
        is_shown: Whether the whole interval is below 0: it is worse.
    """

    to: str
    measure: str
    by: Estimate
    is_shown: bool

    @property
    def words(self) -> str:
        """The same as a sentence."""
        by = f"{self.measure} {abs(self.by.value or 0.0):.3f} behind"
        if self.by.low is None or self.by.high is None:
            return f"behind {self.to}: {by}; too few days to tell from chance"
        ends = f"(90 %: {self.by.low:+.3f} to {self.by.high:+.3f})"
        if self.is_shown:
            return f"worse than {self.to}: {by} {ends}"
        return f"behind {self.to}, which may be chance: {by} {ends}"


class Rank(msgspec.Struct, frozen=True, kw_only=True):
    """How one of them ranked the moments.

    Attributes:
        name: Of whom.
        answered: Share of the moments at which it had an answer.
        average_precision: Of its ranking.
        lead: The release's average precision minus this one's; None for the release.
        recall: Share of the episodes warned of, with alarms at as many moments as the
            release has.
    """

    name: str
    answered: float
    average_precision: Estimate
    lead: Estimate | None
    recall: float | None


class EventFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How a release of an event task did, on one host or on all.

    Attributes:
        scope: The host, or what all are called.
        rows: Moments; `happened` of them came true.
        episodes: Of the event; see `agent.core.alarms`.
        days: Host-days.
        withheld: Why there are no figures; then the rest is empty.
        ranks: The release's first.
        brier: Mean squared error of its probabilities.
        skill: 1 - Brier / that of the host's own climatology.
        baseline_skill: The baseline's, likewise.
        gain: 1 - Brier / the baseline's.
        log_loss: In nats, clipped at 0.001; `baseline_log_loss` likewise.
        calibration_error: Mean distance of predicted and true share over ten bins.
        calibration: The bins that are not empty.
        baseline_calibration: The baseline's.
        warned: What its alarms came to.
        losses: In what it comes behind whom.
    """

    scope: str
    rows: int
    happened: int
    episodes: int
    days: float
    withheld: str | None = None
    ranks: tuple[Rank, ...] = ()
    brier: float | None = None
    skill: Estimate = Estimate(value=None)
    baseline_skill: Estimate = Estimate(value=None)
    gain: Estimate = Estimate(value=None)
    log_loss: float | None = None
    baseline_log_loss: float | None = None
    calibration_error: Estimate = Estimate(value=None)
    calibration: tuple[CalibrationBin, ...] = ()
    baseline_calibration: tuple[CalibrationBin, ...] = ()
    warned: Warned | None = None
    losses: tuple[Loss, ...] = ()


class ValueTerms(msgspec.Struct, frozen=True, kw_only=True):
    """By what a release of a value task is judged.

    Attributes:
        release: Its name among those who answered.
        baseline: The baseline's.
        levels: The quantiles that both answer, ascending.
    """

    release: str
    baseline: str
    levels: tuple[float, ...]


class LevelFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How one quantile level did.

    Attributes:
        level: Which.
        pinball: Mean pinball loss, in the value's unit; `baseline_pinball` likewise.
        coverage: Share of the values not above what was said; ideally the level.
    """

    level: float
    pinball: float
    baseline_pinball: float
    coverage: float


class ValueFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How a release of a value task did, on one host or on all.

    Losses are in the value's unit, which recordings need not share: those of all hosts
    are in units of each host's own persistence.

    Attributes:
        scope: The host, or what all are called.
        rows: Moments.
        days: Host-days.
        withheld: Why there are no figures; then the rest is empty.
        error: Mean absolute error of the middle quantile.
        persistence_error: That of saying that nothing changes.
        gain: 1 - error / persistence_error.
        pinball: Mean over the levels; `baseline_pinball` likewise.
        pinball_gain: 1 - pinball / baseline_pinball.
        coverage: Share of the values between the outermost quantiles; None of one.
        wanted: What that share should be.
        levels: Each by itself.
        losses: In what it comes behind whom.
    """

    scope: str
    rows: int
    days: float
    withheld: str | None = None
    error: float | None = None
    persistence_error: float | None = None
    gain: Estimate = Estimate(value=None)
    pinball: float | None = None
    baseline_pinball: float | None = None
    pinball_gain: Estimate = Estimate(value=None)
    coverage: Estimate | None = None
    wanted: float | None = None
    levels: tuple[LevelFigures, ...] = ()
    losses: tuple[Loss, ...] = ()
