"""Peers: the simple rules that an operator has today, as they rank the same moments.

None of them answers a probability. What can be asked of all is which moments they put
first: the higher a peer's score, the sooner it would have raised an alarm.
"""

from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.core.expression import Call, Expression, Function, Limit, Number, Operation
from agent.core.syntax import Operator
from agent.core.target import EventTarget

_LEVEL_S: Final = 300.0
_LINE_S: Final = 1800.0
_SEASON_S: Final = 7 * 86400.0


class Peer(StrEnum):
    """What a release is compared with beside the baseline."""

    LEVEL = "current value"
    LINE = "predict_linear"
    SEASON = "seasonal rate"
    CLUSTERS = "k-means"


def expressions(target: EventTarget, *, interval_s: float) -> dict[Peer, Expression]:
    """Return the peers that are expressions of the target's series and its limit.

    Spans grow with the interval, so that each has the points that it needs.

    Args:
        target: What is predicted.
        interval_s: Distance between two samples, in seconds.
    """
    level = Call(
        function=Function.AVG,
        series=target.series,
        span_s=max(_LEVEL_S, interval_s),
    )
    line = Call(
        function=Function.PREDICT_LINEAR,
        series=target.series,
        span_s=max(_LINE_S, 2 * interval_s),
        argument=Number(value=target.within_s),
    )
    season = Call(
        function=Function.SEASONAL_SHARE_ABOVE,
        series=target.series,
        span_s=_SEASON_S,
        argument=Limit(),
    )
    return {
        Peer.LEVEL: _relative(level),
        Peer.LINE: _relative(line),
        Peer.SEASON: season,
    }


def ranking(
    values: npt.NDArray[np.float64], *, is_upward: bool
) -> npt.NDArray[np.float64]:
    """Return what an expression came to as a score: higher is nearer to the event.

    A rule that has no answer raises no alarm: it ranks last.
    """
    score = values if is_upward else -values
    return np.where(np.isnan(score), -np.inf, score)


def _relative(call: Call) -> Operation:
    return Operation(operator=Operator.DIVIDE, left=call, right=Limit())
