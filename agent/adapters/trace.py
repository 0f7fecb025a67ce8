"""A trace: a recorded host, one row an instant and one column a series."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.core.sample import Sample
from agent.core.series import parse_series
from agent.errors import ExpressionError, TraceError

_TIMESTAMP = "timestamp"
_GAP_STEPS = 1.5
_EMPTY = ("", "nan", "NaN", "null")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A recorded host.

    Attributes:
        name: The file's name.
        instants_s: float64, Unix seconds, ascending, shape (n,).
        layout: The canonical spelling of each series.
        values: float32, shape (n, len(layout)); NaN marks a gap.
        interval_s: The usual distance between two rows: the median.
        dropped: Rows left out because their time did not grow.
    """

    name: str
    instants_s: npt.NDArray[np.float64]
    layout: tuple[str, ...]
    values: npt.NDArray[np.float32]
    interval_s: float
    dropped: int

    @property
    def gaps_s(self) -> list[float]:
        """The steps that are longer than one and a half intervals, in seconds."""
        steps = np.diff(self.instants_s)
        found: list[float] = steps[steps > _GAP_STEPS * self.interval_s].tolist()
        return found

    @property
    def instants(self) -> list[datetime]:
        """The instants; aware, UTC."""
        return [datetime.fromtimestamp(s, UTC) for s in self.instants_s.tolist()]


class TraceHost:
    """A host that lives through a trace again: the next row at each reading."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._next = 0

    def sample(self, now: datetime) -> Sample:
        """Return the trace's next row as the sample of `now`."""
        row = self._trace.values[self._next]
        self._next += 1
        return Sample(at=now, layout=self._trace.layout, values=row)


def read_trace(
    path: Path,
    *,
    renamed: Mapping[str, str] | None = None,
    drop_disordered: bool = False,
) -> Trace:
    """Return the recorded host in a `.csv` or `.parquet` file.

    Args:
        path: The file. Its column `timestamp` holds ISO 8601 text, instants or Unix
            seconds; every other column is a series.
        renamed: Columns to take in under another series' name.
        drop_disordered: Leave out rows whose time does not grow, instead of refusing
            the file.

    Raises:
        TraceError: Names file, row and column, what was expected and what was got.
    """
    try:
        is_parquet = path.suffix == ".parquet"
        columns = _parquet(path) if is_parquet else _csv(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise TraceError(f"{path}: cannot be read: {reason}") from error
    if _TIMESTAMP not in columns:
        got = ", ".join(list(columns)[:5]) or "no columns"
        raise TraceError(f"{path}: expected a column {_TIMESTAMP}, got {got}")
    instants = columns.pop(_TIMESTAMP)
    kept = _in_order(path, instants, drop_disordered=drop_disordered)
    layout = _layout(path, list(columns), renamed or {})
    values = np.column_stack([columns[name] for name in columns]).astype(np.float32)
    instants = instants[kept]
    return Trace(
        name=path.name,
        instants_s=instants,
        layout=layout,
        values=np.ascontiguousarray(values[kept]),
        interval_s=float(np.median(np.diff(instants))),
        dropped=int(len(kept) - np.count_nonzero(kept)),
    )


def _in_order(
    path: Path, instants: npt.NDArray[np.float64], *, drop_disordered: bool
) -> npt.NDArray[np.bool_]:
    """Return which rows grow in time; raise at the first that does not."""
    before = np.maximum.accumulate(np.concatenate([[-np.inf], instants[:-1]]))
    grows: npt.NDArray[np.bool_] = instants > before
    if np.count_nonzero(grows) < 2:  # noqa: PLR2004 - one step needs two rows
        raise TraceError(f"{path}: expected at least 2 rows, got {len(instants)}")
    if not grows.all() and not drop_disordered:
        row = int(np.argmin(grows))
        word = "doubled" if instants[row] == before[row] else "unsorted"
        raise TraceError(
            f"{path}: row {row + 1}: expected a timestamp after {_text(before[row])}, "
            f"got {_text(instants[row])} ({word}); {np.count_nonzero(~grows)} rows are "
            "like that, --drop-disordered leaves them out"
        )
    return grows


def _layout(
    path: Path, names: Sequence[str], renamed: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the series that the columns stand for."""
    if missing := sorted(set(renamed) - set(names)):
        raise TraceError(f"{path}: expected a column {missing[0]} to rename, got none")
    found: list[str] = []
    for name in names:
        try:
            found.append(str(parse_series(renamed.get(name, name))))
        except ExpressionError as error:
            raise TraceError(f"{path}: a column is not a series: {error}") from error
    if not found:
        raise TraceError(f"{path}: expected at least one series, got only {_TIMESTAMP}")
    if len(set(found)) != len(found):
        twice = next(name for name in found if found.count(name) > 1)
        raise TraceError(f"{path}: two columns are the series {twice}")
    return tuple(found)


def _csv(path: Path) -> dict[str, npt.NDArray[np.float64]]:
    with path.open(newline="", encoding="utf-8") as file:
        try:
            names, *rows = csv.reader(file)
        except (ValueError, UnicodeDecodeError, csv.Error) as error:
            raise TraceError(f"{path}: expected a CSV file with a header") from error
    columns = np.empty((len(rows), len(names)))
    for number, row in enumerate(rows):
        if len(row) != len(names):
            raise TraceError(
                f"{path}: row {number + 1}: expected {len(names)} cells, got {len(row)}"
            )
        for place, (name, cell) in enumerate(zip(names, row, strict=True)):
            columns[number, place] = _cell(path, number, name, cell)
    return {name: columns[:, place] for place, name in enumerate(names)}


def _cell(path: Path, number: int, name: str, cell: str) -> float:
    if name != _TIMESTAMP and cell in _EMPTY:
        return np.nan
    try:
        return float(cell)
    except ValueError:
        pass
    try:
        if name == _TIMESTAMP:
            at = datetime.fromisoformat(cell)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except ValueError:
        pass
    expected = (
        "ISO 8601 or Unix seconds" if name == _TIMESTAMP else "a number or nothing"
    )
    raise TraceError(
        f'{path}: row {number + 1}, column {name}: expected {expected}, got "{cell}"'
    )


def _parquet(path: Path) -> dict[str, npt.NDArray[np.float64]]:
    try:
        import pyarrow as pa  # noqa: PLC0415 - only who reads Parquet needs it
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        raise TraceError(
            f"{path}: reading Parquet needs pyarrow, which is not installed: "
            "pip install 'forewarn[trace]', or use CSV"
        ) from None
    try:
        table = parquet.read_table(path)
    except pa.ArrowInvalid as error:
        raise TraceError(f"{path}: expected a Parquet file: {error}") from error
    columns: dict[str, npt.NDArray[np.float64]] = {}
    for name in table.column_names:
        column = table.column(name)
        if pa.types.is_timestamp(column.type):
            micros = column.cast(pa.timestamp("us")).cast(pa.int64())
            columns[name] = micros.to_numpy() / 1e6
            continue
        try:
            columns[name] = column.cast(pa.float64()).to_numpy()
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise TraceError(
                f"{path}: column {name}: expected numbers, got {column.type}"
            ) from error
    return columns


def _text(instant_s: float) -> str:
    return datetime.fromtimestamp(instant_s, UTC).isoformat()
