"""TCP as the kernel counts it; never by walking through the connections."""

from datetime import datetime
from pathlib import Path

from agent.adapters.host.collector import Reading
from agent.adapters.host.filters import Filters
from agent.adapters.host.procfs import ProcFile, opened
from agent.adapters.host.rates import Rates
from agent.core.series import series


class Sockets:
    """TCP sockets by state, from /proc/net/sockstat and, with IPv6, sockstat6."""

    _LAYOUT = tuple(
        str(series("system.network.connection.count", state=state))
        for state in ("in_use", "orphan", "time_wait")
    )

    def __init__(self, proc: Path, filters: Filters) -> None:
        net = proc / "net"
        names = ("sockstat", "sockstat6")
        self._files = opened(*(net / n for n in names if (net / n).exists()))
        if not self._files:
            raise FileNotFoundError(f"expected {net / names[0]}, got none")

    def read(self, now: datetime, *, uptime_s: float) -> Reading:
        """Return sockets by state; see `Collector.read`."""
        text, *of_ipv6 = (file.read() for file in self._files)
        words = text[text.index(b"\nTCP:") + 1 :].split(None, 9)
        counts = dict(zip(words[1:7:2], map(int, words[2:8:2]), strict=True))
        in_use = counts[b"inuse"]
        for more in of_ipv6:
            in_use += int(more[more.index(b"\nTCP6: inuse") + 12 :].split(None, 1)[0])
        values = [in_use, counts[b"orphan"], counts[b"tw"]]
        return Reading(layout=self._LAYOUT, values=values)

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()


class Tcp:
    """Connections and segments, IPv4 and IPv6 together, from /proc/net/snmp."""

    _COUNTERS = (b"RetransSegs", b"ActiveOpens", b"PassiveOpens", b"InSegs", b"OutSegs")
    _LAYOUT = (
        str(series("system.network.connection.count", state="established")),
        "system.linux.tcp.retransmits",
        "system.linux.tcp.active_opens",
        "system.linux.tcp.passive_opens",
        "system.linux.tcp.in_segments",
        "system.linux.tcp.out_segments",
    )

    def __init__(self, proc: Path, filters: Filters) -> None:
        self._snmp = ProcFile(proc / "net" / "snmp")
        self._table = _Table(b"Tcp:")
        self._rates = Rates()

    def read(self, now: datetime, *, uptime_s: float) -> Reading:
        """Return connections and segments; see `Collector.read`."""
        row = self._table.row(self._snmp.read(), (b"CurrEstab", *self._COUNTERS))
        rates = self._rates.per_second(row[1:], uptime_s=uptime_s)
        return Reading(layout=self._LAYOUT, values=[row[0], *rates])

    def close(self) -> None:
        """Close the file."""
        self._snmp.close()


class Listeners:
    """Overflowing accept queues, from /proc/net/netstat."""

    _LAYOUT = ("system.linux.tcp.listen_overflows",)

    def __init__(self, proc: Path, filters: Filters) -> None:
        self._netstat = ProcFile(proc / "net" / "netstat")
        self._table = _Table(b"TcpExt:")
        self._rates = Rates()

    def read(self, now: datetime, *, uptime_s: float) -> Reading:
        """Return overflows a second; see `Collector.read`."""
        row = self._table.row(self._netstat.read(), (b"ListenOverflows",))
        rates = self._rates.per_second(row, uptime_s=uptime_s)
        return Reading(layout=self._LAYOUT, values=rates)

    def close(self) -> None:
        """Close the file."""
        self._netstat.close()


class _Table:
    """Two lines of one prefix: the names, then the numbers under them.

    The names are a hundred and never change while the kernel runs: where each stands
    is kept for as long as the line of names is the same.
    """

    def __init__(self, prefix: bytes) -> None:
        self._prefix = b"\n" + prefix
        self._names = b""
        self._places: dict[bytes, int] = {}

    def row(self, text: bytes, names: tuple[bytes, ...]) -> list[int]:
        """Return the numbers under these names.

        Raises:
            ValueError, LookupError: There is no such table or column.
        """
        start = text.index(self._prefix)
        middle = text.index(self._prefix, start + 1)
        heading = text[start:middle]
        if heading != self._names:
            self._names = heading
            self._places = {name: at for at, name in enumerate(heading.split())}
        numbers = text[middle : text.index(b"\n", middle + 1)].split()
        return [int(numbers[self._places[name]]) for name in names]
