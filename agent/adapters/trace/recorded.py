"""A trace: a recorded host, one row an instant and one column a series."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from agent.adapters.trace.table import INSTANT, TIMESTAMP, Values, read_table
from agent.core.columns import Column, column_of
from agent.core.metrics import is_share
from agent.core.sample import Sample
from agent.core.series import parse_series
from agent.errors import ExpressionError, TraceError

Narrow: TypeAlias = npt.NDArray[np.float32]

# Rounding of the recorder is no percentage.
_MOST_OF_A_SHARE: Final = 1.5
_GAP_STEPS: Final = 1.5
_LATE: Final = 0.001
# Unix seconds of years 1 to 9999, which is what a datetime can say.
_INSTANTS_S: Final = (-62_135_596_800.0, 253_402_300_800.0)


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
        normalised: The series whose unit is lost: the publisher scaled them to 0..1.
    """

    name: str
    instants_s: npt.NDArray[np.float64]
    layout: tuple[str, ...]
    values: npt.NDArray[np.float32]
    interval_s: float
    dropped: int
    normalised: frozenset[str] = frozenset()

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
            seconds; every other column is a series, or one of the flat names of
            `agent.core.columns`.
        renamed: Columns to take in as the series that they are said to be.
        drop_disordered: Leave out rows whose time does not grow, instead of refusing
            the file.

    Raises:
        TraceError: Names file, row and column, what was expected and what was got.
    """
    names, table = read_table(path)
    place = names.index(TIMESTAMP)
    series = [name for name in names if name != TIMESTAMP]
    instants, values = table[:, place].copy(), np.delete(table, place, axis=1)
    kept = _in_order(path, instants, drop_disordered=drop_disordered)
    instants, narrow = instants[kept], _narrowed(path, series, values)[kept]
    columns = _columns(path, series, narrow, renamed=renamed or {})
    layout = tuple(column.series for column in columns)
    _check_ratios(path, layout, narrow)
    return Trace(
        name=path.name,
        instants_s=instants,
        layout=layout,
        values=narrow,
        interval_s=_interval_s(instants),
        dropped=int(len(kept) - np.count_nonzero(kept)),
        normalised=frozenset(c.series for c in columns if c.is_normalised),
    )


def _interval_s(instants: Values) -> float:
    """Return the usual step of instants that are each a little late."""
    # At 9.99999 s `[10s]` would cover two points, which it did not when it was live.
    step_s = float(np.median(np.diff(instants)))
    whole_s = float(round(step_s))
    return whole_s if abs(step_s - whole_s) <= _LATE * whole_s else step_s


def _in_order(
    path: Path, instants: npt.NDArray[np.float64], *, drop_disordered: bool
) -> npt.NDArray[np.bool_]:
    """Return which rows grow in time; raise at the first that does not."""
    is_instant = (instants >= _INSTANTS_S[0]) & (instants < _INSTANTS_S[1])
    if not is_instant.all():
        row = int(np.argmin(is_instant))
        raise TraceError(
            f"{path}: row {row + 1}, column {TIMESTAMP}: expected {INSTANT}, "
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


def _columns(
    path: Path, names: Sequence[str], values: Narrow, *, renamed: Mapping[str, str]
) -> list[Column]:
    """Return what the columns stand for; each stands for another series."""
    if missing := sorted(set(renamed) - set(names)):
        raise TraceError(f"{path}: expected a column {missing[0]} to rename, got none")
    if not names:
        raise TraceError(f"{path}: expected at least one series, got only {TIMESTAMP}")
    found: dict[str, str] = {}
    columns: list[Column] = []
    for name, column in zip(names, values.T, strict=True):
        try:
            meant = _meant(name, column, renamed)
        except ExpressionError as error:
            raise TraceError(f"{path}: a column is not a series: {error}") from error
        if (before := found.setdefault(meant.series, name)) != name:
            raise TraceError(
                f"{path}: two columns are the series {meant.series}: {before} and "
                f"{name}; take one of them in under another name by --rename"
            )
        columns.append(meant)
    return columns


def _meant(name: str, values: Narrow, renamed: Mapping[str, str]) -> Column:
    """Return what a column stands for: what the user says goes before our table."""
    if name in renamed:
        return Column(series=str(parse_series(renamed[name])), is_normalised=False)
    return column_of(name, values=values)


def _text(instant_s: float) -> str:
    return datetime.fromtimestamp(instant_s, UTC).isoformat()
