"""Inspect: a release from what it was trained on to the hosts where it runs."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from agent.core.scorecard import Scorecard
from agent.core.skill import skill
from agent.errors import TrustError
from central.core.approval import share
from central.core.inspection import state
from central.core.lineage import Lineage, lineage
from central.core.log import Entry
from central.core.shelf import Issue, issue_of
from central.core.whereabouts import ENDINGS, Place, whereabouts
from central.flows.standing import Standing, manifests, standing
from central.ports.fleet import Fleet, Plans, TotalRow
from central.ports.log import Log
from central.ports.rollout import Channels

_LEAST_DIGITS: Final = 6
_DIGEST: Final = re.compile(r"[0-9a-f]{6,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How a release did in a role, all hosts together.

    Attributes:
        resolved: Predictions with an outcome.
        happened: Of those, events.
        brier: Mean squared error; None for a value task.
        baseline_brier: The baseline's on the same moments.
        skill: 1 - loss / the baseline's: above 0 is better than the baseline.
    """

    role: str
    resolved: int
    happened: int
    brier: float | None
    baseline_brier: float | None
    skill: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """A release.

    Attributes:
        state: How it stands in its channel, in words.
        lineage: Where it comes from, itself first.
        deeds: What the log tells of it, oldest first.
        places: The hosts where it is, by its place there.
        scores: How it did there.
    """

    task: str
    version: int
    digest: str
    state: str
    lineage: Lineage
    deeds: tuple[Entry, ...]
    places: Mapping[Place, tuple[str, ...]]
    scores: tuple[Score, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """What there is to look at."""

    channels: Channels
    fleet: Fleet
    plans: Plans
    log: Log


def inspected(archive: Archive, task: str, *, which: str, now: datetime) -> Inspected:
    """Return all that is known of a release.

    Args:
        archive: Where it is known from.
        task: Of the release.
        which: Its version, or how its digest begins; empty: the approved one, or else
            the newest.
        now: The present.

    Raises:
        UnknownNameError: The repository does not know the task.
        TrustError: There is no such release.
    """
    desk = archive.channels.looking()
    found = standing(desk, shelf=archive.channels.shelf, task=task)
    issue = _meant(found, which)
    known = manifests(desk, found)
    places = places_of(archive.fleet, issue)
    return Inspected(
        task=task,
        version=issue.version,
        digest=issue.digest,
        state=state_of(found, issue, now=now),
        lineage=lineage(known[issue.digest], among=known.values()),
        deeds=_deeds(archive.log.chain().entries, issue),
        places={place: tuple(sorted(hosts)) for place, hosts in places.items()},
        scores=scores_of(archive.fleet.totals(task=task), issue.digest),
    )


def _meant(found: Standing, which: str) -> Issue:
    """Return the release that is meant.

    Raises:
        TrustError: There is none, or several.
    """
    if which.isdecimal() and len(which) < _LEAST_DIGITS:
        return issue_of(int(which), among=found.signed_for, task=found.task)
    if not which:
        approved = None if found.seen is None else found.issue(found.seen.sha256)
        return approved or issue_of(
            found.newest, among=found.signed_for, task=found.task
        )
    named = [each for each in found.signed_for if each.digest.startswith(which)]
    if _DIGEST.fullmatch(which) and len(named) == 1:
        return named[0]
    raise TrustError(
        f"{found.task}: expected a version, or how one digest begins, with "
        f"{_LEAST_DIGITS} digits or more; got {which}, which {len(named)} releases bear"
    )


def state_of(found: Standing, issue: Issue, *, now: datetime) -> str:
    """Return how a release stands, in words."""
    seen = found.seen
    if issue not in found.published:
        return "lacks signatures"
    if seen is not None and not issue.digests.isdisjoint(seen.revoked):
        return "revoked"
    if seen is None or seen.sha256 != issue.digest:
        return "published"
    return f"{state(seen, issue, now=now)} for {share(seen)} % of hosts"


def places_of(fleet: Fleet, issue: Issue) -> Mapping[Place, frozenset[str]]:
    """Return the hosts where a release is, by its place there."""
    return whereabouts(
        issue.digest,
        line_ups=fleet.line_ups(issue.task),
        told=fleet.events(names=ENDINGS),
    )


def scores_of(totals: Iterable[TotalRow], digest: str) -> tuple[Score, ...]:
    """Return how a release did in each role that it had."""
    mine = (each for each in totals if each.digest == digest)
    return tuple(_score(str(each.role), each.card) for each in mine)


def _score(role: str, card: Scorecard) -> Score:
    found = skill(card)
    levels = [each.skill for each in found.levels.values() if each.skill is not None]
    value_skill = sum(levels) / len(levels) if levels else None
    return Score(
        role=role,
        resolved=found.resolved,
        happened=found.happened,
        brier=found.brier,
        baseline_brier=found.baseline_brier,
        skill=found.skill if found.skill is not None else value_skill,
    )


def _deeds(entries: Iterable[Entry], issue: Issue) -> tuple[Entry, ...]:
    """Return what was done to a release, or named it."""
    return tuple(
        entry
        for entry in entries
        if entry.subject.digest == issue.digest
        or (entry.subject.task, entry.subject.version) == (issue.task, issue.version)
    )
