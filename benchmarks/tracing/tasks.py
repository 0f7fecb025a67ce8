"""The tasks that are tried on recorded hosts; every limit is one of the host's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_CPU: Final = "system.cpu.utilization"
_PEAK: Final = "system.cpu.utilization.max"
_EVERY: Final = "5m"
# The agent keeps six hours, so nothing looks back further.
_NEAR_LIMIT: Final = (
    "$limit - last_over_time(x[5m])",
    "($limit - last_over_time(x[5m])) / (stddev_over_time(x[1h]) + 0.005)",
    "$limit - max_over_time(x[30m])",
    "$limit - max_over_time(x[1h])",
    "$limit - avg_over_time(x[1h])",
    "$limit - avg_over_time(x[6h])",
    "$limit - predict_linear(x[30m], 1800)",
    "$limit - predict_linear(x[1h], 1800)",
    "last_over_time(x[5m]) - avg_over_time(x[1h])",
    "last_over_time(x[5m]) - last_over_time(x[5m] offset 30m)",
    "stddev_over_time(x[1h])",
    "stddev_over_time(x[6h])",
    "share_above(x[1h], $limit)",
    "share_above(x[6h], $limit)",
    "$limit - max_over_time(x[6h])",
    "$limit - max_over_time(x[30m] offset 30m)",
    "$limit - min_over_time(x[1h])",
)
_MOVING: Final = (
    "avg_over_time(x[5m]) - avg_over_time(x[15m])",
    "avg_over_time(x[5m]) - avg_over_time(x[1h])",
    "avg_over_time(x[5m]) - avg_over_time(x[6h])",
    "avg_over_time(x[5m]) - avg_over_time(x[5m] offset 5m)",
    "avg_over_time(x[5m]) - avg_over_time(x[5m] offset 15m)",
    "avg_over_time(x[5m]) - avg_over_time(x[5m] offset 1h)",
    "max_over_time(x[1h]) - avg_over_time(x[5m])",
    "avg_over_time(x[5m]) - min_over_time(x[1h])",
    "stddev_over_time(x[15m])",
    "stddev_over_time(x[1h])",
    "stddev_over_time(x[6h])",
    "max_over_time(x[6h]) - avg_over_time(x[5m])",
    "avg_over_time(x[5m]) - avg_over_time(x[5m] offset 3h)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is predicted.

    Attributes:
        kind: Whose machines are replayed with it.
        series: What is watched.
        target: As a manifest has it.
        features: The same, in the order of the model's input.
    """

    name: str
    title: str
    kind: str
    series: str
    target: Mapping[str, Any]
    features: tuple[str, ...]

    @property
    def is_event(self) -> bool:
        """Whether a probability is predicted, not a number."""
        return self.target["kind"] == "event"

    def column(self, kind: str) -> str:
        """Return what the recordings of a kind have for its series.

        Azure has the highest reading within five minutes too, SMD has not.
        """
        return self.series if kind == self.kind else _CPU

    def paper(self, *, version: int) -> dict[str, Any]:
        """Return a manifest that wants no model yet: a survey."""
        return {
            "schema": 1,
            "task": self.name,
            "version": version,
            "title": self.title,
            "target": self.target,
            "score_every": _EVERY,
            "features": [_spelled(each, self.series) for each in self.features],
        }


def _spelled(feature: str, series: str) -> str:
    return feature.replace("x[", f"{series}[")


def _event(condition: str, series: str) -> dict[str, Any]:
    return {
        "kind": "event",
        "series": series,
        "condition": condition,
        "sustained": "60s",
        "within": "30m",
        "onset": True,
    }


_CHANGE: Final = {
    "kind": "value",
    "expression": f"avg_over_time({_CPU}[5m])",
    "ahead": "15m",
    "as": "change",
}
TASKS: Final = (
    Task(
        name="cpu-high",
        title="The processors exceed what they did in 95 % of 6 h within 30 min",
        kind="smd",
        series=_CPU,
        target=_event(f"> quantile_over_time(0.95, {_CPU}[6h])", _CPU),
        features=_NEAR_LIMIT,
    ),
    Task(
        name="cpu-change",
        title="By how much the processors' load changes within 15 min",
        kind="smd",
        series=_CPU,
        target=_CHANGE,
        features=_MOVING,
    ),
    Task(
        name="cpu-peak",
        title="A reading of the processors exceeds 90 % within 30 min",
        kind="azure",
        series=_PEAK,
        target=_event("> 0.9", _PEAK),
        features=_NEAR_LIMIT,
    ),
)
