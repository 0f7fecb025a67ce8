"""What one evaluation of a typical feature list costs; prints one JSON line a size."""

import json
import time
import timeit
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from agent.core.expression import parse
from agent.core.features import bind
from agent.core.sample import Sample
from agent.core.window import Window

_INTERVAL_S = 10.0
_SPAN_S = 6 * 3600.0
_OTHER_SERIES = 60
_SERIES = 'system.filesystem.utilization{mountpoint="$entity"}'
_FEATURES = (
    f"last_over_time({_SERIES}[1m])",
    f"avg_over_time({_SERIES}[5m])",
    f"avg_over_time({_SERIES}[1h])",
    f"min_over_time({_SERIES}[1h])",
    f"max_over_time({_SERIES}[1h])",
    f"stddev_over_time({_SERIES}[1h])",
    f"quantile_over_time(0.95, {_SERIES}[1h])",
    f"deriv({_SERIES}[1h])",
    f"predict_linear({_SERIES}[6h], 21600)",
    f"share_above({_SERIES}[1h], $limit)",
    f"delta({_SERIES}[5m]) - delta({_SERIES}[5m] offset 1h)",
    "hour_sin()",
)
# Relative to the host's own past, as the starters are; each is evaluated every 5 min.
_DAYS_S = 8 * 86400.0
_DAYS = (
    f"quantile_over_time(0.99, {_SERIES}[7d])",
    f"seasonal_share_above({_SERIES}[7d], $limit)",
    f"share_above({_SERIES}[1d], $limit)",
    f"avg_over_time({_SERIES}[1d])",
    f"stddev_over_time({_SERIES}[1d])",
    f"max_over_time({_SERIES}[1d])",
    f"avg_over_time({_SERIES}[6h])",
    f"quantile_over_time(0.95, {_SERIES}[1h])",
    f"avg_over_time({_SERIES}[15m])",
    f"avg_over_time({_SERIES}[5m])",
    f"max_over_time({_SERIES}[5m]) / $limit",
)
_GAP_SHARE = 0.02
_REPEATS = 7
_EVALUATIONS = 500


def main() -> None:
    """Measure one entity and twenty, with each kind of gaps; then windows of days."""
    for entities in (1, 20):
        for gaps in ("none", "missed samples", "scattered"):
            window = Window(interval_s=_INTERVAL_S, span_s=_SPAN_S)
            print(json.dumps(_measured(_FEATURES, window, entities, gaps)))
    for gaps in ("none", "missed samples"):
        window = Window(interval_s=60.0, span_s=_DAYS_S)
        print(json.dumps(_measured(_DAYS, window, 1, gaps)))


def _measured(
    spelled: Sequence[str], window: Window, entities: int, gaps: str
) -> dict[str, object]:
    names = tuple(f"/data{i}" for i in range(entities))
    at = _fill(window, names, gaps)
    features = bind(
        [parse(text) for text in spelled],
        entities=names,
        window=window,
        min_coverage=0.8,
    )
    limit = np.full(entities, 0.95)
    timer = timeit.Timer(
        lambda: features.evaluate(at=at, limit=limit), timer=time.process_time
    )
    best_s = min(timer.repeat(_REPEATS, _EVALUATIONS)) / _EVALUATIONS
    return {
        "benchmark": "features",
        "us_per_evaluation": round(best_s * 1e6, 1),
        "us_per_feature": round(best_s * 1e6 / len(spelled), 2),
        "evaluations_per_s": round(1 / best_s),
        "features": len(spelled),
        "interval_s": window.interval_s,
        "entities": entities,
        "gaps": gaps,
        "rows": window.capacity,
    }


def _fill(window: Window, names: tuple[str, ...], gaps: str) -> datetime:
    layout = tuple(f"other.{i}" for i in range(_OTHER_SERIES)) + tuple(
        f'system.filesystem.utilization{{mountpoint="{name}"}}' for name in names
    )
    generator = np.random.default_rng(1)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for _ in range(window.capacity):
        at += timedelta(seconds=window.interval_s)
        values = generator.random(len(layout)).astype(np.float32)
        values[_lost(gaps, len(layout), generator)] = np.nan
        window.append(Sample(at=at, layout=layout, values=values))
    return at


def _lost(gaps: str, width: int, generator: np.random.Generator) -> np.ndarray:
    if gaps == "missed samples":
        return np.full(width, generator.random() < _GAP_SHARE)
    return (generator.random(width) < _GAP_SHARE) & (gaps == "scattered")


if __name__ == "__main__":
    main()
