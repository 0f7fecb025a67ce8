"""The catalogue: every metric this program collects, with unit, kind and meaning.

Names follow the OpenTelemetry semantic conventions for system metrics; what they lack
stands under `system.linux.`. `forewarn metrics` and the reference are made from this
table; a collector may not hand out a series whose name has no row here.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a value comes about.

    A gauge is what the kernel says at that instant. A rate is what a counter grew by
    since the sample before, over the time between: the first sample has none, and a
    counter that went backwards leaves a gap.
    """

    GAUGE = "gauge"
    RATE = "rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One row of the catalogue.

    Attributes:
        name: The name in a series.
        unit: UCUM; "1" stands for a ratio 0..1 and for nothing else.
        kind: Gauge or rate.
        attributes: Keys that a series of this metric may carry. Where the help says
            "without attribute", the bare name is a series, too.
        help: One sentence for people.
    """

    name: str
    unit: str
    kind: Kind
    attributes: tuple[str, ...] = ()
    help: str

    @property
    def is_ratio(self) -> bool:
        """Whether every value lies within 0..1."""
        return self.unit == "1"


def metric(name: str) -> Metric:
    """Return the row of a name.

    Raises:
        KeyError: The catalogue has no such name.
    """
    return _BY_NAME[name]


def is_known(name: str) -> bool:
    """Return whether the catalogue has a row of this name."""
    return name in _BY_NAME


def _gauge(name: str, unit: str, help_: str, *attributes: str) -> Metric:
    return Metric(
        name=name, unit=unit, kind=Kind.GAUGE, attributes=attributes, help=help_
    )


def _rate(name: str, unit: str, help_: str, *attributes: str) -> Metric:
    return Metric(
        name=name, unit=unit, kind=Kind.RATE, attributes=attributes, help=help_
    )


_PROCESSOR = (
    _rate(
        "system.cpu.utilization",
        "1",
        "Share of all processors' time: without attribute in all modes but idle and "
        "iowait, with it in that mode (user, nice, system, irq, softirq, iowait, "
        "steal, idle; guests count as user).",
        "mode",
    ),
    _gauge("system.cpu.logical.count", "{cpu}", "Processors that are online."),
    _gauge(
        "system.cpu.load_average.1m",
        "{thread}",
        "Threads running, runnable or in uninterruptible sleep, over one minute.",
    ),
    _gauge("system.cpu.load_average.5m", "{thread}", "The same over five minutes."),
    _gauge("system.cpu.load_average.15m", "{thread}", "The same over 15 minutes."),
    _rate("system.cpu.context_switches", "{switch}/s", "Context switches."),
    _rate("system.cpu.interrupts", "{interrupt}/s", "Interrupts served."),
)

_MEMORY = (
    _gauge(
        "system.memory.utilization",
        "1",
        "Share of memory that is neither free nor can be had without swapping: "
        "(total - available) / total.",
    ),
    _gauge(
        "system.memory.usage",
        "By",
        "Memory by state: used (total - available), free, cached (with reclaimable "
        "slab), buffers, available. States overlap and do not add up.",
        "state",
    ),
    _gauge("system.memory.limit", "By", "Memory in all."),
    _gauge("system.memory.shared", "By", "Shared memory and tmpfs."),
    _gauge("system.paging.utilization", "1", "Share of the swap space in use."),
    _gauge("system.paging.usage", "By", "Swap space: used, free.", "state"),
    _rate(
        "system.paging.operations",
        "{operation}/s",
        "Pages swapped in and out.",
        "direction",
    ),
    _rate("system.paging.faults", "{fault}/s", "Page faults, minor and major."),
    _rate(
        "system.linux.major_faults",
        "{fault}/s",
        "Page faults that had to wait for a device.",
    ),
    _rate("system.linux.oom_kills", "{kill}/s", "Processes killed for want of memory."),
    _rate(
        "system.linux.pressure.some",
        "1",
        "Share of time in which at least one task waited for cpu, memory or io.",
        "resource",
    ),
    _rate(
        "system.linux.pressure.full",
        "1",
        "Share of time in which all tasks waited for memory or io at once.",
        "resource",
    ),
)

_DISKS = (
    _rate("system.disk.io", "By/s", "Bytes read and written.", "device", "direction"),
    _rate(
        "system.disk.operations",
        "{operation}/s",
        "Reads and writes completed.",
        "device",
        "direction",
    ),
    _rate(
        "system.disk.io_time.utilization",
        "1",
        "Share of time in which the device had work.",
        "device",
    ),
    _rate(
        "system.disk.queue_length",
        "{operation}",
        "Operations waiting or in service, on average since the last sample.",
        "device",
    ),
    _gauge(
        "system.filesystem.utilization",
        "1",
        "Share of the space for ordinary users that is in use, as df prints it.",
        "mountpoint",
    ),
    _gauge(
        "system.filesystem.usage",
        "By",
        "Space by state: used, free (to ordinary users).",
        "mountpoint",
        "state",
    ),
    _gauge(
        "system.filesystem.inodes.utilization",
        "1",
        "Share of the inodes in use; no series where inodes are not limited.",
        "mountpoint",
    ),
)

_NETWORK = (
    _rate(
        "system.network.io",
        "By/s",
        "Bytes received and transmitted.",
        "interface",
        "direction",
    ),
    _rate(
        "system.network.packets",
        "{packet}/s",
        "Packets received and transmitted.",
        "interface",
        "direction",
    ),
    _rate(
        "system.network.errors",
        "{error}/s",
        "Packets that were damaged.",
        "interface",
        "direction",
    ),
    _rate(
        "system.network.packet.dropped",
        "{packet}/s",
        "Packets dropped for want of room or of a taker.",
        "interface",
        "direction",
    ),
    _gauge(
        "system.network.connection.count",
        "{connection}",
        "TCP sockets by state: established (with close-wait), time_wait, in_use (all "
        "but time-wait, listeners too), orphan.",
        "state",
    ),
    _rate(
        "system.linux.tcp.retransmits", "{segment}/s", "TCP segments sent once more."
    ),
    _rate(
        "system.linux.tcp.listen_overflows",
        "{connection}/s",
        "Connections refused because a program's accept queue was full.",
    ),
    _rate("system.linux.tcp.active_opens", "{connection}/s", "TCP connections opened."),
    _rate(
        "system.linux.tcp.passive_opens", "{connection}/s", "TCP connections accepted."
    ),
    _rate("system.linux.tcp.in_segments", "{segment}/s", "TCP segments received."),
    _rate("system.linux.tcp.out_segments", "{segment}/s", "TCP segments sent."),
)

_REST = (
    _gauge(
        "system.process.count",
        "{process}",
        "Processes: without attribute all of them, in every PID namespace; with it "
        "those running (threads on a processor or ready for one) or blocked, and, if "
        "switched on, sleeping, idle, stopped, zombie.",
        "status",
    ),
    _gauge("system.linux.threads", "{thread}", "Threads of all processes."),
    _gauge(
        "system.linux.processes_blocked",
        "{process}",
        "Tasks that wait for a device and cannot be interrupted.",
    ),
    _rate(
        "system.linux.processes_created",
        "{process}/s",
        "Processes and threads started.",
    ),
    _gauge("system.linux.file_handles.count", "{file}", "Open file handles."),
    _gauge(
        "system.linux.file_handles.utilization",
        "1",
        "Share of the kernel's limit of open file handles.",
    ),
    _gauge("system.uptime", "s", "Time since the host booted."),
    _gauge(
        "system.hardware.temperature",
        "Cel",
        "The warmest reading of one kind of sensor, read once a minute.",
        "sensor",
    ),
)

CATALOGUE: tuple[Metric, ...] = (*_PROCESSOR, *_MEMORY, *_DISKS, *_NETWORK, *_REST)
_BY_NAME = {row.name: row for row in CATALOGUE}


def is_share(name: str) -> bool:
    """Return whether a metric of this name is known and lies within 0..1."""
    return is_known(name) and metric(name).is_ratio
