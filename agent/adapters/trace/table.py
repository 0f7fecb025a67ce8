"""A table of instants and numbers in a file, CSV or Parquet, whatever they mean."""

import csv
from array import array
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from agent.errors import TraceError

Values: TypeAlias = npt.NDArray[np.float64]

TIMESTAMP: Final = "timestamp"
INSTANT: Final = "ISO 8601 or Unix seconds"
_EMPTY: Final = ("", "nan", "NaN", "null")


def read_table(path: Path) -> tuple[list[str], Values]:
    """Return the columns' names and what is in them, shape (rows, names).

    The column `timestamp` holds Unix seconds; NaN marks a missing cell.

    Raises:
        TraceError: Names file, row and column, what was expected and what was got.
    """
    try:
        return _parquet(path) if is_parquet(path) else _csv(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise TraceError(f"{path}: cannot be read: {reason}") from error


def is_parquet(path: Path) -> bool:
    """Return whether a file's name says that it is Parquet; all others are CSV."""
    return path.suffix.lower() == ".parquet"


def _check_names(path: Path, names: Sequence[str]) -> None:
    """Raise TraceError if these cannot be a trace's columns; before any row is read."""
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise TraceError(f"{path}: two columns are called {twice}")
    if TIMESTAMP not in names:
        got = ", ".join(names[:5]) or "no columns"
        raise TraceError(f"{path}: expected a column {TIMESTAMP}, got {got}")


def _csv(path: Path) -> tuple[list[str], Values]:
    # Spreadsheets put a byte order mark before the header.
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file)
        try:
            names = next(rows, None)
            if names is None:
                raise TraceError(f"{path}: expected a CSV file with a header")
            _check_names(path, names)
            # A blank line says nothing.
            return names, _cells(path, names, filter(None, rows))
        except (ValueError, csv.Error) as error:
            raise TraceError(f"{path}: expected a CSV file with a header") from error


def _cells(path: Path, names: Sequence[str], rows: Iterable[Sequence[str]]) -> Values:
    """Return the cells as numbers; as text a month of them would fill the memory."""
    cells = array("d")
    for number, row in enumerate(rows):
        if len(row) != len(names):
            raise TraceError(
                f"{path}: row {number + 1}: expected {len(names)} cells, got {len(row)}"
            )
        pairs = zip(names, row, strict=True)
        cells.extend([_cell(path, number, name, cell) for name, cell in pairs])
    return np.array(cells, dtype=np.float64).reshape(-1, len(names))


def _cell(path: Path, number: int, name: str, cell: str) -> float:
    if name != TIMESTAMP and cell in _EMPTY:
        return np.nan
    try:
        return float(cell)
    except ValueError:
        pass
    try:
        if name == TIMESTAMP:
            at = datetime.fromisoformat(cell)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except ValueError:
        pass
    expected = INSTANT if name == TIMESTAMP else "a number or nothing"
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

    if name == TIMESTAMP and pa.types.is_timestamp(column.type):
        micros = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        return np.asarray(micros.to_numpy() / 1e6, dtype=np.float64)
    if name == TIMESTAMP and column.type in (pa.string(), pa.large_string()):
        cells = enumerate(column.to_pylist())
        return np.array([_cell(path, row, name, cell or "") for row, cell in cells])
    numbers: Values = column.cast(pa.float64(), safe=False).to_numpy()
    return numbers
