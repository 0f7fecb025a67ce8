"""What is the case for a task, as the autopilot must know it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

import msgspec

from agent.core.drift import pooled
from agent.core.envelope import ToldEvent
from agent.core.manifest import Manifest
from agent.core.target import EventTarget
from agent.core.trial_rows import fleet_ticks
from central.core.autopilot import (
    RESTING,
    Candidate,
    Course,
    Crowd,
    Facts,
    Fallen,
    Fresh,
    Made,
    Plan,
    Stage,
    Terms,
    counted,
    first_block,
)
from central.core.shelf import Issue
from central.core.whereabouts import ENDINGS, Place, ended, whereabouts
from central.flows.standing import candidate, manifest_of, standing
from central.ports.fleet import Counting, Fleet, HostRow
from central.ports.rollout import Channels

EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
# A host that tells nothing of itself for so long is not waited for.
_SILENT: Final = timedelta(days=1)
_SHOWN: Final = 3
Told: TypeAlias = tuple[tuple[str, ToldEvent], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where facts are from.

    Attributes:
        cluster_label: Hosts that one incident can hit together bear the same one.
    """

    fleet: Fleet
    counting: Counting
    channels: Channels
    cluster_label: str


def observed(
    sources: Sources, plan: Plan, *, terms: Terms, now: datetime, made: Made | None
) -> tuple[Plan, Facts]:
    """Return a plan with its evidence counted up to now, and all that it depends on.

    Args:
        sources: Where facts are from.
        plan: What is remembered of the task.
        terms: What the operator wants.
        now: When it is looked.
        made: What came of the retraining that was asked for.
    """
    look = _Look(sources, plan.task, now=now)
    course, crowd = plan.course, Crowd()
    if course is not None and plan.stage not in RESTING:
        crowd = look.crowd(course)
    if course is not None and plan.stage in {Stage.OPENING, Stage.RING}:
        course = look.counted(course, crowd=crowd, terms=terms)
        plan = msgspec.structs.replace(plan, course=course)
    is_watching = terms.is_automatic and plan.stage in RESTING
    return plan, Facts(
        now=now,
        newest=look.found.newest,
        fresh=look.fresh(plan.retrained_at or EVER) if is_watching else Fresh(),
        fallen=look.fallen() if is_watching else Fallen(),
        drifted=look.drifted() if is_watching else "",
        made=made,
        candidate=None if course is None else look.candidate(course.digest),
        signed=look.found.pointer,
        published=look.found.seen,
        waiting=look.found.waiting,
        crowd=crowd,
    )


class _Look:
    """One look at a task: the repository, and the hosts that may report."""

    def __init__(self, sources: Sources, task: str, *, now: datetime) -> None:
        self._sources = sources
        self._task = task
        self._now = now
        self._desk = sources.channels.looking()
        self.found = standing(self._desk, shelf=sources.channels.shelf, task=task)
        fleet = sources.fleet
        self._hosts = {row.host_id: row for row in fleet.hosts() if _may_report(row)}
        self._line_ups = {
            host: rows[0]
            for host, rows in fleet.line_ups(task).items()
            if rows and host in self._hosts
        }

    def candidate(self, digest: str) -> Candidate | None:
        """Return the release of a course as it is signed for; None: it is not."""
        issue = self.found.issue(digest)
        if issue is None:
            return None
        return candidate(self._desk, issue, among=self.found)

    def crowd(self, course: Course) -> Crowd:
        """Return where the release of a course is."""
        told = self._told(since=course.began_at)
        places = self._places(course.digest, told)
        fallen = ended(course.digest, told=told, is_own=True)
        members = self._members(course)
        due = {host for host in members if self._is_due(host, course)} - fallen
        return Crowd(
            members=len(members),
            tried=len(frozenset().union(*places.values(), fallen)),
            on_trial=places[Place.SHADOW] | places[Place.PROBATION],
            updated=len(places[Place.CONFIRMED]),
            fallen=len(fallen),
            due=len(places[Place.CONFIRMED] | due),
        )

    def counted(self, course: Course, *, crowd: Crowd, terms: Terms) -> Course:
        """Return a course with every fleet block counted that is over long enough."""
        issue = self.found.issue(course.digest)
        if issue is None:
            return course
        manifest = manifest_of(self._desk, issue)
        trials = self._sources.fleet.trials(
            self._task, digest=course.digest, after=first_block(course)
        )
        label = self._sources.cluster_label
        clusters = {
            host: row.labels[label]
            for host, row in self._hosts.items()
            if label in row.labels
        }
        return counted(
            course,
            pace=(fleet_ticks(manifest), float(manifest.score_every)),
            trials=trials,
            on_trial=crowd.on_trial,
            clusters=clusters,
            now=self._now,
            grace=terms.grace,
            alpha=terms.alpha,
        )

    def fresh(self, since: datetime) -> Fresh:
        """Return what came in since the last retraining."""
        count = self._sources.counting.count(self._task, since=since)
        newest = self._newest()
        is_event = newest is None or isinstance(newest.target, EventTarget)
        return Fresh(rows=count.rows, events=count.events, has_events=is_event)

    def fallen(self) -> Fallen:
        """Return how the approved release stands."""
        approved = self._approved()
        if approved is None or approved.model is None:
            return Fallen()
        told = self._told(since=None)
        gone = self._places(approved.digest, told)[Place.ROLLED_BACK]
        lone = {host for host, row in self._line_ups.items() if row.active is None}
        return Fallen(
            version=approved.version,
            hosts=len(self._line_ups),
            fallen=len((gone | lone) & self._line_ups.keys()),
        )

    def drifted(self) -> str:
        """Return which features of the approved release did, on all hosts together."""
        approved = self._approved()
        if approved is None:
            return ""
        manifest = manifest_of(self._desk, approved)
        told = [
            each
            for host, each in self._sources.fleet.drift(self._task).items()
            if host in self._hosts
            and each.digest == approved.digest
            and len(each.features) == len(manifest.features)
        ]
        if manifest.reference is None or not told:
            return ""
        found = pooled(told, reference=manifest.reference)
        texts = [
            manifest.features[each.feature].text
            for each in found.features
            if each.has_drifted
        ]
        more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
        return ", ".join(texts[:_SHOWN]) + more

    def _approved(self) -> Issue | None:
        seen = self.found.seen
        if seen is None or seen.sha256 in seen.revoked:
            return None
        return self.found.issue(seen.sha256)

    def _newest(self) -> Manifest | None:
        if not self.found.signed_for:
            return None
        return manifest_of(self._desk, self.found.signed_for[-1])

    def _members(self, course: Course) -> frozenset[str]:
        """Return the hosts that the present ring is for, by the published channel."""
        pointer = self.found.seen
        if pointer is None or pointer.sha256 != course.digest:
            return frozenset()
        known = self._line_ups.keys() or self._hosts.keys()
        return frozenset(
            host for host in known if pointer.holds_back(host, now=self._now) is None
        )

    def _is_due(self, host: str, course: Course) -> bool:
        """Return whether a host tells of itself, and of no other pinned release."""
        row, line_up = self._hosts[host], self._line_ups.get(host)
        if line_up is None or row.reported_at is None:
            return False
        active = line_up.active
        is_held = line_up.is_pinned and (
            active is None or active.digest != course.digest
        )
        return self._now - row.reported_at < _SILENT and not is_held

    def _told(self, *, since: datetime | None) -> Told:
        return self._sources.fleet.events(names=ENDINGS, since=since)

    def _places(self, digest: str, told: Told) -> Mapping[Place, frozenset[str]]:
        line_ups = {host: (row,) for host, row in self._line_ups.items()}
        mine = [each for each in told if each[0] in self._hosts]
        return whereabouts(digest, line_ups=line_ups, told=mine)


def _may_report(row: HostRow) -> bool:
    return row.revoked_at is None and row.reported_at is not None
