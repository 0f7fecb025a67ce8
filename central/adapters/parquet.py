"""Recorded hosts, one Parquet file each, read by pyarrow."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from agent.errors import TraceError
from central.core.recording import HostTrace


class ParquetTraces:
    """The recorded hosts of one folder.

    Raises:
        TraceError: The folder is not there or holds none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths = {path.stem: path for path in sorted(folder.glob("*.parquet"))}
        if not self._paths:
            raise TraceError(
                f"recorded hosts: expected Parquet files in {folder}, got none"
            )

    def hosts(self) -> tuple[str, ...]:
        """Return the names of the recorded hosts, sorted."""
        return tuple(self._paths)

    def read(self, host: str, *, column: str) -> HostTrace:
        """Return one column of a host.

        Raises:
            TraceError: The file cannot be read or the column is not there.
        """
        document = self._paths[host].read_bytes()
        try:
            table = parquet.read_table(
                pa.BufferReader(document), columns=["timestamp", column]
            )
            at = table["timestamp"].to_numpy().astype("datetime64[ms]")
            values = table[column].to_numpy().astype(np.float32)
        except (pa.ArrowInvalid, KeyError) as error:
            raise TraceError(f"recorded host {host}: {error}") from error
        steps_s = np.diff(at).astype(np.float64) / 1000
        interval_s = float(np.median(steps_s))
        if not np.all(steps_s == interval_s):
            raise TraceError(
                f"recorded host {host}: expected a sample every {interval_s:g} s, "
                f"got steps of {steps_s.min():g} to {steps_s.max():g} s"
            )
        return HostTrace(
            host=host,
            sha256=hashlib.sha256(document).hexdigest(),
            interval_s=interval_s,
            values=values,
        )
