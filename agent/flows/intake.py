"""Intake: a sample goes on the grid, and what came due up to it is resolved."""

from collections.abc import Collection
from datetime import datetime

from agent.core.moment import Resolved
from agent.core.sample import Sample
from agent.core.window import Window
from agent.flows.task import LiveTask


def take_in(
    sample: Sample, *, window: Window, tasks: Collection[LiveTask], now: datetime
) -> list[Resolved]:
    """Put a sample on the grid and resolve what came due up to it.

    Moments that were due at a slot without a sample are read as of that slot, so
    that a gap in the middle does not change what is known of them.
    """
    slot = window.slot_of(sample.at)
    resolved: list[Resolved] = []
    window.note_boot(sample)
    while (due := _next_due(tasks)) is not None and due < slot:
        window.advance(due)
        resolved += _resolved(tasks, now)
    window.append(sample)
    return resolved if due != slot else resolved + _resolved(tasks, now)


def _next_due(tasks: Collection[LiveTask]) -> int | None:
    dues = [task.waiting.next_due for task in tasks]
    return min((due for due in dues if due is not None), default=None)


def _resolved(tasks: Collection[LiveTask], now: datetime) -> list[Resolved]:
    due = [task for task in tasks if task.waiting.is_due]
    return [each for task in due for each in task.resolve(now)]
