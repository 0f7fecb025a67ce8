"""The cards of the day: every resolved prediction is counted once, on one card."""

from datetime import date, datetime

from agent.core.manifest import Manifest
from agent.core.moment import (
    BASELINE,
    Moment,
    OutcomeKind,
    Prediction,
    Resolved,
    Role,
)
from agent.core.scorecard import Scorecard
from agent.core.target import EventTarget
from agent.errors import ManifestError
from agent.ports import CardKey, Ledger

_BASELINE_THRESHOLD = 0.5


class Cards:
    """The scorecards that are still counted on, and which of them changed.

    A day's cards are read when something is first counted on that day, whichever day
    the clock says it is, so what was counted before stays counted.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._days: dict[date, dict[CardKey, Scorecard]] = {}
        self._changed: set[CardKey] = set()
        self._manifests: dict[str, Manifest | None] = {}

    def count(self, resolved: Resolved, *, leading: Manifest, now: datetime) -> None:
        """Count a moment's outcome on the card of each release that predicted it.

        Args:
            resolved: The moment with its outcome.
            leading: The manifest by which the baseline predicted.
            now: Says on which day's cards.
        """
        day = now.date()
        for prediction in resolved.moment.predictions:
            is_baseline = prediction.digest == BASELINE
            manifest = leading if is_baseline else self._manifest(prediction.digest)
            if manifest is not None:
                card = self._card(resolved.moment, prediction, day)
                count(card, prediction, resolved, manifest=manifest)

    def recount(self, before: Resolved, after: Resolved, *, leading: Manifest) -> None:
        """Count what an operator says of a moment in place of what was read."""
        day = before.outcome.resolved_at.date()
        for prediction in before.moment.predictions:
            is_baseline = prediction.digest == BASELINE
            manifest = leading if is_baseline else self._manifest(prediction.digest)
            if manifest is None:
                continue
            wrong = Scorecard()
            count(wrong, prediction, before, manifest=manifest)
            card = self._card(before.moment, prediction, day).without(wrong)
            count(card, prediction, after, manifest=manifest)
            key = CardKey(before.moment.task, prediction.digest, prediction.role, day)
            self._days[day][key] = card

    def count_void(self, resolved: Resolved, *, now: datetime) -> None:
        """Count a moment that will never get an outcome, whatever its task was."""
        for prediction in resolved.moment.predictions:
            card = self._card(resolved.moment, prediction, now.date())
            card.add_void(str(resolved.outcome.void))

    def changed(self) -> dict[CardKey, Scorecard]:
        """Return the cards that changed since they were last settled."""
        return {key: self._days[key.day][key] for key in sorted(self._changed)}

    def settle(self, today: date) -> None:
        """Take all cards as written; only those of today are kept at hand."""
        self._changed.clear()
        self._days = {day: cards for day, cards in self._days.items() if day == today}

    def _card(self, moment: Moment, prediction: Prediction, day: date) -> Scorecard:
        if day not in self._days:
            self._days[day] = self._ledger.cards(day=day)
        key = CardKey(moment.task, prediction.digest, prediction.role, day)
        self._changed.add(key)
        card = self._days[day].get(key)
        if card is None:
            card = self._days[day][key] = Scorecard()
        return card

    def _manifest(self, digest: str) -> Manifest | None:
        """Return what was signed about a release, also if it is no longer at work.

        None if this program cannot read it: an older one, after a step back.
        """
        if digest not in self._manifests:
            try:
                self._manifests[digest] = self._ledger.release(digest).manifest
            except ManifestError:
                self._manifests[digest] = None
        return self._manifests[digest]


def count(
    card: Scorecard, prediction: Prediction, resolved: Resolved, *, manifest: Manifest
) -> None:
    """Count one prediction's outcome on a card.

    The losses of the baseline are those of the same moment, so that skill compares
    like with like whatever else was missed.

    Args:
        card: The release's, in the role it had.
        prediction: One of the moment's.
        resolved: The moment with its outcome.
        manifest: The release's own; of the baseline, the one by which it predicted.
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
