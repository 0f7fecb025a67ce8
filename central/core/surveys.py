"""Surveys: the starter tasks that recorded hosts teach as they are, lived through.

A task's features are ratios to the host's own spread and shares of its own time, so
that they mean the same on every host, and averages, maxima and shares of spans of a
minute or more, so that they mean the same whether a sample comes every 10 s or every
60 s.
"""

import json
import re
from dataclasses import dataclass
from typing import Final

from agent.core.columns import series_of_column
from agent.core.manifest import Manifest, parse_manifest

_X: Final = re.compile(r"\b[xy](?=\[)")
_FIRST_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A task that recorded hosts teach.

    In conditions and features `x` stands for the series, and `y` for its peaks, which
    some recordings have as a column of their own.

    Attributes:
        metric: What is watched.
        attributes: Of the series as the agent knows it, with braces; empty for a host.
        folder: Of the recorded hosts.
        column: Of a recorded host, that stands for `x`.
        peaks: That stands for `y` and for what the target reads; empty: `column`.
        hears: Whether other tasks' moments teach it, too, at a small weight.
    """

    task: str
    title: str
    metric: str
    folder: str
    column: str
    condition_of_x: str
    features_of_x: tuple[str, ...]
    entity: str = "host"
    attributes: str = ""
    peaks: str = ""
    sustained: str = "60s"
    within: str = "15m"
    score_every: str = "5m"
    min_coverage: float = 0.8
    hears: bool = True
    calibration: str | None = "local"

    @property
    def series(self) -> str:
        """The series as the manifest spells it."""
        return self.metric + self.attributes

    @property
    def condition(self) -> str:
        """The condition as the manifest spells it."""
        return _spelled(self.condition_of_x, self.series, self.series)

    @property
    def columns(self) -> tuple[str, ...]:
        """What is read of a recorded host."""
        return (self.column, self.peaks) if self.peaks else (self.column,)

    @property
    def is_relative(self) -> bool:
        """Whether its limit is read from the host's own past."""
        return "x[" in self.condition_of_x

    def spelled(self) -> list[str]:
        """Return the features as the manifest spells them."""
        return [_spelled(text, self.series, self.series) for text in self.features_of_x]

    def rehearsed(self) -> Manifest:
        """Return the task as it is lived through on recorded hosts: no model in it."""
        peak = series_of_column(self.peaks).series if self.peaks else self.series
        target = {
            "kind": "event",
            "series": peak,
            "condition": _spelled(self.condition_of_x, self.series, peak),
            "sustained": self.sustained,
            "within": self.within,
        }
        content = {
            "schema": 1,
            "task": self.task,
            "version": _FIRST_VERSION,
            "title": self.title,
            "entity": self.entity,
            "target": target,
            "score_every": self.score_every,
            "features": [_spelled(f, self.series, peak) for f in self.features_of_x],
            "min_coverage": self.min_coverage,
        }
        return parse_manifest(json.dumps(content).encode())


def _spelled(text: str, series: str, peaks: str) -> str:
    named = {"x": series, "y": peaks}
    return _X.sub(lambda found: named[found[0]], text)


_OWN_LIMIT: Final = "> quantile_over_time(0.99, x[2d])"
_SPREAD: Final = "stddev_over_time(x[1d])"


def _below(*, what: str, spread: str = _SPREAD) -> str:
    """Return how far something is below the limit, in units of a spread."""
    return f"($limit - {what}) / {spread}"


def _moved(*, now: str, before: str) -> str:
    return f"({now} - {before}) / {_SPREAD}"


# Yesterday's span of [15m] that followed this time of day ends 23 h 45 min ago.
_UNUSUAL: Final = (
    _below(what="avg_over_time(x[1m])"),
    _below(what="avg_over_time(x[5m])"),
    _below(what="max_over_time(x[15m])"),
    _below(what="max_over_time(x[1h])"),
    _below(what="max_over_time(x[6h])"),
    _below(what="max_over_time(x[1d])"),
    _below(what="avg_over_time(x[5m])", spread="stddev_over_time(x[1h])"),
    _below(what="predict_linear(x[30m], 900)"),
    _below(what="max_over_time(x[15m] offset 1425m)"),
    _below(what="max_over_time(x[15m] offset 45m)"),
    _below(what="max_over_time(x[15m] offset 105m)"),
    _moved(now="avg_over_time(x[5m])", before="avg_over_time(x[1d])"),
    _moved(now="avg_over_time(x[15m])", before="avg_over_time(x[15m] offset 1d)"),
    _moved(
        now="avg_over_time(x[15m] offset 1425m)",
        before="avg_over_time(x[15m] offset 1d)",
    ),
    "stddev_over_time(x[1h]) / stddev_over_time(x[1d])",
    "share_above(x[1h], $limit)",
    "share_above(x[6h], $limit)",
    "seasonal_share_above(x[2d], $limit)",
    "seasonal_share_above(x[7d], $limit)",
)

# The highest reading of half an hour, of each of the last six half-hours, and of the
# half-hours of earlier days that began at this time of day.
_PEAKS: Final = (
    "avg_over_time(x[5m])",
    "avg_over_time(x[30m])",
    "avg_over_time(x[2h])",
    "avg_over_time(x[6h])",
    "avg_over_time(x[1d])",
    "avg_over_time(x[5m]) - avg_over_time(x[1h])",
    "avg_over_time(x[30m]) - avg_over_time(x[30m] offset 1d)",
    "avg_over_time(x[30m] offset 1410m)",
    "$limit - max_over_time(y[5m])",
    "$limit - max_over_time(y[15m])",
    "$limit - max_over_time(y[30m])",
    "$limit - max_over_time(y[30m] offset 30m)",
    "$limit - max_over_time(y[30m] offset 60m)",
    "$limit - max_over_time(y[30m] offset 90m)",
    "$limit - max_over_time(y[2h])",
    "$limit - max_over_time(y[6h])",
    "$limit - max_over_time(y[1d])",
    "$limit - max_over_time(y[30m] offset 1410m)",
    "$limit - max_over_time(y[30m] offset 2850m)",
    "$limit - max_over_time(y[30m] offset 10050m)",
    "$limit - max_over_time(y[2h] offset 1370m)",
    "max_over_time(y[30m]) - avg_over_time(x[30m])",
    "max_over_time(y[6h]) - avg_over_time(x[6h])",
)


def _unusual(
    task: str,
    title: str,
    *,
    metric: str,
    column: str,
    attributes: str = "",
    hears: bool = True,
) -> Survey:
    entity = {"device": "device", "interface": "interface"}
    return Survey(
        task=task,
        title=f"{title} is above this host's usual range within 15 minutes",
        entity=next((e for e in entity if f'{e}="$entity"' in attributes), "host"),
        metric=metric,
        attributes=attributes,
        folder="smd",
        column=column,
        condition_of_x=_OWN_LIMIT,
        features_of_x=_UNUSUAL,
        hears=hears,
    )


UNUSUAL: Final = (
    _unusual(
        "cpu-unusual",
        "The use of the processors",
        metric="system.cpu.utilization",
        column="system.cpu.utilization",
    ),
    _unusual(
        "load-unusual",
        "The load average",
        metric="system.cpu.load_average.1m",
        column="system.cpu.load_average.1m.norm",
        # A load average moves like nothing else: others' moments made it worse.
        hears=False,
    ),
    _unusual(
        "memory-unusual",
        "The use of the memory",
        metric="system.memory.utilization",
        column="system.memory.utilization.norm",
    ),
    _unusual(
        "disk-busy-unusual",
        "The share of the time in which a disk is busy",
        metric="system.disk.io_time.utilization",
        attributes='{device="$entity"}',
        column="system.disk.io_time.utilization",
    ),
    _unusual(
        "disk-writes-unusual",
        "What is written to a disk",
        metric="system.disk.io",
        attributes='{device="$entity",direction="write"}',
        column="system.disk.io.write.norm",
    ),
    _unusual(
        "network-in-unusual",
        "What a network interface receives",
        metric="system.network.io",
        attributes='{direction="receive",interface="$entity"}',
        column="system.network.io.receive.norm",
    ),
    _unusual(
        "tcp-connections-unusual",
        "The count of established TCP connections",
        metric="system.network.connection.count",
        attributes='{state="established"}',
        column="system.network.connections.established.norm",
    ),
)
CPU_PEAK: Final = Survey(
    task="cpu-peak",
    title="A reading of the processors is at 90 % or above within 30 minutes",
    metric="system.cpu.utilization",
    folder="azure",
    column="system.cpu.utilization",
    peaks="system.cpu.utilization.max",
    condition_of_x=">= 0.9",
    features_of_x=_PEAKS,
    sustained="10s",
    within="30m",
    hears=False,
    # On one of the machines left out it cost 0.036 of skill; 0.02 is the most allowed.
    calibration=None,
)
