"""`forewarn metrics`: the catalogue, with this host's values of now."""

from collections.abc import Iterator
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
_BYTES = "By"
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


@click.command("metrics")
@config_option
@json_option
def metrics(config_path: Path | None, as_json: bool) -> None:
    """List every metric with its unit, its meaning and today's values.

    Two readings one second apart, as rates need two. A metric without a value is one
    that this host does not have; collectors that fail are named on stderr. Bytes are
    scaled for people (kBy, MBy, GBy); JSON has them as they are.
    """
    config = settings(config_path, state_dir=None).config
    sample, absent = measured(config, between_s=_BETWEEN_S)
    for name, reason in [*sample.failures.items(), *absent.items()]:
        say(f"collector {name}: {reason}")
    values = _by_metric(sample)
    rows = [
        row
        for each in CATALOGUE
        for row in _rows(each, values.get(each.name, {each.name: None}))
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


def _rows(
    metric: Metric, values: dict[str, float | None]
) -> Iterator[tuple[str, float | None, str, str]]:
    """Yield a metric's lines; its meaning stands on the first one."""
    for place, (series, value) in enumerate(values.items()):
        shown, unit = _scaled(value, metric.unit)
        yield series, shown, unit, "" if place else metric.help


def _scaled(value: float | None, unit: str) -> tuple[float | None, str]:
    """Return a number of bytes with UCUM's prefix, anything else as it is."""
    if value is None or not unit.startswith(_BYTES):
        return value, unit
    factor, prefix = next((f for f in _PREFIXES if value >= f[0]), (1.0, ""))
    return value / factor, f"{prefix}{unit}"


def _fields(metric: Metric, values: dict[str, float | None]) -> dict[str, object]:
    return {
        "name": metric.name,
        "unit": metric.unit,
        "kind": metric.kind,
        "attributes": metric.attributes,
        "help": metric.help,
        "values": values,
    }
