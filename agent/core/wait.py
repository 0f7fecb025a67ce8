"""Waiting for history: what keeps a task on a new host from predicting anything.

Without its limit a moment is not predicted, and the limit of a host's own past is known
only once enough of that past is there.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

import msgspec

from agent.core.manifest import Manifest
from agent.core.points import needed, reach
from agent.core.rollup import ROLLUP_S, is_long
from agent.core.series import parse_series
from agent.core.syntax import Call, calls
from agent.core.target import EventTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch of the past.

    Attributes:
        since: Where it begins; this instant is not in it.
        until: Its last instant.
        of_rollups: Whether it is made of roll-ups; else of samples.
    """

    since: datetime
    until: datetime
    of_rollups: bool


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """What is still missing; the entity that has most of it counts.

    Attributes:
        series: What is read, `$entity` not filled in.
        needs_s: For how many seconds it must have been there.
        has_s: For how many it was, of those that are read.
    """

    series: str
    needs_s: float
    has_s: float


# How often each series, by its canonical spelling, was there in a stretch.
Present: TypeAlias = Callable[[Stretch], Mapping[str, int]]


def wait(
    manifest: Manifest, *, interval_s: float, until: datetime, present: Present
) -> Wait | None:
    """Return what a task waits for; None if it lacks no history.

    Args:
        manifest: What is predicted, from what.
        interval_s: Distance between the host's samples.
        until: The newest sample's instant.
        present: Tells what there is.

    Returns:
        Of several things that are missing, the one that is missing longest.
    """
    found = [
        Wait(
            series=str(call.series),
            needs_s=needed(count, min_coverage=manifest.min_coverage) * step_s,
            has_s=_most(call, of=present(stretch)) * step_s,
        )
        for call in _indispensable(manifest)
        for count, step_s, stretch in [_reach(call, interval_s=interval_s, until=until)]
    ]
    missing = [each for each in found if each.has_s < each.needs_s]
    return max(missing, key=lambda each: each.needs_s - each.has_s, default=None)


def _indispensable(manifest: Manifest) -> Iterator[Call]:
    """Yield every call on a series without whose result nothing is predicted."""
    target = manifest.target
    if isinstance(target, EventTarget):
        wanted = [target.condition.limit]
    else:
        wanted = [target.expression]
    if manifest.missing == "skip":
        wanted += [formula.expression for formula in manifest.features]
    for expression in wanted:
        yield from (call for call in calls(expression) if call.series is not None)


def _reach(
    call: Call, *, interval_s: float, until: datetime
) -> tuple[int, float, Stretch]:
    """Return how many points a call reads, how far apart in seconds, and where."""
    of_rollups = interval_s < ROLLUP_S and is_long(call)
    step_s = ROLLUP_S if of_rollups else interval_s
    count, newer = reach(call, interval_s=step_s)
    end = until - timedelta(seconds=newer * step_s)
    since = end - timedelta(seconds=count * step_s)
    return count, step_s, Stretch(since=since, until=end, of_rollups=of_rollups)


def _most(call: Call, *, of: Mapping[str, int]) -> int:
    """Return how often the call's series was there, of the entity that has most."""
    series = call.series
    return max(
        (
            number
            for name, number in of.items()
            if series is not None and series.stands_for(parse_series(name))
        ),
        default=0,
    )
