"""`forewarn metrics`: the catalogue, with this host's values of now."""

from pathlib import Path

import click
import numpy as np

from agent.cli.options import config_option, json_option, settings
from agent.cli.output import emit, say, table
from agent.core.metrics import CATALOGUE, Metric
from agent.core.sample import Sample
from agent.core.series import parse_series
from agent.wiring.scoring import measured

_BETWEEN_S = 1.0


@click.command("metrics")
@config_option
@json_option
def metrics(config_path: Path | None, as_json: bool) -> None:
    """List every metric with its unit, its meaning and today's values.

    Two readings one second apart, as rates need two. A metric without a value is one
    that this host does not have; collectors that fail are named on stderr.
    """
    config = settings(config_path, state_dir=None).config
    sample, absent = measured(config, between_s=_BETWEEN_S)
    for name, reason in [*sample.failures.items(), *absent.items()]:
        say(f"collector {name}: {reason}")
    values = _by_metric(sample)
    rows = [
        (series, value, each.unit, each.help)
        for each in CATALOGUE
        for series, value in values.get(each.name, {each.name: None}).items()
    ]
    emit(
        [_fields(each, values.get(each.name, {})) for each in CATALOGUE],
        as_json=as_json,
        text=table(("series", "value", "unit", "meaning"), rows=rows),
    )


def _by_metric(sample: Sample) -> dict[str, dict[str, float | None]]:
    """Return each metric's series with their values; a gap is None."""
    found: dict[str, dict[str, float | None]] = {}
    for series, value in zip(sample.layout, sample.values.tolist(), strict=True):
        known = None if np.isnan(value) else value
        found.setdefault(parse_series(series).name, {})[series] = known
    return found


def _fields(metric: Metric, values: dict[str, float | None]) -> dict[str, object]:
    return {
        "name": metric.name,
        "unit": metric.unit,
        "kind": metric.kind,
        "attributes": metric.attributes,
        "help": metric.help,
        "values": values,
    }
