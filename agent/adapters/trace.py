"""A trace: a recorded host, one row an instant and one column a series."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.core.metrics import is_share
from agent.core.sample import Sample
from agent.core.series import parse_series
from agent.errors import ExpressionError, TraceError

_TIMESTAMP = "timestamp"
# Rounding of the recorder is no percentage.
_MOST_OF_A_SHARE = 1.5
_GAP_STEPS = 1.5
_LATE = 0.001
_EMPTY = ("", "nan", "NaN", "null")
# Unix seconds of years 1 to 9999, which is what a datetime can say.
_INSTANTS_S = (-62_135_596_800.0, 253_402_300_800.0)
_INSTANT = "ISO 8601 or Unix seconds"


Values = npt.NDArray[np.float64]
Narrow = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A recorded host.

    Attributes:
        name: The file's name.
        instants_s: float64, Unix seconds, ascending, shape (n,).
        layout: The canonical spelling of each series.
        values: float32, shape (n, len(layout)); NaN marks a gap.
        interval_s: The usual distance between two rows: the median, to whole seconds
            where it is as good as that.
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
    names, table = _read(path)
    place = names.index(_TIMESTAMP)
    series = [name for name in names if name != _TIMESTAMP]
    instants, values = table[:, place].copy(), np.delete(table, place, axis=1)
    kept = _in_order(path, instants, drop_disordered=drop_disordered)
    layout = _layout(path, series, renamed or {})
    instants, narrow = instants[kept], _narrowed(path, series, values)[kept]
    _check_ratios(path, layout, narrow)
    return Trace(
        name=path.name,
        instants_s=instants,
        layout=layout,
        values=narrow,
        interval_s=_interval_s(instants),
        dropped=int(len(kept) - np.count_nonzero(kept)),
    )


def _interval_s(instants: Values) -> float:
    """Return the usual step of instants that are each a little late."""
    # At 9.99999 s `[10s]` would cover two points, which it did not when it was live.
    step_s = float(np.median(np.diff(instants)))
    whole_s = float(round(step_s))
    return whole_s if abs(step_s - whole_s) <= _LATE * whole_s else step_s


def _read(path: Path) -> tuple[list[str], Values]:
    """Return the columns' names and what is in them, shape (rows, names)."""
    try:
        return _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise TraceError(f"{path}: cannot be read: {reason}") from error


def _twice(names: Sequence[str]) -> str | None:
    return next((name for name in names if names.count(name) > 1), None)


def _check_names(path: Path, names: Sequence[str]) -> None:
    """Raise TraceError if these cannot be a trace's columns; before any row is read."""
    if twice := _twice(names):
        raise TraceError(f"{path}: two columns are called {twice}")
    if _TIMESTAMP not in names:
        got = ", ".join(names[:5]) or "no columns"
        raise TraceError(f"{path}: expected a column {_TIMESTAMP}, got {got}")


def _in_order(
    path: Path, instants: npt.NDArray[np.float64], *, drop_disordered: bool
) -> npt.NDArray[np.bool_]:
    """Return which rows grow in time; raise at the first that does not."""
    is_instant = (instants >= _INSTANTS_S[0]) & (instants < _INSTANTS_S[1])
    if not is_instant.all():
        row = int(np.argmin(is_instant))
        raise TraceError(
            f"{path}: row {row + 1}, column {_TIMESTAMP}: expected {_INSTANT}, "
            f"got {instants[row]:g}"
        )
    before = np.maximum.accumulate(np.concatenate([[-np.inf], instants[:-1]]))
    grows: npt.NDArray[np.bool_] = instants > before
    rising = np.count_nonzero(grows)
    if len(grows) < 2 or (drop_disordered and rising < 2):  # noqa: PLR2004 - one step
        raise TraceError(f"{path}: expected at least 2 rows, got {rising}")
    if rising < len(grows) and not drop_disordered:
        row = int(np.argmin(grows))
        word = "doubled" if instants[row] == before[row] else "unsorted"
        raise TraceError(
            f"{path}: row {row + 1}: expected a timestamp after {_text(before[row])}, "
            f"got {_text(instants[row])} ({word}); {len(grows) - rising} rows are "
            "like that, --drop-disordered leaves them out"
        )
    return grows


def _narrowed(path: Path, names: Sequence[str], values: Values) -> Narrow:
    """Return the values as samples hold them: finite, or NaN."""
    with np.errstate(over="ignore"):
        narrow = np.ascontiguousarray(values, dtype=np.float32)
    endless = np.argwhere(np.isinf(narrow))
    if len(endless):
        row, column = endless[0].tolist()
        raise TraceError(
            f"{path}: row {row + 1}, column {names[column]}: expected a number that a "
            f"float32 can hold, got {values[row, column]:g}"
        )
    return narrow


def _check_ratios(path: Path, layout: Sequence[str], values: Narrow) -> None:
    """Raise TraceError for a share that was written in percent."""
    for name, column in zip(layout, values.T, strict=True):
        highest = float(np.nanmax(column, initial=0.0))
        if is_share(name.partition("{")[0]) and highest > _MOST_OF_A_SHARE:
            raise TraceError(
                f"{path}: column {name}: expected a share of 0 to 1, got {highest:g}; "
                "a percentage is divided by 100"
            )


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
    if twice := _twice(found):
        raise TraceError(f"{path}: two columns are the series {twice}")
    return tuple(found)


def _csv(path: Path) -> tuple[list[str], Values]:
    # Spreadsheets put a byte order mark before the header.
    with path.open(newline="", encoding="utf-8-sig") as file:
        try:
            names, *rows = csv.reader(file)
        except (ValueError, csv.Error) as error:
            raise TraceError(f"{path}: expected a CSV file with a header") from error
    _check_names(path, names)
    rows = [row for row in rows if row]  # a blank line says nothing
    values = np.empty((len(rows), len(names)))
    for number, row in enumerate(rows):
        if len(row) != len(names):
            raise TraceError(
                f"{path}: row {number + 1}: expected {len(names)} cells, got {len(row)}"
            )
        for place, (name, cell) in enumerate(zip(names, row, strict=True)):
            values[number, place] = _cell(path, number, name, cell)
    return names, values


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
    expected = _INSTANT if name == _TIMESTAMP else "a number or nothing"
    raise TraceError(
        f'{path}: row {number + 1}, column {name}: expected {expected}, got "{cell}"'
    )


def _parquet(path: Path) -> tuple[list[str], Values]:
    try:
        import pyarrow as pa  # noqa: PLC0415 - only who reads Parquet needs it
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        raise TraceError(
            f"{path}: reading Parquet needs pyarrow, which is not installed: "
            "pip install 'forewarn[trace]', or use CSV"
        ) from None
    try:
        # Not `read_table`: that takes folders, and makes columns of their names.
        with path.open("rb") as opened, parquet.ParquetFile(opened) as file:
            table = file.read()
    except pa.ArrowInvalid as error:
        raise TraceError(f"{path}: expected a Parquet file: {error}") from error
    names = table.column_names
    _check_names(path, names)
    values = np.empty((table.num_rows, len(names)))
    for place, (name, column) in enumerate(zip(names, table.columns, strict=True)):
        try:
            values[:, place] = _numbers(path, name, column)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise TraceError(
                f"{path}: column {name}: expected numbers, got {column.type}"
            ) from error
    return names, values


def _numbers(path: Path, name: str, column: Any) -> Values:  # noqa: ANN401 - untyped
    """Return a column of Parquet as numbers, instants as Unix seconds."""
    import pyarrow as pa  # noqa: PLC0415

    if name == _TIMESTAMP and pa.types.is_timestamp(column.type):
        micros = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        return np.asarray(micros.to_numpy() / 1e6, dtype=np.float64)
    if name == _TIMESTAMP and column.type in (pa.string(), pa.large_string()):
        cells = enumerate(column.to_pylist())
        return np.array([_cell(path, row, name, cell or "") for row, cell in cells])
    numbers: Values = column.cast(pa.float64(), safe=False).to_numpy()
    return numbers


def _text(instant_s: float) -> str:
    return datetime.fromtimestamp(instant_s, UTC).isoformat()
