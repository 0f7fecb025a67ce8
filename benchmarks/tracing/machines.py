"""The recorded hosts: which there are, who teaches whom, and how one is read."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import cycle
from pathlib import Path
from typing import Final

import numpy as np

from agent.adapters.trace import Trace, read_trace
from agent.core.columns import series_of_column

PROJECT: Final = Path(__file__).parents[2]
DATA: Final = Path(
    os.environ.get("FOREWARN_DATA", PROJECT.parent / "shared" / "data"),
)
SETS: Final = ("smd", "azure")
# Their curves move together: they may not stand on both sides of a split.
_TWINS: Final = {"machine-1-4": "machine-1-3", "machine-2-2": "machine-1-5"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A recorded host.

    Attributes:
        kind: Its data set, one of `SETS`.
        path: Its file.
        half: 0 or 1; it is replayed with releases that the other half has taught.
    """

    name: str
    kind: str
    path: Path
    half: int


def machines(data: Path) -> Iterator[Machine]:
    """Yield every machine of the data folder, the twins in the same half."""
    listed = json.loads((data / "manifest.json").read_text())
    for kind in SETS:
        halves = cycle((0, 1))
        half_of: dict[str, int] = {}
        for name in sorted(each["file"] for each in listed):
            path = data / name
            if path.parent.name != kind:
                continue
            cluster = _TWINS.get(path.stem, path.stem)
            if cluster not in half_of:
                half_of[cluster] = next(halves)
            yield Machine(name=path.stem, kind=kind, path=path, half=half_of[cluster])


@lru_cache(maxsize=2)
def trace_of(machine: Machine, series: str, *, column: str) -> Trace:
    """Return one column of a recorded host, under the name of a series.

    Args:
        machine: The host.
        series: What a task calls it.
        column: What the recording calls it.
    """
    trace = read_trace(machine.path)
    place = trace.layout.index(series_of_column(column).series)
    values = np.ascontiguousarray(trace.values[:, [place]])
    return replace(trace, layout=(series,), values=values)
