"""Plans: the table of the starter tasks, what each predicts and what it looks at."""

import re
from dataclasses import dataclass
from typing import Final

from agent.core.expression import parse
from agent.core.quantity import duration_s
from agent.core.series import parse_series
from agent.core.target import EventTarget, parse_condition
from central.core.examples import Task

_X: Final = re.compile(r"\bx(?=\[)")
_CASE: Final = '{case="$entity"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One feature of a plan.

    Attributes:
        text: The expression, `x` standing for the series.
        sign: 1 if the probability may only grow with it, -1 if only fall, else 0.
    """

    text: str
    sign: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One starter task.

    Attributes:
        metric: What is watched.
        attributes: Of the series as the agent knows it, with braces; empty for a host.
    """

    task: str
    title: str
    entity: str
    metric: str
    attributes: str
    limit: float
    sustained: str
    within: str
    score_every: str
    features: tuple[Feature, ...]
    min_coverage: float = 0.8
    calibration: str | None = None

    @property
    def series(self) -> str:
        """The series as the manifest spells it."""
        return self.metric + self.attributes

    @property
    def condition(self) -> str:
        """The condition as the manifest spells it."""
        return f">= {self.limit}"

    @property
    def signs(self) -> tuple[int, ...]:
        """The features' signs."""
        return tuple(feature.sign for feature in self.features)

    def spelled(self) -> list[str]:
        """Return the features as the manifest spells them."""
        return self._spelled(self.series)

    def learnt(self) -> Task:
        """Return the same task on cases of a recording."""
        series = self.metric + _CASE
        return Task(
            target=EventTarget(
                series=parse_series(series),
                condition=parse_condition(self.condition),
                sustained_s=duration_s(self.sustained),
                within_s=duration_s(self.within),
                onset=True,
            ),
            features=tuple(parse(text) for text in self._spelled(series)),
            min_coverage=self.min_coverage,
        )

    def _spelled(self, series: str) -> list[str]:
        return [_X.sub(lambda _: series, f.text) for f in self.features]


def _feature(text: str, sign: int = 0) -> Feature:
    return Feature(text=text, sign=sign)


# The newest sample comes as [1s]: one point on every grid of 1 s or more, so it is
# there from the first sample on. With [10s] and a sample every 5 s the first moment had
# too few of them, and the model was asked without even the distance to the limit.
# Everything else may still be a gap.
def _near_limit(ahead_s: int, *, floor: float) -> tuple[Feature, ...]:
    """Return what tells of a limit that is minutes away.

    Args:
        ahead_s: The horizon.
        floor: Added to a spread, so that a still curve has a finite distance.
    """
    return (
        _feature("$limit - last_over_time(x[1s])", -1),
        _feature(
            f"($limit - last_over_time(x[1s])) / (stddev_over_time(x[15m]) + {floor})",
            -1,
        ),
        _feature(f"$limit - predict_linear(x[5m], {ahead_s})", -1),
        _feature("$limit - max_over_time(x[5m])", -1),
        _feature("$limit - max_over_time(x[1h])", -1),
        _feature("$limit - avg_over_time(x[15m])"),
        _feature("last_over_time(x[1s]) - avg_over_time(x[5m])"),
        _feature("stddev_over_time(x[5m])"),
        _feature("share_above(x[1h], $limit)", 1),
        _feature("share_above(x[5m], $limit)", 1),
        _feature("$limit - quantile_over_time(0.95, x[1h])"),
        _feature(
            f"($limit - avg_over_time(x[1h])) / (stddev_over_time(x[1h]) + {floor})"
        ),
        _feature("last_over_time(x[1s]) - last_over_time(x[10s] offset 1m)"),
        # One where a sample comes every minute, six where one comes every 10 s.
        _feature("count_over_time(x[1m])"),
    )


_FILLING: Final = (
    _feature("$limit - last_over_time(x[1s])", -1),
    _feature("$limit - predict_linear(x[5m], 3600)", -1),
    _feature("$limit - predict_linear(x[15m], 3600)", -1),
    _feature("$limit - predict_linear(x[1h], 3600)", -1),
    _feature("$limit - max_over_time(x[1h])", -1),
    _feature("max_over_time(x[15m]) - last_over_time(x[1s])"),
    _feature("last_over_time(x[1s]) - min_over_time(x[1h])"),
    _feature("max_over_time(x[1h]) - last_over_time(x[1s])"),
    _feature("stddev_over_time(x[1h])"),
)

PLANS: Final = (
    Plan(
        task="cpu-saturation",
        title="The processors are at 90 % or above for 30 s within 2 minutes",
        entity="host",
        metric="system.cpu.utilization",
        attributes="",
        limit=0.9,
        sustained="30s",
        within="2m",
        score_every="10s",
        features=_near_limit(120, floor=0.01),
    ),
    Plan(
        task="memory-pressure",
        title="90 % of the memory is in use within 2 minutes",
        entity="host",
        metric="system.memory.utilization",
        attributes="",
        limit=0.9,
        sustained="10s",
        within="2m",
        score_every="30s",
        features=_near_limit(120, floor=0.001),
    ),
    Plan(
        task="filesystem-full",
        title="A file system is 95 % full within 1 hour",
        entity="mountpoint",
        metric="system.filesystem.utilization",
        attributes='{mountpoint="$entity"}',
        limit=0.95,
        sustained="60s",
        within="1h",
        score_every="60s",
        features=_FILLING,
    ),
)
