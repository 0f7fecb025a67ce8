"""What the guard costs a prediction, beside river's detectors; prints one JSON line."""

import contextlib
import importlib
import json
import time
from collections import deque
from collections.abc import Callable

import numpy as np

from agent.core.guard import PairedGuard, log_loss, worst_case

_TICKS = 30_000
_HORIZON, _BLOCK = 20, 40
_MARGIN, _ALPHA, _EPS = 0.1, 0.001, 0.001
_EVENT_RATE = 0.05
_REPEATS = 3
_DETECTORS = {"adwin": "ADWIN", "ddm": "binary.DDM", "page_hinkley": "PageHinkley"}


def main() -> None:
    """Measure 30,000 predictions of two models that are equally good."""
    active, reference, happened = _world()
    losses = [
        (log_loss(a, y, _EPS), log_loss(r, y, _EPS))
        for a, r, y in zip(active, reference, happened, strict=True)
    ]
    worst = [
        worst_case(a, r, _MARGIN, _EPS) for a, r in zip(active, reference, strict=True)
    ]
    states = [_guarded(losses, worst) for _ in range(_REPEATS)]
    result: dict[str, object] = {
        "benchmark": "guard_cost",
        "us_per_prediction": round(min(spent_us for spent_us, _ in states), 2),
        "us_per_loss_pair_and_worst_case": round(_priced(active, reference), 2),
        "state_bytes": states[0][1],
        "predictions": _TICKS,
    }
    for name, path in _DETECTORS.items():
        result[f"river_{name}_us_per_update"] = _river(path, losses)
    print(json.dumps(result))


def _world() -> tuple[list[float], list[float], list[bool]]:
    generator = np.random.default_rng(1)
    happened = np.repeat(generator.random(_TICKS // _HORIZON) < _EVENT_RATE, _HORIZON)
    models = [
        np.clip(
            np.where(happened, 0.3, 0.03) + generator.normal(0, 0.02, _TICKS), 0.001, 1
        )
        for _ in range(2)
    ]
    return models[0].tolist(), models[1].tolist(), happened.tolist()


def _guarded(
    losses: list[tuple[float, float]], worst: list[float]
) -> tuple[float, int]:
    """Return CPU microseconds of issue, resolve and breached; and the state's bytes."""
    guard = PairedGuard(_BLOCK, _MARGIN, _ALPHA)
    waiting: deque[tuple[int, int]] = deque()
    began = time.process_time()
    for t in range(_TICKS):
        if len(waiting) == _HORIZON:
            earlier, bets = waiting.popleft()
            guard.resolve(earlier, bets, worst[earlier], *losses[earlier])
        waiting.append((t, guard.issue(t, worst[t])))
        guard.breached()
    spent_s = time.process_time() - began
    return spent_s * 1e6 / _TICKS, len(guard.state())


def _priced(active: list[float], reference: list[float]) -> float:
    began = time.process_time()
    for a, r in zip(active, reference, strict=True):
        log_loss(a, 1, _EPS)
        log_loss(r, 1, _EPS)
        worst_case(a, r, _MARGIN, _EPS)
    return (time.process_time() - began) * 1e6 / _TICKS


def _river(path: str, losses: list[tuple[float, float]]) -> float | None:
    """Return CPU microseconds an update, on the active model's loss; None without."""
    detector = None
    with contextlib.suppress(ModuleNotFoundError):
        detector = importlib.import_module("river.drift")
    if detector is None:
        return None
    for name in path.split("."):
        detector = getattr(detector, name)
    return _updated(detector().update, losses, is_binary="binary" in path)


def _updated(
    update: Callable[[float], object],
    losses: list[tuple[float, float]],
    *,
    is_binary: bool,
) -> float:
    values = [active > 1 / 10 if is_binary else active for active, _ in losses]
    began = time.process_time()
    for value in values:
        update(value)
    return round((time.process_time() - began) * 1e6 / _TICKS, 2)


if __name__ == "__main__":
    main()
