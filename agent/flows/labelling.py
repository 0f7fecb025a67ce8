"""Labelling: which of the gleaned moments leave as samples, within the allowance."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from agent.core.envelope import Labelled, LabelledRow, Seen
from agent.core.reporting import Allowance, cost, shares
from agent.core.sampling import SCHEME, choose, is_enough
from agent.flows.gleaning import Gleaned, Leading, rows_of
from agent.ports.reporting import Past

# Before it is packed, however much was saved up: central takes no report of any length.
_MOST_BYTES: Final = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What chance is drawn from: the same report of a host draws the same.

    Attributes:
        host_id: Whose report.
        sequence: Which one.
    """

    host_id: str
    sequence: int

    def of(self, task: str) -> np.random.Generator:
        """Return the generator for a task."""
        named = f"{self.host_id} {self.sequence} {task}".encode()
        seed = int.from_bytes(hashlib.sha256(named).digest()[:16])
        return np.random.default_rng(seed)


def ready(found: Mapping[str, Gleaned], *, left: float) -> dict[str, Gleaned]:
    """Return the tasks from which it is worth choosing now; the others wait.

    A task without news is ready: there is nothing to wait for.

    Args:
        found: What came of each task, by name.
        left: Bytes that may leave now.
    """
    given = _given(found, left)
    return {
        task: each
        for task, each in found.items()
        if is_enough(len(each.numbers), budget=_budget(each, given.get(task, 0.0)))
    }


def labelled(
    past: Past,
    found: Mapping[str, Gleaned],
    *,
    who: Mapping[str, Leading],
    allowance: Allowance,
    draw: Draw,
) -> tuple[Labelled, Allowance]:
    """Return the labelled samples of a report, and what may leave after them.

    Args:
        past: The ledger.
        found: What came of each task, by name.
        who: Led each of them.
        allowance: What may leave now.
        draw: Chance.
    """
    given = _given(found, allowance.left)
    rows: list[LabelledRow] = []
    weights: list[float] = []
    seen: list[Seen] = []
    for task in sorted(given):
        each = found[task]
        taken, stands_for = choose(
            each.events,
            each.quiet,
            budget=_budget(each, given[task]),
            rng=draw.of(task),
        )
        numbers = [each.numbers[position] for position in taken]
        rows += rows_of(past, numbers, who=who[task])
        weights += stands_for
        seen.append(_seen(task, each, taken))
    used = sum(map(cost, rows))
    told = Labelled(
        scheme=SCHEME, rows=tuple(rows), weights=tuple(weights), seen=tuple(seen)
    )
    return told, allowance.spent(used)


def _given(found: Mapping[str, Gleaned], left: float) -> dict[str, float]:
    """Return how many bytes each task with news may send."""
    needs = {
        task: each.row_bytes * len(each.numbers)
        for task, each in found.items()
        if each.numbers
    }
    return shares(min(left, _MOST_BYTES), needs=needs)


def _budget(found: Gleaned, given: float) -> float:
    """Return for how many rows these bytes are; as many as there are where they do."""
    rows = len(found.numbers)
    return rows if given >= found.row_bytes * rows else given / found.row_bytes


def _seen(task: str, found: Gleaned, taken: list[int]) -> Seen:
    events = len(set(found.events).intersection(taken))
    return Seen(
        task=task,
        events=len(found.events),
        quiet=len(found.quiet),
        sent_events=events,
        sent_quiet=len(taken) - events,
    )
