"""Record: this host's samples, one after another, into a trace."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase

from agent.core.sample import Sample
from agent.ports import Clock, Host

# Waits so many seconds; returns whether to go on.
Wait = Callable[[float], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a recording came to.

    Attributes:
        rows: Samples that were written.
        left_out: Samples that were not, because the clock went back.
        began_at: Of the first row; None: there is none.
        ended_at: Of the last row.
    """

    rows: int = 0
    left_out: int = 0
    began_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def lasted_s(self) -> float:
        """Seconds from the first row to the last."""
        if self.began_at is None or self.ended_at is None:
            return 0.0
        return (self.ended_at - self.began_at).total_seconds()


def readings(
    host: Host, *, clock: Clock, wait: Wait, every_s: float, for_s: float | None = None
) -> Iterator[Sample]:
    """Yield a sample at each whole multiple of `every_s`, as the daemon's ticks are.

    The first reading is not among them: what it cannot have are the rates.

    Args:
        host: What is measured.
        clock: Tells the time.
        wait: Returns whether to go on.
        every_s: From one sample to the next.
        for_s: For how long; None: until it is told to end.
    """
    began_at = clock.now()
    host.sample(began_at)
    ends_s = math.inf if for_s is None else began_at.timestamp() + for_s
    while (slot_s := _next_slot_s(clock, every_s)) <= ends_s:
        if not _has_come(slot_s, clock=clock, wait=wait, every_s=every_s):
            return
        yield host.sample(clock.now())


def chosen(samples: Iterable[Sample], *, globs: Sequence[str]) -> Iterator[Sample]:
    """Yield the samples with those series only that one of the globs matches.

    Args:
        samples: Of a host.
        globs: Of canonical spellings, such as `system.cpu.*`; none: all series.
    """
    layout: tuple[str, ...] = ()
    places: list[int] = []
    kept: tuple[str, ...] = ()
    for sample in samples:
        if sample.layout is not layout:
            layout = sample.layout
            places = [n for n, name in enumerate(layout) if is_chosen(name, globs)]
            names = tuple(layout[place] for place in places)
            kept = kept if names == kept else names
        yield Sample(at=sample.at, layout=kept, values=sample.values[places])


def is_chosen(series: str, globs: Sequence[str]) -> bool:
    """Return whether one of the globs matches a series; without any, all do."""
    return not globs or any(fnmatchcase(series, glob) for glob in globs)


def record(
    samples: Iterable[Sample],
    *,
    append: Callable[[Sample], None],
    on_row: Callable[[Recorded], None],
) -> Recorded:
    """Write samples until there are no more, each later than the one before.

    Args:
        samples: Of one host.
        append: Writes one.
        on_row: Called after each with what it came to so far, to show progress.
    """
    done = Recorded()
    for sample in samples:
        newest = done.ended_at
        if newest is not None and sample.at <= newest:
            done = replace(done, left_out=done.left_out + 1)
            continue
        append(sample)
        done = Recorded(
            rows=done.rows + 1,
            left_out=done.left_out,
            began_at=done.began_at or sample.at,
            ended_at=sample.at,
        )
        on_row(done)
    return done


def _next_slot_s(clock: Clock, every_s: float) -> float:
    return (clock.now().timestamp() // every_s + 1) * every_s


def _has_come(slot_s: float, *, clock: Clock, wait: Wait, every_s: float) -> bool:
    """Return when the slot has come: whether to go on."""
    # More than one step is left only when the clock went back: to wait for what it
    # showed before could take for ever.
    while 0 < (left_s := slot_s - clock.now().timestamp()) <= every_s:
        if not wait(left_s):
            return False
    return wait(0.0)
