"""What one evaluation of a typical feature list costs; prints one JSON line a size."""

import json
import timeit
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
_GAP_SHARE = 0.02
_REPEATS = 7
_EVALUATIONS = 500


def main() -> None:
    """Measure one entity and twenty, with each kind of gaps."""
    for entities in (1, 20):
        for gaps in ("none", "missed samples", "scattered"):
            print(json.dumps(_measured(entities, gaps)))


def _measured(entities: int, gaps: str) -> dict[str, object]:
    names = tuple(f"/data{i}" for i in range(entities))
    window, at = _full_window(names, gaps)
    features = bind(
        [parse(text) for text in _FEATURES],
        entities=names,
        window=window,
        min_coverage=0.8,
    )
    limit = np.full(entities, 0.95)
    timer = timeit.Timer(lambda: features.evaluate(at=at, limit=limit))
    best_s = min(timer.repeat(_REPEATS, _EVALUATIONS)) / _EVALUATIONS
    return {
        "benchmark": "features",
        "us_per_evaluation": round(best_s * 1e6, 1),
        "us_per_feature": round(best_s * 1e6 / len(_FEATURES), 2),
        "evaluations_per_s": round(1 / best_s),
        "features": len(_FEATURES),
        "entities": entities,
        "gaps": gaps,
        "rows": window.capacity,
    }


def _full_window(names: tuple[str, ...], gaps: str) -> tuple[Window, datetime]:
    window = Window(interval_s=_INTERVAL_S, span_s=_SPAN_S)
    layout = tuple(f"other.{i}" for i in range(_OTHER_SERIES)) + tuple(
        f'system.filesystem.utilization{{mountpoint="{name}"}}' for name in names
    )
    generator = np.random.default_rng(1)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for _ in range(window.capacity):
        at += timedelta(seconds=_INTERVAL_S)
        values = generator.random(len(layout)).astype(np.float32)
        values[_lost(gaps, len(layout), generator)] = np.nan
        window.append(Sample(at=at, layout=layout, values=values))
    return window, at


def _lost(gaps: str, width: int, generator: np.random.Generator) -> np.ndarray:
    if gaps == "missed samples":
        return np.full(width, generator.random() < _GAP_SHARE)
    return (generator.random(width) < _GAP_SHARE) & (gaps == "scattered")


if __name__ == "__main__":
    main()
