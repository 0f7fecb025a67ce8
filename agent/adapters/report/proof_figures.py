"""The figures of a backtest: ranking, calibration, hosts beside each other, one day."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from agent.adapters.report.style import (
    DAY_S,
    GREY,
    INK,
    PALE,
    PALETTE,
    WIDTH_IN,
    name_lines,
    style,
    svg_of,
)
from agent.core.proof import Day, Line, TaskProof
from agent.core.story import Calibration

_DASHES: Final = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
_BASELINE: Final = "baseline"
# Of more hosts only the release and the baseline can be told apart beside each other.
_ROOMY: Final = 16


def ranking_svg(proof: TaskProof) -> str:
    """Draw precision by recall, one line a forecaster."""
    colours = _colours([line.label for line in proof.lines])
    with style(f"ranking {proof.name}"):
        figure = Figure(figsize=(WIDTH_IN, 3.8))
        axes = figure.subplots()
        for number, line in enumerate(proof.lines):
            _draw_line(axes, line, number=number, colours=colours)
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.02, 1.02))
        axes.set_xlabel("recall: share of the moments that came true with an alarm")
        axes.set_ylabel("precision: share of alarms that came true")
        name_lines(axes, over=len(proof.lines))
        return svg_of(figure, f"Precision by recall of {proof.name} and the rules")


def reliability_svg(proof: TaskProof) -> str:
    """Draw what was said against what came, and how often it was said."""
    colours = _colours([each.label for each in proof.calibrations])
    with style(f"reliability {proof.name}"):
        figure = Figure(figsize=(WIDTH_IN, 3.6))
        left, right = figure.subplots(1, 2, width_ratios=[1, 1.2])
        left.plot([0, 1], [0, 1], color=PALE, linewidth=1, zorder=0)
        for number, each in enumerate(proof.calibrations):
            colour = colours[each.label]
            dash = _DASHES[number % len(_DASHES)]
            left.plot(
                each.said, each.came, ls=dash, marker="o", ms=4, lw=1.2, color=colour
            )
            _draw_counts(right, each, number=number, proof=proof)
        left.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        said = "said" if proof.is_event else "quantile level"
        left.set(xlabel=said, ylabel="came true" if proof.is_event else "covered")
        right.set(xlabel=said, ylabel="moments", yscale="log", xlim=(-0.02, 1.02))
        right.set_ylim(bottom=0.7)
        name_lines(right, over=len(proof.calibrations))
        return svg_of(figure, f"Calibration of {proof.name}")


def hosts_svg(proof: TaskProof) -> str:
    """Draw one figure of every host, a mark for each forecaster."""
    bars = proof.bars
    if bars is None:
        return ""
    colours = _colours(list(bars.values))
    count, names = len(bars.hosts), list(bars.values)
    names = names if count <= _ROOMY else names[:2]
    width = 0.8 / len(names)
    with style(f"hosts {proof.name}"):
        figure = Figure(figsize=(WIDTH_IN, 3.6))
        axes = figure.subplots()
        for number, name in enumerate(names):
            places = np.arange(count) + (number - (len(names) - 1) / 2) * width
            heights = bars.values[name]
            axes.bar(places, heights, width=width, color=colours[name], label=name)
        axes.axhline(0, color=INK, linewidth=0.6)
        axes.set_ylabel(bars.measure)
        axes.set_xticks(range(count), bars.hosts, rotation=30, ha="right")
        axes.tick_params(axis="x", labelsize=8 if count <= _ROOMY else 5)
        axes.set_xlim(-0.6, max(count, 4) - 0.4)
        name_lines(axes, over=len(names))
        return svg_of(figure, f"{bars.measure} of {proof.name} by host")


def day_svg(proof: TaskProof) -> str:
    """Draw one day: above what was seen, below what was said of it."""
    day = proof.day
    if day is None:
        return ""
    colours = _colours(list(day.said))
    with style(f"day {proof.name}"):
        figure = Figure(figsize=(WIDTH_IN, 4.4))
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1, 1.2])
        _draw_seen(above, day)
        draw = _draw_probabilities if proof.is_event else _draw_bands
        draw(below, day, colours=colours)
        for axes in (above, below):
            for at_s in day.began_s:
                axes.axvline(at_s / DAY_S, color=INK, linewidth=0.8, alpha=0.7)
        name_lines(above, over=2)
        name_lines(below, over=3)
        below.xaxis_date("UTC")
        return svg_of(figure, f"One day of {proof.name} on {day.host}")


def _colours(labels: list[str]) -> Mapping[str, str]:
    own = [label for label in labels if label != _BASELINE]
    chosen = {label: PALETTE[n % len(PALETTE)] for n, label in enumerate(own)}
    return {**chosen, _BASELINE: GREY}


def _draw_line(
    axes: Axes, line: Line, *, number: int, colours: Mapping[str, str]
) -> None:
    # The release, which is the first, stands out.
    axes.plot(
        line.x,
        line.y,
        ls=_DASHES[number % len(_DASHES)],
        color=colours[line.label],
        linewidth=1.1 if number else 2.2,
        label=line.label,
    )


def _draw_counts(
    axes: Axes, each: Calibration, *, number: int, proof: TaskProof
) -> None:
    """Draw bars beside each other, one a forecaster; probabilities by their tenth."""
    width = 0.08 / len(proof.calibrations)
    aside = -0.04 + (number + 0.5) * width
    centres = [
        (min(int(10 * said), 9) + 0.5) / 10 if proof.is_event else said
        for said in each.said
    ]
    places = [centre + aside for centre in centres]
    colour = _colours([each.label])[each.label]
    axes.bar(places, each.counts, width=width, color=colour, label=each.label)


def _draw_seen(axes: Axes, day: Day) -> None:
    days = day.at_s / DAY_S
    axes.plot(days, day.seen, ".-", ms=2, lw=0.8, color=INK, label="seen")
    if np.isfinite(day.limit).any():
        axes.plot(days, day.limit, lw=1, ls="--", color=PALETTE[1], label="limit")
    axes.set_ylabel("series")


def _draw_probabilities(axes: Axes, day: Day, *, colours: Mapping[str, str]) -> None:
    for name, said in day.said.items():
        is_baseline = name == _BASELINE
        axes.plot(
            day.at_s / DAY_S,
            said,
            ls=":" if is_baseline else "-",
            lw=1 if is_baseline else 1.4,
            color=colours[name],
            label=name,
        )
    if day.threshold is not None:
        axes.axhline(day.threshold, color=GREY, lw=0.8, ls="--", label="alarm")
    axes.set_ylabel("probability")
    axes.set_ylim(bottom=0)


def _draw_bands(axes: Axes, day: Day, *, colours: Mapping[str, str]) -> None:
    days = day.at_s / DAY_S
    axes.plot(days, day.came, lw=2.2, color=PALE, label="what came", zorder=1)
    for name, said in day.said.items():
        if name == _BASELINE:
            continue
        axes.fill_between(
            days, said[:, 0], said[:, -1], color=colours[name], alpha=0.18, lw=0
        )
        middle = said[:, said.shape[1] // 2]
        axes.plot(days, middle, lw=1.1, color=colours[name], label=name)
    axes.set_ylabel("value")
