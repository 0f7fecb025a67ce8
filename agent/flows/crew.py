"""The crew: every task at work on this host, built anew from the ledger."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent.core.event import Event, EventName, Field
from agent.core.expression import lookback_s
from agent.core.lineup import LineUp
from agent.core.manifest import Manifest
from agent.core.moment import Moment
from agent.core.release import Release
from agent.core.sample import Sample
from agent.core.series import parse_series
from agent.core.situation import lookback_s as target_lookback_s
from agent.core.window import Window
from agent.errors import ForewarnError
from agent.flows.task import LiveRelease, LiveTask
from agent.ports import Ledger, Model, Models

MAX_LOOKBACK_S = 6 * 3600.0
MAX_HORIZON_S = 24 * 3600.0
_LEAST_SPAN_S = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Muster:
    """What a crew starts to work with.

    Attributes:
        window: Empty, and long enough for every task.
        tasks: By name, their open moments taken in.
        strays: Open moments that no task at work can resolve.
        samples: What was seen before, oldest first, to be lived through again.
        events: What is wrong with whom.
    """

    window: Window
    tasks: dict[str, LiveTask]
    strays: Sequence[Moment]
    samples: Iterator[Sample]
    events: list[Event]


class Crew:
    """Musters the tasks that the ledger's line-ups name.

    A model once loaded stays, so a changed line-up loads only what is new.
    """

    def __init__(
        self, *, ledger: Ledger, models: Models, is_allowed: Callable[[str], bool]
    ) -> None:
        self._ledger = ledger
        self._models = models
        self._is_allowed = is_allowed
        self._loaded: dict[str, Model] = {}

    def muster(self, new_window: Callable[..., Window], *, now: datetime) -> Muster:
        """Return everything a tick works on, as the ledger has it now."""
        events: list[Event] = []
        lineups = self._ledger.lineups()
        manned = [c for lineup in lineups if (c := self._manned(lineup, now, events))]
        at_work = {live.release.digest for crew in manned for live in crew}
        self._loaded = {d: m for d, m in self._loaded.items() if d in at_work}
        manifests = [live.release.manifest for crew in manned for live in crew]
        span_s = max(map(_span_s, manifests), default=_LEAST_SPAN_S)
        window = new_window(span_s=span_s, keeps=_keeper(manifests))
        memories = self._ledger.memories()
        tasks = {
            crew[0].release.manifest.task: LiveTask(
                crew, window=window, memory=memories.get(crew[0].release.manifest.task)
            )
            for crew in manned
        }
        waiting = self._ledger.open_moments()
        strays = [m for m in waiting if not _takes(tasks.get(m.task), m)]
        oldest = min((m.at for m in waiting), default=now)
        since = min(oldest, now) - timedelta(
            seconds=window.capacity * window.interval_s
        )
        return Muster(
            window=window,
            tasks=tasks,
            strays=strays,
            samples=(s for s in self._ledger.samples(since=since) if s.at <= now),
            events=events,
        )

    def _manned(
        self, lineup: LineUp, now: datetime, events: list[Event]
    ) -> list[LiveRelease]:
        """Return the releases of a line-up, the leading one first; none: no work."""
        if not self._is_allowed(lineup.task):
            return []
        releases: list[LiveRelease] = []
        for role, digest in lineup.roles():
            release = self._ledger.release(digest)
            if reason := _refusal(release.manifest):
                events.append(_about(EventName.TASK_SKIPPED, release, reason, now))
                continue
            releases.append(
                LiveRelease(
                    role=role, release=release, model=self._model(release, now, events)
                )
            )
        return releases

    def _model(
        self, release: Release, now: datetime, events: list[Event]
    ) -> Model | None:
        if release.manifest.model is None:
            return None
        if release.digest not in self._loaded:
            try:
                self._loaded[release.digest] = self._models.load(release)
            except ForewarnError as error:
                unusable = EventName.RELEASE_UNUSABLE
                events.append(_about(unusable, release, str(error), now))
                return None
        return self._loaded[release.digest]


def _keeper(manifests: Sequence[Manifest]) -> Callable[[str], bool]:
    """Return whether a series is read by any task, given its canonical spelling."""
    wanted = {series for manifest in manifests for series in manifest.all_series()}
    names = {series.name for series in wanted}

    def keeps(spelling: str) -> bool:
        if spelling.partition("{")[0] not in names:
            return False
        return any(each.stands_for(parse_series(spelling)) for each in wanted)

    return keeps


def _takes(task: LiveTask | None, moment: Moment) -> bool:
    """Give an open moment to its task; return whether the task can resolve it."""
    if task is None or not task.can_resolve(moment):
        return False
    task.wait_for(moment)
    return True


def _span_s(manifest: Manifest) -> float:
    """Return how long a window must be for a task: its past and its horizon."""
    return max(_past_s(manifest) + manifest.target.horizon_s, _LEAST_SPAN_S)


def _past_s(manifest: Manifest) -> float:
    past = max(lookback_s(formula.expression) for formula in manifest.features)
    return max(past, target_lookback_s(manifest.target))


def _refusal(manifest: Manifest) -> str | None:
    """Return why this agent cannot run the task, or None."""
    past = _past_s(manifest)
    if past > MAX_LOOKBACK_S:
        return f"reads back {past:.0f} s; this agent keeps {MAX_LOOKBACK_S:.0f} s"
    if manifest.target.horizon_s > MAX_HORIZON_S:
        return f"looks ahead longer than {MAX_HORIZON_S:.0f} s"
    return None


def _about(name: EventName, release: Release, reason: str, now: datetime) -> Event:
    fields: dict[str, Field] = {
        "task": release.manifest.task,
        "version": release.manifest.version,
        "digest": release.digest[:12],
        "reason": reason,
    }
    return Event(at=now, name=name, fields=fields)
