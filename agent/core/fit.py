"""Whether an agent can run what a manifest asks, on the grid that it samples on."""

from collections.abc import Callable
from typing import Final

from agent.core.expression import lookback_s
from agent.core.features import bind
from agent.core.manifest import Manifest
from agent.core.situation import Sight
from agent.core.situation import lookback_s as target_lookback_s
from agent.core.window import Window
from agent.errors import ExpressionError

# What a window keeps, and how long a moment may wait for its outcome.
MAX_LOOKBACK_S: Final = 6 * 3600.0
MAX_HORIZON_S: Final = 24 * 3600.0
LEAST_SPAN_S: Final = 900.0


def misfit(manifest: Manifest, *, new_window: Callable[..., Window]) -> str | None:
    """Return why this agent cannot run the task, or None.

    Args:
        manifest: What is asked.
        new_window: Makes a window of this host's grid, given `span_s`.
    """
    past_s, horizon_s = _past_s(manifest), manifest.target.horizon_s
    if past_s > MAX_LOOKBACK_S:
        return f"reads back {past_s:.0f} s; this agent keeps {MAX_LOOKBACK_S:.0f} s"
    if horizon_s > MAX_HORIZON_S:
        return f"looks ahead {horizon_s:.0f} s; this agent waits {MAX_HORIZON_S:.0f} s"
    window = new_window(span_s=span_s(manifest))
    if horizon_s < window.interval_s:
        return (
            f"looks ahead {horizon_s:g} s; this host is sampled every "
            f"{window.interval_s:g} s"
        )
    features = [formula.expression for formula in manifest.features]
    coverage = manifest.min_coverage
    try:
        bind(features, entities=(), window=window, min_coverage=coverage)
        Sight(manifest.target, entities=(), window=window, min_coverage=coverage)
    except ExpressionError as error:
        return str(error)
    return None


def span_s(manifest: Manifest) -> float:
    """Return how long a window must be for a task: its past and its horizon."""
    return max(_past_s(manifest) + manifest.target.horizon_s, LEAST_SPAN_S)


def _past_s(manifest: Manifest) -> float:
    past_s = max(lookback_s(formula.expression) for formula in manifest.features)
    return max(past_s, target_lookback_s(manifest.target))
