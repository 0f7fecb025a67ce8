"""The scorecards as people and programs read them."""

from datetime import date
from itertools import groupby
from operator import attrgetter

import msgspec

from agent.cli.output import Share, share, table
from agent.core.moment import Role
from agent.core.quantity import duration_text
from agent.core.scorecard import merged
from agent.core.skill import Skill, skill
from agent.ports import CardKey
from agent.wiring.reading import Archive

# As wide as people's terminals: JSON holds what has no column.
_EVENT_HEADER = (
    "task",
    "role",
    "release",
    "resolved",
    "happened",
    "void",
    "Brier",
    "vs base",
    "calib.",
    "prec.",
    "recall",
    "lead",
)
_VALUE_HEADER = (
    "task",
    "role",
    "release",
    "resolved",
    "void",
    "quantile",
    "pinball",
    "vs base",
    "coverage",
)


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How one release did in one role, over all days that are kept.

    Attributes:
        task: What it predicted.
        digest: The release, or `baseline`.
        role: As what.
        since: First day with an outcome, UTC.
        skill: What the merged scorecard says.
    """

    task: str
    digest: str
    role: Role
    since: date
    skill: Skill


def scores(archive: Archive, *, task: str | None = None) -> list[Score]:
    """Return the merged scorecards, by task, the active release before the others."""
    cards = archive.cards(task=task)
    return [
        Score(
            task=name,
            digest=digest,
            role=role,
            since=min(key.day for key in keys),
            skill=skill(merged([cards[key] for key in keys])),
        )
        for (name, role, digest), keys in _grouped(list(cards))
    ]


def scores_text(found: list[Score]) -> str:
    """Return the scorecards as tables, events apart from values; words for none."""
    events = [each for each in found if not each.skill.levels]
    values = [each for each in found if each.skill.levels]
    parts = [_events(events)] if events else []
    parts += [_values(values)] if values else []
    return "\n\n".join(parts) or "no outcome yet"


def _grouped(
    keys: list[CardKey],
) -> list[tuple[tuple[str, Role, str], list[CardKey]]]:
    order = list(Role)
    keys.sort(key=lambda key: (key.task, order.index(key.role), key.digest, key.day))
    by = attrgetter("task", "role", "digest")
    return [(name, list(group)) for name, group in groupby(keys, key=by)]


def _events(found: list[Score]) -> str:
    rows = [
        (
            each.task,
            each.role,
            each.digest[:12],
            each.skill.resolved,
            each.skill.happened,
            sum(each.skill.voids.values()),
            each.skill.brier,
            _gain(each, each.skill.skill),
            share(each.skill.calibration_error),
            share(each.skill.precision),
            share(each.skill.recall),
            _lead(each.skill),
        )
        for each in found
    ]
    return table(_EVENT_HEADER, rows=rows)


def _values(found: list[Score]) -> str:
    rows = [
        (
            each.task,
            each.role,
            each.digest[:12],
            each.skill.resolved,
            sum(each.skill.voids.values()),
            float(level),
            each.skill.levels[level].pinball,
            _gain(each, each.skill.levels[level].skill),
            share(each.skill.levels[level].coverage),
        )
        for each in found
        for level in sorted(each.skill.levels, key=float)
    ]
    return table(_VALUE_HEADER, rows=rows)


def _gain(each: Score, ratio: float | None) -> Share | None:
    """Return how much better than the baseline; that is no question of itself."""
    return None if each.role is Role.BASELINE else share(ratio)


def _lead(known: Skill) -> str | None:
    """Return the median lead time, no finer than it is known."""
    lead_s = known.lead_time_median_s
    if lead_s is None:
        return None
    unit_s = next((unit for unit in (3600, 60) if lead_s >= 10 * unit), 1)
    return duration_text(unit_s * round(lead_s / unit_s))
