"""A token bucket: how often somebody may come, with some bursts allowed."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Final

_MINUTE_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """What is left of an allowance.

    Attributes:
        left: Times that somebody may come at once.
        at: When that was so.
    """

    left: float
    at: datetime


def drawn(bucket: Bucket | None, *, a_minute: int, now: datetime) -> tuple[Bucket, int]:
    """Return the bucket after one more has come, and after how long that one may.

    A bucket holds a minute's worth at most, so that a small backlog drains at once. Who
    may not come yet takes nothing from it. A clock that goes back adds nothing.

    Args:
        bucket: As it was left; None: nobody came before.
        a_minute: How often one may come.
        now: When one comes.

    Returns:
        The wait in whole seconds, 0: come in.
    """
    left = _left(bucket, a_minute=a_minute, now=now)
    if left >= 1:
        return Bucket(left=left - 1, at=now), 0
    wait_s = (1 - left) * _MINUTE_S / a_minute
    return Bucket(left=left, at=now), math.ceil(wait_s)


def _left(bucket: Bucket | None, *, a_minute: int, now: datetime) -> float:
    if bucket is None:
        return float(a_minute)
    since_s = max(0.0, (now - bucket.at).total_seconds())
    return min(float(a_minute), bucket.left + since_s * a_minute / _MINUTE_S)
