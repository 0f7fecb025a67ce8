"""The crew: every task at work on this host, built anew from the ledger."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeAlias

from agent.core.event import Event, EventName, Field
from agent.core.fit import misfit, window_for
from agent.core.lineup import LineUp
from agent.core.manifest import Manifest
from agent.core.moment import Moment, Outcome, OutcomeKind, Resolved, Role, Void
from agent.core.policy import Policy
from agent.core.release import Release
from agent.core.sample import Sample
from agent.core.strike import Strike, Tally
from agent.core.window import Window
from agent.errors import ExpressionError, ManifestError, TamperedError
from agent.flows.judging import renewed
from agent.flows.live_release import LiveRelease, speaker
from agent.flows.loading import Loaded, Loading
from agent.flows.rolled import Rolled
from agent.flows.task import LiveTask
from agent.ports import Ledger

_LATER = timedelta(milliseconds=1)
# A release whose manifest cannot be read does not work, and keeps no other from it.
_UNREADABLE: Final[Mapping[type[Exception], EventName]] = {
    ManifestError: EventName.TASK_SKIPPED,
    ExpressionError: EventName.TASK_SKIPPED,
    TamperedError: EventName.RELEASE_UNUSABLE,
}
_Fault: TypeAlias = tuple[EventName, Mapping[str, Field]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Muster:
    """What a crew starts to work with.

    Attributes:
        window: Empty, and long enough for every task.
        tasks: By name, their open moments taken in.
        strays: Open moments that no task at work can resolve: void.
        samples: What was seen before, oldest first, to be lived through again.
        events: What changed, and what is wrong with whom.
    """

    window: Window
    tasks: dict[str, LiveTask]
    strays: Sequence[Resolved]
    samples: Iterator[Sample]
    events: Sequence[Event]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What the ledger holds of a line-up.

    Attributes:
        releases: With their roles, the leading one first; empty: no work.
        faults: What is wrong with the others.
        definition: What says what the task is where no release is left: the baseline
            goes on alone.
    """

    releases: Sequence[tuple[Role, Release]]
    faults: Sequence[_Fault]
    definition: Release | None = None


class Crew:
    """Musters the tasks that the ledger's line-ups name.

    A model once loaded stays, so a changed line-up loads only what is new. What is
    wrong with a release is told once, until it is something else.

    Attributes:
        rolled: What its windows roll up.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        loading: Loading,
        new_window: Callable[..., Window],
        is_allowed: Callable[[str], bool],
        policy: Policy,
    ) -> None:
        self._ledger = ledger
        self._loading = loading
        self.rolled = Rolled(ledger)
        self._new_window = partial(new_window, tell=self.rolled.tell)
        self._is_allowed = is_allowed
        self._policy = policy
        self._live: dict[str, LiveRelease] = {}
        self._faults: dict[str, str] = {}
        self._lineups: tuple[LineUp, ...] | None = None

    def is_due(self, now: datetime) -> bool:
        """Return whether a muster may bring more than the last one did by itself."""
        return self._loading.is_due(now)

    def muster(self, *, now: datetime) -> Muster:
        """Return everything a tick works on, as the ledger has it now."""
        lineups = self._ledger.lineups()
        manned, faults = self._manned(lineups, now)
        events = [*self._changed(lineups, now), *self._news(faults)]
        pinned = {lineup.task for lineup in lineups if lineup.is_pinned}
        self._live = {live.release.digest: live for crew in manned for live in crew}
        manifests = [live.release.manifest for live in self._live.values()]
        window = window_for(manifests, new_window=self._new_window)
        memories = self._ledger.memories()
        tasks: dict[str, LiveTask] = {}
        for crew in manned:
            name = crew[0].release.manifest.task
            tasks[name] = LiveTask(
                crew,
                window=window,
                memory=memories.get(name),
                policy=self._policy,
                is_pinned=name in pinned,
            )
        # Of a later time than the present: the clock went back while nobody looked.
        self._ledger.forget_samples(since=now + _LATER)
        waiting = self._ledger.open_moments()
        for name, task in tasks.items():
            task.court.reconcile([each for each in waiting if each.task == name])
        strays = [s for m in waiting if (s := _stray(m, tasks.get(m.task), now))]
        oldest = min((m.at for m in waiting), default=now)
        back = timedelta(seconds=window.capacity * window.interval_s)
        since = min(oldest - back, now - back, self.rolled.refill(window, now=now))
        return Muster(
            window=window,
            tasks=tasks,
            strays=strays,
            samples=self._ledger.samples(since=since),
            events=[*events, *renewed(tasks.values(), now=now)],
        )

    def _changed(self, lineups: tuple[LineUp, ...], now: datetime) -> list[Event]:
        """Return which line-ups changed since the last muster; at the first, none."""
        before, self._lineups = self._lineups, lineups
        if before is None:
            return []
        return [
            Event(
                at=now,
                name=EventName.LINEUP_CHANGED,
                fields={"task": lineup.task}
                | {str(role): digest[:12] for role, digest in lineup.roles()},
            )
            for lineup in lineups
            if lineup not in before
        ]

    def _news(self, faults: Sequence[Event]) -> list[Event]:
        """Return what was not told at the last muster."""
        told = self._faults
        self._faults = {str(e.fields["digest"]): e.line() for e in faults}
        return [e for e in faults if told.get(str(e.fields["digest"])) != e.line()]

    def _manned(
        self, lineups: Sequence[LineUp], now: datetime
    ) -> tuple[list[list[LiveRelease]], list[Event]]:
        """Return who is at work for each task, and what is wrong with whom."""
        found = [self._found(lineup) for lineup in lineups]
        wanted = [release for each in found for _, release in each.releases]
        loaded = self._loading.load(wanted, now=now)
        crews = [self._crew(each, loaded) for each in found]
        faults = [
            Event(at=now, name=name, fields=fields)
            for each, crew in zip(found, crews, strict=True)
            for name, fields in _faults(each, crew, loaded)
        ]
        return [crew for crew in crews if crew], faults

    def _found(self, lineup: LineUp) -> _Found:
        """Return the releases of a line-up that can work on this host."""
        releases: list[tuple[Role, Release]] = []
        faults: list[_Fault] = []
        roles = tuple(lineup.roles())
        if not self._is_allowed(lineup.task):
            return _Found(releases=(), faults=())
        if not roles:
            return self._defined(lineup.task)
        for role, digest in roles:
            about = {"task": lineup.task, "digest": digest[:12]}
            try:
                release = self._ledger.release(digest)
            except tuple(_UNREADABLE) as error:
                name = _UNREADABLE[type(error)]
                faults.append((name, about | {"reason": str(error)}))
                continue
            leading = releases[0][1].manifest if releases else release.manifest
            if reason := self._refusal(release.manifest, leading=leading):
                fields = _named(release) | {"reason": reason}
                faults.append((EventName.TASK_SKIPPED, fields))
                continue
            releases.append((role, release))
        return _Found(releases=releases, faults=faults)

    def _defined(self, task: str) -> _Found:
        """Return what the baseline goes on by where no release is left."""
        try:
            definition = self._ledger.definition(task)
        except TamperedError as error:
            fields = {"task": task, "digest": "none", "reason": str(error)}
            return _Found(releases=(), faults=[(EventName.TASK_SKIPPED, fields)])
        return _Found(releases=(), faults=(), definition=definition)

    def _crew(self, found: _Found, loaded: Loaded) -> list[LiveRelease]:
        """Return a task's releases at work; what fails goes on to fail."""
        if found.definition is not None:
            release = found.definition
            return [LiveRelease(role=Role.ACTIVE, release=release, model=None)]
        return [
            LiveRelease(
                role=role,
                release=release,
                model=loaded.models.get(release.digest),
                failure=self._failure(release),
                tally=self._tally(release, loaded),
            )
            for role, release in found.releases
        ]

    def _failure(self, release: Release) -> str | None:
        known = self._live.get(release.digest)
        return None if known is None else known.failure

    def _tally(self, release: Release, loaded: Loaded) -> Tally:
        """Return what the release did wrong so far; not to load may end its work."""
        known = self._live.get(release.digest)
        tally = Tally() if known is None else known.tally
        if release.digest in loaded.broken:
            tally.add(Strike.UNLOADABLE, reason=loaded.faults[release.digest])
        return tally

    def _refusal(self, manifest: Manifest, *, leading: Manifest) -> str | None:
        """Return why this agent cannot run the release, or None."""
        if manifest.target != leading.target:
            return (
                f"predicts another target than version {leading.version}, which leads"
            )
        return misfit(manifest, new_window=self._new_window)


def _stray(moment: Moment, task: LiveTask | None, now: datetime) -> Resolved | None:
    """Give an open moment to its task; return it, void, if the task cannot resolve it.

    One of a later time than the present was predicted under another clock.
    """
    void = partial(Outcome, kind=OutcomeKind.VOID, resolved_at=now)
    if task is None or not task.knows_its_open_moments:
        return Resolved(moment=moment, outcome=void(void=Void.RETIRED))
    if moment.at > now:
        return task.close(moment, void(void=Void.CLOCK))
    task.waiting.add(moment)
    return None


def _named(release: Release) -> dict[str, Field]:
    manifest = release.manifest
    return {
        "task": manifest.task,
        "version": manifest.version,
        "digest": release.digest[:12],
    }


def _faults(
    found: _Found, crew: Sequence[LiveRelease], loaded: Loaded
) -> Iterator[_Fault]:
    """Yield what is wrong with a task's releases; who cannot work says who does."""
    unusable = EventName.RELEASE_UNUSABLE
    speaks: dict[str, Field] = {"speaks": speaker(crew)}
    for name, fields in found.faults:
        yield name, {**fields, **(speaks if name is unusable else {})}
    for _, release in found.releases:
        if reason := loaded.faults.get(release.digest):
            yield unusable, {**_named(release), "reason": reason, **speaks}
