"""Plans of values: the starter tasks that forecast by how much a series changes.

Everything is said in units of the host's own last day, so that one host can teach
another: a distance is divided by the day's standard deviation, and what the model
answers is multiplied by it. Of stretches shorter than 6 h only averages are taken: they
come to the same whether a sample is taken every minute or every 10 s. None is shorter
than 5 min, so a recording with a sample every 5 min will do, too.
"""

import json
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from agent.core.manifest import Manifest, parse_manifest

_X: Final = re.compile(r"\bx(?=\[)")
_NOW: Final = "avg_over_time(x[5m])"
# A still curve has a spread above 0, too.
_SPREAD: Final = "(stddev_over_time(x[1d]) + 1e-6)"
_DAY_MIN: Final = 1440
_AHEAD_MIN: Final = 30
_REACH_MIN: Final = _AHEAD_MIN + 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuePlan:
    """One starter task that forecasts a change.

    Attributes:
        metric: What is watched, of the whole host.
        column: What recorded hosts call it.
        ahead: How far ahead, as a manifest spells it.
        levels: Of the quantiles that are answered.
        features: The expressions, `x` standing for the metric; the last is the host's
            own scale, at which the model itself does not look.
        hears: Another task whose moments teach this one, too; empty: none. In units of
            the host they are alike, and a dozen hosts are few.
        min_coverage: Low, for a day of which an hour is known is better than no day.
    """

    task: str
    title: str
    metric: str
    column: str
    features: tuple[str, ...]
    ahead: str = f"{_AHEAD_MIN}m"
    score_every: str = "5m"
    levels: tuple[float, ...] = (0.1, 0.5, 0.9)
    hears: str = ""
    min_coverage: float = 0.02

    @property
    def scale(self) -> int:
        """Which feature is the host's own scale."""
        return len(self.features) - 1

    def content(self) -> dict[str, object]:
        """Return what a manifest says of the task, in the order of its keys."""
        return {
            "schema": 1,
            "task": self.task,
            "version": 1,
            "title": self.title,
            "entity": "host",
            "target": {
                "kind": "value",
                "expression": self._spelled(_NOW),
                "ahead": self.ahead,
                "quantiles": list(self.levels),
                "as": "change",
            },
            "score_every": self.score_every,
            "features": [self._spelled(text) for text in self.features],
            "min_coverage": self.min_coverage,
            "missing": "nan",
        }

    def survey(self) -> Manifest:
        """Return the task without a model."""
        return parse_manifest(json.dumps(self.content()).encode())

    def _spelled(self, text: str) -> str:
        return _X.sub(lambda _: self.metric, text)


def _average(minutes: int, *, ago: int = 0) -> str:
    offset = f" offset {ago}m" if ago else ""
    return f"avg_over_time(x[{minutes}m]{offset})"


def _apart(there: str, *, of: str = _NOW) -> str:
    """Return by how much `there` is above `of`, in units of the host's own spread."""
    return f"({there} - {of}) / {_SPREAD}"


def _restless(*, step: int, steps: int) -> str:
    """Return the squared moves of the last minutes: how restless it is now."""
    seen = [_average(5, ago=step * count) for count in range(steps + 1)]
    squares = (f"({a} - {b}) * ({a} - {b})" for a, b in pairwise(seen))
    return f"({' + '.join(squares)}) / ({_SPREAD} * {_SPREAD})"


def _then(days: int) -> str:
    """Return what there was so many days ago at the time that is predicted."""
    return _average(15, ago=days * _DAY_MIN - _REACH_MIN)


def _since(days: int) -> str:
    """Return by how much it changed so many days ago, over the same half hour."""
    return f"({_then(days)} - {_average(15, ago=days * _DAY_MIN)})"


def _mean(parts: list[str]) -> str:
    return f"({' + '.join(parts)}) / {len(parts)}"


def _earlier(minutes: int) -> str:
    """Return by how much the last minutes are above those before them."""
    return _apart(_average(minutes), of=_average(minutes, ago=minutes))


_FEATURES: Final = (
    *(_apart(_average(5, ago=ago)) for ago in (5, 10, 15, 25, 60)),
    *(
        _apart(f"avg_over_time(x[{span}])")
        for span in ("15m", "1h", "6h", "1d", "3d", "7d")
    ),
    _apart(_average(5, ago=_DAY_MIN - _AHEAD_MIN), of=_average(5, ago=_DAY_MIN)),
    *(f"{_since(days)} / {_SPREAD}" for days in (1, 2, 3, 7)),
    f"{_mean([_since(days) for days in (1, 2, 3)])} / {_SPREAD}",
    f"{_mean([_since(days) for days in (1, 2, 3, 5, 7)])} / {_SPREAD}",
    _apart(_then(1)),
    _apart(_mean([_then(days) for days in (1, 2, 3)])),
    _apart(_then(7)),
    _apart(_average(15, ago=_DAY_MIN)),
    *(_earlier(minutes) for minutes in (15, 30, 60)),
    _restless(step=5, steps=3),
    _restless(step=10, steps=6),
    f"stddev_over_time(x[7h]) / {_SPREAD}",
    f"stddev_over_time(x[1h] offset {_DAY_MIN - _AHEAD_MIN}m) / {_SPREAD}",
    f"stddev_over_time(x[3d]) / {_SPREAD}",
    _SPREAD[1:-1],
)

VALUE_PLANS: Final = (
    ValuePlan(
        task="cpu-change",
        title="By how much the processors' use changes within 30 minutes",
        metric="system.cpu.utilization",
        column="system.cpu.utilization",
        features=_FEATURES,
    ),
    ValuePlan(
        task="memory-change",
        title="By how much the memory's use changes within 30 minutes",
        metric="system.memory.utilization",
        column="system.memory.utilization.norm",
        features=_FEATURES,
        hears="cpu-change",
    ),
)
