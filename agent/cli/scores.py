"""The scorecards as people and programs read them."""

from datetime import date
from itertools import groupby
from operator import attrgetter

import msgspec

from agent.cli.output import table
from agent.core.moment import Role
from agent.core.quantity import duration_text
from agent.core.scorecard import merged
from agent.core.skill import Skill, skill
from agent.ports import CardKey
from agent.wiring.reading import Archive


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
            each.skill.skill,
            each.skill.climatology_skill,
            each.skill.calibration_error,
            each.skill.precision,
            each.skill.recall,
            _lead(each.skill),
        )
        for each in found
    ]
    return table(
        (
            "task",
            "role",
            "release",
            "resolved",
            "happened",
            "void",
            "Brier",
            "vs baseline",
            "vs climatology",
            "calibration error",
            "precision",
            "recall",
            "lead time",
        ),
        rows=rows,
    )


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
            each.skill.levels[level].skill,
            each.skill.levels[level].coverage,
        )
        for each in found
        for level in sorted(each.skill.levels, key=float)
    ]
    return table(
        (
            "task",
            "role",
            "release",
            "resolved",
            "void",
            "quantile",
            "pinball",
            "vs baseline",
            "coverage",
        ),
        rows=rows,
    )


def _lead(known: Skill) -> str | None:
    lead_s = known.lead_time_median_s
    return None if lead_s is None else duration_text(lead_s)
