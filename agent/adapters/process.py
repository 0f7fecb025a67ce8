"""What a process of ours costs: CPU, memory, writes, threads."""

from datetime import UTC, datetime

import psutil

from agent.errors import UnavailableError
from agent.ports import OwnCost


class OwnProcess:
    """Reads what a process has cost so far.

    Args:
        pid: The process; None: the one this runs in.

    Raises:
        UnavailableError: There is no such process.
    """

    def __init__(self, pid: int | None = None) -> None:
        try:
            self._process = psutil.Process(pid)
        except psutil.NoSuchProcess as error:
            raise UnavailableError(f"process {pid} is gone") from error

    def cost(self) -> OwnCost:
        """Return what the process has cost until now.

        Raises:
            UnavailableError: It is gone.
        """
        process = self._process
        try:
            cpu = process.cpu_times()
            return OwnCost(
                pid=process.pid,
                started_at=datetime.fromtimestamp(process.create_time(), UTC),
                cpu_s=cpu.user + cpu.system,
                rss_bytes=process.memory_info().rss,
                written_bytes=self._written(),
                threads=process.num_threads(),
            )
        except psutil.NoSuchProcess as error:
            raise UnavailableError(f"process {process.pid} is gone") from error

    def _written(self) -> int | None:
        """Return bytes that reached a device; None where this user may not ask."""
        try:
            return int(self._process.io_counters().write_bytes)
        except psutil.AccessDenied:
            return None
