"""Skill: what a scorecard's sums mean; every number None where nothing is known yet."""

import msgspec

from agent.core.scorecard import LEAD_STEP, UNIT, Bin, Scorecard


class CalibrationBin(msgspec.Struct, frozen=True, kw_only=True):
    """How predictions of one tenth of the probabilities came true.

    Attributes:
        count: Predictions.
        predicted: Their mean probability.
        happened: The share of them that came true.
    """

    count: int
    predicted: float
    happened: float


class LevelSkill(msgspec.Struct, frozen=True, kw_only=True):
    """How one quantile level did.

    Attributes:
        count: Predictions.
        pinball: Mean pinball loss, in the value's unit.
        baseline_pinball: The baseline's on the same moments.
        skill: 1 - pinball / baseline_pinball.
        coverage: Share of outcomes not above the prediction; ideally the level.
    """

    count: int
    pinball: float
    baseline_pinball: float
    skill: float | None
    coverage: float


class Skill(msgspec.Struct, frozen=True, kw_only=True):
    """What a scorecard says of a release.

    Attributes:
        resolved: Predictions with an outcome; `happened` of them came true.
        voids: Predictions without, by reason.
        brier: Mean squared error of the probabilities.
        baseline_brier: The baseline's on the same moments.
        climatology_brier: Of always saying this card's own share of events.
        skill: 1 - brier / baseline_brier: above 0 is better than the baseline.
        climatology_skill: 1 - brier / climatology_brier.
        log_loss: Mean log loss in nats, clipped at a probability of 0.001.
        baseline_log_loss: The baseline's on the same moments.
        calibration_error: Mean distance of predicted and true share over the bins.
        calibration: The bins that are not empty.
        hits: Alarms that came true; misses, false_alarms and quiet accordingly.
        precision: Share of alarms that came true.
        recall: Share of events that had an alarm.
        lead_time_mean_s: From a hit's prediction to its event.
        lead_time_median_s: The same, to within 5 %.
        levels: Of a value task, by quantile level.
    """

    resolved: int
    happened: int
    voids: dict[str, int]
    brier: float | None
    baseline_brier: float | None
    climatology_brier: float | None
    skill: float | None
    climatology_skill: float | None
    log_loss: float | None
    baseline_log_loss: float | None
    calibration_error: float | None
    calibration: list[CalibrationBin]
    hits: int
    misses: int
    false_alarms: int
    quiet: int
    precision: float | None
    recall: float | None
    lead_time_mean_s: float | None
    lead_time_median_s: float | None
    levels: dict[str, LevelSkill]


def skill(card: Scorecard) -> Skill:
    """Return what the sums of a card mean.

    Source:
        Brier, "Verification of forecasts expressed in terms of probability" (1950);
        Murphy, "Skill scores based on the mean square error" (1988).
    """
    # A card of values has no probabilities to speak of.
    n = sum(each.count for each in card.bins)
    rate = card.happened / n if n else 0.0
    climatology = rate * (1 - rate)
    return Skill(
        resolved=card.resolved,
        happened=card.happened,
        voids=card.voids,
        brier=_mean(card.brier, n),
        baseline_brier=_mean(card.baseline_brier, n),
        climatology_brier=climatology if n else None,
        skill=_gain(card.brier, card.baseline_brier),
        climatology_skill=_gain(card.brier, climatology * n * UNIT),
        log_loss=_mean(card.log_loss, n),
        baseline_log_loss=_mean(card.baseline_log_loss, n),
        calibration_error=_calibration_error(card.bins, n),
        calibration=[_calibration(each) for each in card.bins if each.count],
        hits=card.hits,
        misses=card.misses,
        false_alarms=card.false_alarms,
        quiet=card.quiet,
        precision=_share(card.hits, card.hits + card.false_alarms),
        recall=_share(card.hits, card.hits + card.misses),
        lead_time_mean_s=_mean(card.lead_s, sum(card.lead_times.values())),
        lead_time_median_s=_median_lead_s(card),
        levels={name: _level(card, name) for name in card.levels},
    )


def _mean(units: int, count: int) -> float | None:
    return units / UNIT / count if count else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _gain(loss: float, reference: float) -> float | None:
    return 1 - loss / reference if reference else None


def _calibration(each: Bin) -> CalibrationBin:
    return CalibrationBin(
        count=each.count,
        predicted=each.probability / UNIT / each.count,
        happened=each.happened / each.count,
    )


def _calibration_error(bins: list[Bin], n: int) -> float | None:
    """Return the expected calibration error over the ten bins."""
    if not n:
        return None
    return sum(abs(b.probability / UNIT - b.happened) for b in bins) / n


def _median_lead_s(card: Scorecard) -> float | None:
    """Return the middle of the step in which the middle hit lies."""
    below, known = 0, sum(card.lead_times.values())
    for step in sorted(card.lead_times, key=int):
        below += card.lead_times[step]
        if 2 * below >= known:
            return float(LEAD_STEP ** (int(step) + 0.5))
    return None


def _level(card: Scorecard, name: str) -> LevelSkill:
    sums = card.levels[name]
    n = sums.count
    return LevelSkill(
        count=n,
        pinball=sums.pinball / UNIT / n,
        baseline_pinball=sums.baseline_pinball / UNIT / n,
        skill=_gain(sums.pinball, sums.baseline_pinball),
        coverage=sums.covered / n,
    )
