"""Rehearsal: a recorded host lived through once, to see what tasks' moments came to.

Made by the agent's own window, sight, features, baseline and outcomes, in the order of
a tick (resolve what is due, then score), with neither guard nor store: what is trained
and what is judged on a recording are the moments that the host itself would have had.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import msgspec

from agent.core.expression import Expression, text
from agent.core.fit import window_for
from agent.core.manifest import Formula, Manifest
from agent.core.rows import Rows
from agent.core.sample import Sample
from agent.core.understudy import Understudy
from agent.core.window import Window

__all__ = ["Rows", "rehearse"]


def rehearse(
    samples: Iterable[Sample],
    *,
    interval_s: float,
    tasks: Sequence[Manifest],
    origin_s: float = 0.0,
    extras: Mapping[str, Sequence[Expression]] | None = None,
    on_sample: Callable[[], None] | None = None,
) -> dict[str, Rows]:
    """Return each task's resolved moments on one recorded host, by the task's name.

    Args:
        samples: The recording, oldest first. Where its clock goes back, what is open
            is void.
        interval_s: Distance between two samples, in seconds.
        tasks: One manifest a task; a survey will do.
        origin_s: Instant of the grid's slot 0, Unix seconds.
        extras: Further expressions by a task's name, which `$limit` and `$entity` stand
            in as in its features.
        on_sample: Called after each sample, to show progress.

    Raises:
        ExpressionError: An expression reads no point of such a grid.
    """
    wanted = extras or {}
    widened = [_widened(task, wanted.get(task.task, ())) for task in tasks]
    new_window = partial(Window, interval_s=interval_s, origin_s=origin_s)
    window = window_for(widened, new_window=new_window)
    understudies = [
        Understudy(wide, width=len(task.features), window=window)
        for wide, task in zip(widened, tasks, strict=True)
    ]
    for sample in samples:
        _live(sample, understudies=understudies, window=window)
        if on_sample is not None:
            on_sample()
    return {each.name: each.rows() for each in understudies}


def _widened(manifest: Manifest, extras: Sequence[Expression]) -> Manifest:
    """Return a task that computes the extras behind its features."""
    added = tuple(Formula(text(each)) for each in extras)
    return msgspec.structs.replace(manifest, features=manifest.features + added)


def _live(
    sample: Sample, *, understudies: Sequence[Understudy], window: Window
) -> None:
    """Live through one instant, as a tick does."""
    slot = window.slot_of(sample.at)
    window.note_boot(sample)
    if window.slot is not None and slot < window.slot:
        for each in understudies:
            each.forget()
    # What was due at a slot without a sample is read as of that slot.
    while (due := _next_due(understudies)) is not None and due < slot:
        window.advance(due)
        _resolve(understudies)
    window.append(sample)
    _resolve(understudies)
    for each in understudies:
        each.score(sample.at)


def _next_due(understudies: Sequence[Understudy]) -> int | None:
    dues = (each.next_due for each in understudies)
    return min((due for due in dues if due is not None), default=None)


def _resolve(understudies: Sequence[Understudy]) -> None:
    for each in understudies:
        each.resolve()
