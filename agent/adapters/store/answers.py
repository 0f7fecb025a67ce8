"""What the archive answers with, and how its rows become that."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec
import numpy as np

from agent.adapters.store import rows
from agent.core.moment import Outcome, Role
from agent.core.release import ReleaseState
from agent.core.request import Answer, Request
from agent.ports import CardKey

Columns = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An event as it was kept, with the names that this or an older program used."""

    at: datetime
    level: str
    name: str
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A release that was taken in, without its manifest."""

    digest: str
    task: str
    version: int
    state: ReleaseState
    admitted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many rows there are.

    Attributes:
        resolved: Moments with an outcome, by its kind.
    """

    samples: int
    moments: int
    open_moments: int
    resolved: Mapping[str, int]
    events: int


def outcome(row: Columns) -> Outcome:
    """Return the outcome among a row's columns."""
    names = ("kind", "resolved_at", "value", "happened_at", "void")
    return rows.outcome_of(tuple(row[name] for name in names))


def recorded(row: Columns) -> Recorded:
    """Return an event."""
    return Recorded(
        at=rows.instant(row["at"]),
        level=row["level"],
        name=row["name"],
        fields=json.loads(row["fields"]),
    )


def asked(found: Iterable[Columns]) -> Iterator[tuple[Request, Answer | None]]:
    """Yield requests with their answers, but for what a newer program was asked."""
    for row in found:
        with suppress(msgspec.ValidationError):
            request = rows.request_of(row["id"], row["document"])
            yield request, rows.answer_of(row["answer"])


def card_key(row: Columns) -> CardKey:
    """Return which scorecard a row holds."""
    day = date.fromisoformat(row["day"])
    return CardKey(row["task"], row["digest"], Role(row["role"]), day)


def admitted(row: Columns) -> Admitted:
    """Return a release without its manifest."""
    return Admitted(
        digest=row["digest"],
        task=row["task"],
        version=row["version"],
        state=ReleaseState(row["state"]),
        admitted_at=rows.instant(row["admitted_at"]),
    )


def present(points: Iterable[Columns], *, layouts: Mapping[int, str]) -> Counter[str]:
    """Return in how many of these points each series was no gap.

    Args:
        points: Rows with their values, packed, and the number of their layout.
        layouts: The layouts, as they are written, by number.
    """
    blobs: defaultdict[int, list[bytes]] = defaultdict(list)
    for row in points:
        blobs[row["layout"]].append(row["points"])
    found: Counter[str] = Counter()
    for number, of_layout in blobs.items():
        names = rows.layout_of(layouts[number])
        values = rows.unpacked(b"".join(of_layout)).reshape(-1, len(names))
        there = np.count_nonzero(~np.isnan(values), axis=0).tolist()
        found.update(dict(zip(names, there, strict=True)))
    return found
