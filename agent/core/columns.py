"""Columns of recorded hosts: which series of the catalogue a flat name stands for.

Recorders write `system.disk.io.write` where the catalogue has
`system.disk.io{device="all",direction="write"}`: one column a host, and no attributes.
A name that ends in `.norm` was scaled by its publisher to 0..1 over the whole
recording: its unit is lost, so it means something only against its own past.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.core.expression import series_of, text
from agent.core.manifest import Manifest
from agent.core.metrics import Kind, is_known, metric
from agent.core.series import parse_series
from agent.core.target import EventTarget

_NORMALISED: Final = ".norm"
# Rates that rise so often and never fall are not seen: it is one in 10! by chance.
_RISES_OF_A_COUNTER: Final = 10

_SERIES: Final[Mapping[str, str]] = {
    "system.disk.io.read": 'system.disk.io{device="all",direction="read"}',
    "system.disk.io.write": 'system.disk.io{device="all",direction="write"}',
    "system.disk.io_time.utilization": 'system.disk.io_time.utilization{device="all"}',
    "system.disk.operations.read": (
        'system.disk.operations{device="all",direction="read"}'
    ),
    "system.disk.operations.write": (
        'system.disk.operations{device="all",direction="write"}'
    ),
    "system.disk.queue_length": 'system.disk.queue_length{device="all"}',
    "system.filesystem.usage.free": (
        'system.filesystem.usage{mountpoint="/",state="free"}'
    ),
    "system.filesystem.usage.used": (
        'system.filesystem.usage{mountpoint="/",state="used"}'
    ),
    "system.filesystem.utilization": 'system.filesystem.utilization{mountpoint="/"}',
    "system.memory.usage.available": 'system.memory.usage{state="available"}',
    "system.memory.usage.buffers": 'system.memory.usage{state="buffers"}',
    "system.memory.usage.cached": 'system.memory.usage{state="cached"}',
    "system.memory.usage.free": 'system.memory.usage{state="free"}',
    "system.memory.usage.used": 'system.memory.usage{state="used"}',
    "system.network.connections.established": (
        'system.network.connection.count{state="established"}'
    ),
    "system.network.connections.in_use": (
        'system.network.connection.count{state="in_use"}'
    ),
    "system.network.connections.time_wait": (
        'system.network.connection.count{state="time_wait"}'
    ),
    "system.network.dropped.receive": (
        'system.network.packet.dropped{direction="receive",interface="all"}'
    ),
    "system.network.dropped.transmit": (
        'system.network.packet.dropped{direction="transmit",interface="all"}'
    ),
    "system.network.errors.receive": (
        'system.network.errors{direction="receive",interface="all"}'
    ),
    "system.network.errors.transmit": (
        'system.network.errors{direction="transmit",interface="all"}'
    ),
    "system.network.io.receive": (
        'system.network.io{direction="receive",interface="all"}'
    ),
    "system.network.io.transmit": (
        'system.network.io{direction="transmit",interface="all"}'
    ),
    "system.network.packets.receive": (
        'system.network.packets{direction="receive",interface="all"}'
    ),
    "system.network.packets.transmit": (
        'system.network.packets{direction="transmit",interface="all"}'
    ),
    "system.network.tcp.active_opens": "system.linux.tcp.active_opens",
    "system.network.tcp.in_segments": "system.linux.tcp.in_segments",
    "system.network.tcp.listen_overflows": "system.linux.tcp.listen_overflows",
    "system.network.tcp.out_segments": "system.linux.tcp.out_segments",
    "system.network.tcp.passive_opens": "system.linux.tcp.passive_opens",
    "system.network.tcp.retransmits": "system.linux.tcp.retransmits",
    "system.paging.operations.in": 'system.paging.operations{direction="in"}',
    "system.paging.operations.out": 'system.paging.operations{direction="out"}',
    "system.paging.usage.free": 'system.paging.usage{state="free"}',
    "system.paging.usage.used": 'system.paging.usage{state="used"}',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What a column of a recorded host stands for.

    Attributes:
        series: The canonical spelling.
        is_normalised: Whether its unit is lost.
    """

    series: str
    is_normalised: bool


def series_of_column(name: str) -> Column:
    """Return what a column's name stands for.

    A name that no row of the table has, with or without `.norm`, is its own series.

    Raises:
        ExpressionError: It spells no series.
    """
    plain = name.removesuffix(_NORMALISED)
    if plain not in _SERIES and not is_known(plain):
        plain = name
    return Column(
        series=str(parse_series(_SERIES.get(plain, plain))),
        is_normalised=name.endswith(_NORMALISED),
    )


def column_of(name: str, *, values: npt.NDArray[np.floating]) -> Column:
    """Return what a column stands for by its name and by what is in it.

    Where the catalogue has a rate and the column has a counter, which rises and never
    falls, it is left under its own name: it would be read as a rate without bounds.

    Args:
        name: As the file has it.
        values: Shape (rows,); NaN marks a gap.

    Raises:
        ExpressionError: It spells no series.
    """
    column = series_of_column(name)
    if column.series == name or not _is_rate(column.series) or not _counts(values):
        return column
    return Column(series=str(parse_series(name)), is_normalised=column.is_normalised)


def lost_unit(manifest: Manifest, *, normalised: Collection[str]) -> str:
    """Return why a task's limit means nothing on a recorded host; nothing if it does.

    A limit that is computed from the past of the series itself needs no unit.

    Args:
        manifest: Of the task.
        normalised: The series of the recorded host whose unit is lost.
    """
    target = manifest.target
    if not isinstance(target, EventTarget):
        return ""
    limit = target.condition.limit
    found = map(parse_series, sorted(normalised))
    lost = next((each for each in found if target.series.stands_for(each)), None)
    if lost is None or target.series in series_of(limit):
        return ""
    return (
        f"{lost} is normalised here: its unit is lost, so a limit of {text(limit)} "
        "means nothing"
    )


def _is_rate(series: str) -> bool:
    name = parse_series(series).name
    return is_known(name) and metric(name).kind is Kind.RATE


def _counts(values: npt.NDArray[np.floating]) -> bool:
    """Return whether values only ever rise, and often enough to tell."""
    steps = np.diff(values[~np.isnan(values)])
    rises = int(np.count_nonzero(steps > 0))
    return rises >= _RISES_OF_A_COUNTER and not bool((steps < 0).any())
