"""Splits: which examples teach, which choose the threshold, which judge."""

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
import numpy.typing as npt

_TRAIN_UNTIL, _VALIDATE_UNTIL = 0.6, 0.7


class Part(IntEnum):
    """What a stretch of a recording is for."""

    TRAIN = 0
    VALIDATE = 1
    TEST = 2
    GAP = 3


def parts(
    row: npt.NDArray[np.intp], *, rows: int, horizon: int
) -> npt.NDArray[np.intp]:
    """Return the part of each example: 60 % train, 10 % validate, 30 % test, by time.

    Args:
        row: At which each was predicted.
        rows: Of the recording.
        horizon: Rows until an outcome is known; as many at the end of a part belong to
            none, for what they tell lies in the next.
    """
    first, second = int(_TRAIN_UNTIL * rows), int(_VALIDATE_UNTIL * rows)
    found = np.full(len(row), Part.TEST, dtype=np.intp)
    found[row < second] = Part.VALIDATE
    found[row < first] = Part.TRAIN
    for end in (first, second):
        found[(row >= end - horizon) & (row < end)] = Part.GAP
    return found


def folds(groups: Sequence[str], *, count: int) -> dict[str, int]:
    """Return each group's fold, dealt out in the order of their names.

    There are never more folds than groups.
    """
    known = sorted(set(groups))
    dealt = min(count, len(known))
    return {group: place % dealt for place, group in enumerate(known)}
