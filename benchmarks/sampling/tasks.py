"""The tasks on recorded hosts whose rows are sampled; each limit as it is said."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is predicted: that a column exceeds a limit within a horizon.

    Attributes:
        kind: Whose recordings: a data set's name.
        column: Of the recording.
        within_s: The horizon.
        interval_s: Between rows, and so between predictions.
        limit: A fixed one; None: the 99th percentile of the host's last 7 days.
    """

    name: str
    kind: str
    column: str
    within_s: int
    interval_s: int
    limit: float | None = None


def _smd(name: str, column: str) -> Task:
    return Task(name=name, kind="smd", column=column, within_s=900, interval_s=60)


_PEAK: Final = "system.cpu.utilization.max"
TASKS: Final = (
    _smd("cpu", "system.cpu.utilization"),
    _smd("load", "system.cpu.load_average.1m.norm"),
    _smd("memory", "system.memory.utilization.norm"),
    _smd("memory with cache", "system.memory.utilization.with_cache.norm"),
    _smd("disk busy", "system.disk.io_time.utilization"),
    _smd("disk writes", "system.disk.io.write.norm"),
    _smd("network in", "system.network.io.receive.norm"),
    _smd("network out", "system.network.io.transmit.norm"),
    _smd("tcp established", "system.network.connections.established.norm"),
    _smd("tcp in use", "system.network.connections.in_use.norm"),
    _smd("tcp retransmits", "system.network.tcp.retransmits.norm"),
    Task(
        name="cpu peak",
        kind="azure",
        column=_PEAK,
        within_s=1800,
        interval_s=300,
        limit=0.9,
    ),
    Task(
        name="cpu peak, relative",
        kind="azure",
        column=_PEAK,
        within_s=1800,
        interval_s=300,
    ),
)
