"""Health: what began to fail and what works again, each told once."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from agent.core.event import Event, EventName
from agent.core.sample import Sample
from agent.flows.task import LiveTask

_FAILED: Final = {
    "collector": EventName.COLLECTOR_FAILED,
    "release": EventName.SCORING_FAILED,
}
_RECOVERED: Final = {
    "collector": EventName.COLLECTOR_RECOVERED,
    "release": EventName.SCORING_RECOVERED,
}


class Health:
    """Remembers who fails."""

    def __init__(self) -> None:
        self._failing: set[tuple[str, str]] = set()

    def news(
        self, sample: Sample, tasks: Iterable[LiveTask], *, now: datetime
    ) -> list[Event]:
        """Return what is not as it was at the last tick."""
        at_work = [
            live for task in tasks for live in task.releases if live.model is not None
        ]
        failing = {("collector", name): why for name, why in sample.failures.items()}
        for live in at_work:
            if live.failure is not None:
                failing["release", live.release.digest[:12]] = live.failure
        if not failing and not self._failing:
            return []
        # One that has left has not recovered: nobody asks it any more.
        present = {("release", live.release.digest[:12]) for live in at_work}
        self._failing = {
            who for who in self._failing if who[0] == "collector" or who in present
        }
        return self._changed(failing, now)

    def _changed(
        self, failing: Mapping[tuple[str, str], str], now: datetime
    ) -> list[Event]:
        events = [
            Event(at=now, name=_FAILED[kind], fields={kind: who, "reason": why})
            for (kind, who), why in failing.items()
            if (kind, who) not in self._failing
        ]
        events += [
            Event(at=now, name=_RECOVERED[kind], fields={kind: who})
            for kind, who in self._failing
            if (kind, who) not in failing
        ]
        self._failing = set(failing)
        return events
