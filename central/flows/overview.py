"""Overview: what is predicted, and which releases do it where."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from agent.core.manifest import Manifest
from agent.core.moment import Role
from central.core.approval import share
from central.core.inspection import state
from central.core.shelf import Issue
from central.core.whereabouts import Place
from central.flows.autopilot import remembered
from central.flows.inspect import Archive, Score, places_of, scores_of, state_of
from central.flows.standing import Standing, manifest_of, standing
from central.ports.fleet import Fleet, Plans, TotalRow


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """What is predicted, and how that stands.

    Attributes:
        title: In words; empty: no release was ever signed for.
        published: Versions, oldest first.
        version: Approved; None: none is.
        percent: Share of the fleet that it is for.
        state: In words.
        stage: Of the autopilot; None: it knows nothing of the task.
    """

    task: str
    title: str
    published: tuple[int, ...]
    version: int | None
    percent: int | None
    state: str
    stage: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRow:
    """One release of a task, as the fleet has it.

    Attributes:
        hosts: Hosts that have the task.
        at_work: Where it is acted upon, on probation or after it.
        updated: Where it is acted upon after its probation.
        in_shadow: Where it is scored beside another.
        rolled_back: Where it was taken off for good.
        score: How it did where it was acted upon; None: nothing is known.
    """

    task: str
    version: int
    digest: str
    state: str
    hosts: int
    at_work: int
    updated: int
    in_shadow: int
    rolled_back: int
    score: Score | None


def tasks(archive: Archive, *, now: datetime) -> tuple[TaskRow, ...]:
    """Return what is predicted, by name."""
    desk = archive.channels.looking()
    rows = []
    for task in desk.tasks():
        found = standing(desk, shelf=archive.channels.shelf, task=task)
        newest = manifest_of(desk, found.signed_for[-1]) if found.signed_for else None
        rows.append(_task_row(archive.plans, found, newest, now=now))
    return tuple(rows)


def fleet(archive: Archive, *, now: datetime) -> tuple[FleetRow, ...]:
    """Return which releases are at work on the fleet, by task and version.

    Those that are approved, and those that any host tells of.
    """
    desk, rows = archive.channels.looking(), []
    for task in desk.tasks():
        found = standing(desk, shelf=archive.channels.shelf, task=task)
        hosts = sum(bool(each) for each in archive.fleet.line_ups(task).values())
        totals = archive.fleet.totals(task=task)
        for issue in found.signed_for:
            row = _fleet_row(
                archive.fleet, found, issue, hosts=hosts, totals=totals, now=now
            )
            if row is not None:
                rows.append(row)
    return tuple(rows)


def _task_row(
    plans: Plans, found: Standing, newest: Manifest | None, *, now: datetime
) -> TaskRow:
    seen = found.seen
    is_planned = plans.plan(found.task) is not None
    words = "nothing is approved"
    if seen is not None:
        words = state(seen, found.issue(seen.sha256), now=now)
    return TaskRow(
        task=found.task,
        title="" if newest is None else newest.title,
        published=tuple(issue.version for issue in found.published),
        version=None if seen is None else seen.version,
        percent=None if seen is None else share(seen),
        state=words,
        stage=str(remembered(plans, found.task, now=now).stage) if is_planned else None,
    )


def _fleet_row(
    fleet: Fleet,
    found: Standing,
    issue: Issue,
    *,
    hosts: int,
    totals: Sequence[TotalRow],
    now: datetime,
) -> FleetRow | None:
    """Return a release as the fleet has it; None: no host tells of it."""
    places = {place: len(at) for place, at in places_of(fleet, issue).items()}
    is_approved = found.seen is not None and found.seen.sha256 == issue.digest
    if not (is_approved or any(places.values())):
        return None
    scores = {each.role: each for each in scores_of(totals, issue.digest)}
    return FleetRow(
        task=issue.task,
        version=issue.version,
        digest=issue.digest,
        state=state_of(found, issue, now=now),
        hosts=hosts,
        at_work=places[Place.CONFIRMED] + places[Place.PROBATION],
        updated=places[Place.CONFIRMED],
        in_shadow=places[Place.SHADOW],
        rolled_back=places[Place.ROLLED_BACK],
        score=scores.get(str(Role.ACTIVE)),
    )
