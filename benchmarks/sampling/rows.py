"""The rows: features and labels of a recorded host, over whole columns at once.

What the agent would compute moment by moment is computed here by columns, for there are
millions; `last`, `avg`, `max`, `stddev` and `share_above` of section 2 of the contract.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from sampling.tasks import Task

Vector = npt.NDArray[np.float64]

_DAY_S: Final = 86400
_WEEK_S: Final = 7 * _DAY_S
_LIMIT_EVERY_S: Final = 900
_QUANTILE: Final = 0.99
_SPANS_S: Final = (900, 3600, 21600)
_STEADY: Final = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Resolved onset moments of one host and task; arrays of length n, by time.

    Attributes:
        features: float32, shape (n, n_features).
        happened: Whether the limit was exceeded within the horizon.
        row: Of the recording.
        host: Number of the host.
        length: Rows of each one's recording.
    """

    features: npt.NDArray[np.float32]
    happened: npt.NDArray[np.bool_]
    row: npt.NDArray[np.intp]
    host: npt.NDArray[np.intp]
    length: npt.NDArray[np.intp]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.happened)

    def at(self, mask: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> "Rows":
        """Return the rows at which `mask` holds, or which it numbers."""
        return Rows(**{name: getattr(self, name)[mask] for name in self.__slots__})


def joined(parts: list[Rows]) -> Rows:
    """Return several hosts' rows as one."""
    return Rows(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in Rows.__slots__
        }
    )


def rows_of(values: Vector, *, task: Task, host: int) -> Rows:
    """Return the onset moments of one recorded column.

    Args:
        values: Of the column, at a regular pace.
        task: What is predicted.
        host: Its number.
    """
    limit = _limit(values, task)
    ahead = task.within_s // task.interval_s
    happened = _ahead_max(values, ahead) > limit
    features = _features(values, limit=limit, task=task)
    is_onset = np.isfinite(limit) & (values <= limit)
    is_onset[: _SPANS_S[-1] // task.interval_s] = False
    is_onset[len(values) - ahead :] = False
    row = np.flatnonzero(is_onset)
    return Rows(
        features=features[row],
        happened=happened[row],
        row=row,
        host=np.full(len(row), host),
        length=np.full(len(row), len(values)),
    )


def _limit(values: Vector, task: Task) -> Vector:
    """Return the limit at each row: from a day's past on, renewed by the quarter."""
    if task.limit is not None:
        return np.full(len(values), task.limit)
    found = np.full(len(values), np.nan)
    step = _LIMIT_EVERY_S // task.interval_s
    for at in range(_DAY_S // task.interval_s, len(values), step):
        past = values[max(0, at - _WEEK_S // task.interval_s) : at]
        found[at : at + step] = np.quantile(past, _QUANTILE)
    return found


def _features(values: Vector, *, limit: Vector, task: Task) -> npt.NDArray[np.float32]:
    """Return how near the limit is, how it moves and how it used to be."""
    spans = [span // task.interval_s for span in _SPANS_S]
    short, hour, long = spans
    average = {span: _trailing_mean(values, span) for span in spans}
    spread = {
        span: np.sqrt(
            np.maximum(_trailing_mean(values**2, span) - average[span] ** 2, 0.0)
        )
        for span in spans
    }
    highest = {span: _trailing_max(values, span) for span in spans}
    above = np.where(values > limit, 1.0, 0.0)
    phase = 2 * np.pi * np.arange(len(values)) * task.interval_s / _DAY_S
    columns = [
        limit - values,
        (limit - values) / (spread[hour] + _STEADY),
        *(limit - highest[span] for span in spans),
        *(limit - average[span] for span in spans),
        *(spread[span] for span in spans),
        *(_trailing_mean(above, span) for span in (hour, long)),
        values - average[short],
        values - average[hour],
        values - _earlier(values, short),
        average[short] - _earlier(average[short], short),
        limit - _earlier(highest[hour], _DAY_S // task.interval_s - hour),
        np.sin(phase),
        np.cos(phase),
    ]
    return np.column_stack(columns).astype(np.float32)


def _trailing_mean(values: Vector, span: int) -> Vector:
    total = np.concatenate([[0.0], np.cumsum(values)])
    start = np.maximum(np.arange(len(values)) + 1 - span, 0)
    end = np.arange(len(values)) + 1
    mean: Vector = (total[end] - total[start]) / (end - start)
    return mean


def _trailing_max(values: Vector, span: int) -> Vector:
    padded = np.concatenate([np.full(span - 1, -np.inf), values])
    highest: Vector = sliding_window_view(padded, span).max(axis=1)
    return highest


def _ahead_max(values: Vector, span: int) -> Vector:
    padded = np.concatenate([values[1:], np.full(span, -np.inf)])
    highest: Vector = sliding_window_view(padded, span).max(axis=1)
    return highest


def _earlier(values: Vector, steps: int) -> Vector:
    return np.concatenate([np.full(steps, np.nan), values[:-steps]])
