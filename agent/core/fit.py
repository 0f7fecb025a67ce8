"""Whether an agent can run what a manifest asks, on the grid that it samples on."""

from collections.abc import Callable, Collection, Sequence
from typing import Final

from agent.core.expression import lookback_s
from agent.core.features import bind
from agent.core.manifest import Manifest
from agent.core.rollup import Days, is_long, reads_maxima
from agent.core.series import Series, parse_series
from agent.core.situation import Sight, line_s
from agent.core.syntax import Call, calls
from agent.core.target import EventTarget
from agent.core.window import Window
from agent.errors import ExpressionError

# How long a moment may wait for its outcome.
MAX_HORIZON_S: Final = 24 * 3600.0
LEAST_SPAN_S: Final = 900.0


def misfit(manifest: Manifest, *, new_window: Callable[..., Window]) -> str | None:
    """Return why this agent cannot run the task, or None.

    Args:
        manifest: What is asked.
        new_window: Makes a window of this host's grid, given what it keeps.
    """
    horizon_s = manifest.target.horizon_s
    if horizon_s > MAX_HORIZON_S:
        return f"looks ahead {horizon_s:.0f} s; this agent waits {MAX_HORIZON_S:.0f} s"
    window = window_for([manifest], new_window=new_window)
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
        return f"asks for what this host cannot read: {error}"
    return None


def window_for(
    manifests: Sequence[Manifest], *, new_window: Callable[..., Window]
) -> Window:
    """Return an empty window that is long enough for every task, and no longer.

    It keeps the series that they read, and roll-ups of those whose days they read.

    Args:
        manifests: Whose.
        new_window: Makes a window of the grid, given `span_s`, `keeps` and `days`.
    """
    read = [call for manifest in manifests for call in _calls(manifest)]
    long = [call for call in read if is_long(call)]
    days = Days(
        span_s=max(map(lookback_s, long), default=0.0),
        means=_keeper({c.series for c in long if c.series and not reads_maxima(c)}),
        maxima=_keeper({c.series for c in long if c.series and reads_maxima(c)}),
    )
    wanted = {series for manifest in manifests for series in manifest.all_series()}
    return new_window(
        span_s=max(map(_samples_s, manifests), default=LEAST_SPAN_S),
        keeps=_keeper(wanted),
        days=days,
    )


def _samples_s(manifest: Manifest) -> float:
    """Return how long samples are needed: for what reads no roll-ups, and outcomes."""
    target = manifest.target
    held_s = target.sustained_s if isinstance(target, EventTarget) else 0.0
    short = (lookback_s(call) for call in _calls(manifest) if not is_long(call))
    past_s = max([line_s(target.horizon_s), held_s, *short])
    return max(past_s + target.horizon_s, LEAST_SPAN_S)


def _calls(manifest: Manifest) -> list[Call]:
    """Return every call of features and target."""
    expressions = [formula.expression for formula in manifest.features]
    target = manifest.target
    if isinstance(target, EventTarget):
        expressions.append(target.condition.limit)
    else:
        expressions.append(target.expression)
    return [call for expression in expressions for call in calls(expression)]


def _keeper(wanted: Collection[Series]) -> Callable[[str], bool]:
    """Return whether a series is wanted, given its canonical spelling."""
    names = {series.name for series in wanted}

    def keeps(spelling: str) -> bool:
        if spelling.partition("{")[0] not in names:
            return False
        return any(each.stands_for(parse_series(spelling)) for each in wanted)

    return keeps
