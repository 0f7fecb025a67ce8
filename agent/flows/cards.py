"""The cards of the day: every resolved prediction is counted once, on one card."""

from datetime import date, datetime

from agent.core.manifest import Manifest
from agent.core.moment import Moment, OutcomeKind, Prediction, Resolved, Role
from agent.core.scorecard import Scorecard
from agent.core.target import EventTarget
from agent.ports import CardKey

_BASELINE_THRESHOLD = 0.5


class Cards:
    """Today's scorecards, and which of them changed since they were written."""

    def __init__(self, today: dict[CardKey, Scorecard]) -> None:
        self._cards = dict(today)
        self._changed: set[CardKey] = set()

    def count(self, resolved: Resolved, *, manifest: Manifest, now: datetime) -> None:
        """Count a moment's outcome on the card of each release that predicted it."""
        day = now.date()
        for prediction in resolved.moment.predictions:
            card = self._card(resolved.moment, prediction, day)
            count(card, prediction, resolved, manifest=manifest)

    def changed(self) -> dict[CardKey, Scorecard]:
        """Return the cards that changed since they were last settled."""
        return {key: self._cards[key] for key in sorted(self._changed)}

    def settle(self, today: date) -> None:
        """Take all cards as written; those of past days are not needed any more."""
        self._changed.clear()
        self._cards = {k: c for k, c in self._cards.items() if k.day >= today}

    def _card(self, moment: Moment, prediction: Prediction, day: date) -> Scorecard:
        key = CardKey(moment.task, prediction.digest, prediction.role, day)
        self._changed.add(key)
        card = self._cards.get(key)
        if card is None:
            card = self._cards[key] = Scorecard()
        return card


def count(
    card: Scorecard, prediction: Prediction, resolved: Resolved, *, manifest: Manifest
) -> None:
    """Count one prediction's outcome on a card.

    The losses of the baseline are those of the same moment, so that skill compares
    like with like whatever else was missed.
    """
    moment, outcome = resolved.moment, resolved.outcome
    if outcome.kind is OutcomeKind.VOID:
        card.add_void(str(outcome.void))
        return
    reference = moment.by(Role.BASELINE) or prediction
    target = manifest.target
    if isinstance(target, EventTarget):
        came = outcome.happened_at
        card.add_event(
            prediction.values[0],
            baseline=reference.values[0],
            happened=outcome.kind is OutcomeKind.HAPPENED,
            threshold=_threshold(prediction, manifest),
            lead_s=0.0 if came is None else (came - moment.at).total_seconds(),
        )
    elif outcome.value is not None:
        card.add_value(
            prediction.values,
            baseline=reference.values,
            value=outcome.value,
            quantiles=target.quantiles,
        )


def _threshold(prediction: Prediction, manifest: Manifest) -> float:
    is_release = prediction.role is not Role.BASELINE
    decision = manifest.decision if is_release else None
    return _BASELINE_THRESHOLD if decision is None else decision.threshold
