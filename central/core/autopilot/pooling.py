"""Pooling: what the hosts on trial saw, a fleet block at a time, for the fleet's guard.

Hosts agree on a block by the wall clock: it holds the predictions whose deadline lies
in it. They tell of it when it is over, in their next report; so it is counted some time
after its end, and rows that come later are never counted.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import msgspec

from agent.core.envelope import TrialReport
from agent.core.fleet import ADVANCE_EPISODES, FleetGuard
from agent.core.fleet_row import FleetRow
from central.core.autopilot.plan import Course

Pace: TypeAlias = tuple[int, float]
_DAY_S: Final = 86_400.0
# In one look; the next goes on. A block lasts 20 minutes or more.
_MOST_BLOCKS: Final = 5000


def counted(
    course: Course,
    *,
    pace: Pace,
    trials: Sequence[TrialReport],
    on_trial: Iterable[str],
    clusters: Mapping[str, str],
    now: datetime,
    grace: timedelta,
    alpha: float,
) -> Course:
    """Return a course with every block counted that is over long enough.

    Hosts that score at another pace than the manifest says have other blocks, and are
    left out. A last block that nobody told of waits for one that somebody tells of: a
    clock that was ahead for once counts nothing away.

    Args:
        course: The rollout.
        pace: Ticks of a fleet block, and seconds of a tick, by the manifest.
        trials: What hosts told of its release, of blocks that are not counted yet.
        on_trial: Hosts where it is in the shadow or on probation now: one that sent no
            row counts as having seen nothing.
        clusters: Which cluster each host is in; a host without one is in that of all
            such hosts.
        now: When it is counted.
        grace: So long after its end a block is counted.
        alpha: Chance that a rollout that does no harm is ever halted.
    """
    kept = [each for each in trials if (each.ticks, each.score_every_s) == pace]
    strays = {each.row.host for each in trials} - {each.row.host for each in kept}
    most = max(course.strays, len(strays))
    course = msgspec.structs.replace(course, strays=most)
    if course.guard is None and kept:
        course = _begun(course, pace, alpha=alpha)
    if course.guard is None:
        return course
    guard = _copied(course.guard)
    rows = _rows(course, guard, kept)
    last = math.floor((now - grace).timestamp() / course.block_s) - 1
    last = min(last, max(rows, default=guard.block), guard.block + _MOST_BLOCKS)
    for block in range(guard.block + 1, last + 1):
        sent = rows.get(block, {})
        hosts = sorted({*sent, *on_trial})
        grouped: dict[str, list[FleetRow | None]] = {}
        for host in hosts:
            grouped.setdefault(clusters.get(host, ""), []).append(sent.get(host))
        guard.add(block, grouped)
        if guard.halted():
            break
    return msgspec.structs.replace(course, guard=guard)


def first_block(course: Course) -> int:
    """Return the number above which rows are wanted; -1: any."""
    return -1 if course.guard is None else course.guard.block


def _begun(course: Course, pace: Pace, *, alpha: float) -> Course:
    """Return a course with its guard, if it has begun."""
    if course.began_at is None:
        return course
    ticks, every_s = pace
    block_s = ticks * every_s
    guard = FleetGuard(
        ticks=ticks,
        day_blocks=math.ceil(_DAY_S / block_s),
        alpha=alpha,
        block=math.floor(course.began_at.timestamp() / block_s) - 1,
        margin=course.margin,
        least_episodes=ADVANCE_EPISODES if course.has_events else 0,
    )
    return msgspec.structs.replace(course, guard=guard, block_s=block_s)


def _rows(
    course: Course, guard: FleetGuard, trials: Iterable[TrialReport]
) -> Mapping[int, Mapping[str, FleetRow]]:
    """Return the rows that fit, by block and host."""
    found: dict[int, dict[str, FleetRow]] = {}
    for each in trials:
        row = each.row
        if row.version == course.version:
            block = found.setdefault(row.block, {})
            known = block.get(row.host)
            # In the shadow and then at work, within one block.
            block[row.host] = row if known is None else known.merged(row)
    fitting = {
        block: {h: row for h, row in rows.items() if not row.flaw(guard.ticks)}
        for block, rows in found.items()
    }
    return {block: rows for block, rows in fitting.items() if rows}


def _copied(guard: FleetGuard) -> FleetGuard:
    return msgspec.json.decode(msgspec.json.encode(guard), type=FleetGuard)
