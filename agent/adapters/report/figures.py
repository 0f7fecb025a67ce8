"""The figures of the page: line-up and forecasts, the guard's evidence, calibration."""

from collections.abc import Iterable, Mapping, Sequence
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
    colours_of,
    draw_marks,
    draw_time,
    name_lines,
    style,
    svg_of,
)
from agent.core.story import Calibration, Curve, TaskStory, Tenure, Trail

_DASHES: Final = ("-", "--", "-.", ":")
_THESIS_DASHES: Final = {"worse": "-", "not worse": "--", "better": ":"}
# Evidence below 1 is none, and how far below tells nothing; nor does how far above
# the threshold it went.
_LEAST_EVIDENCE: Final = 1e-2
_MOST: Final = 1e2
# Where nearly all probabilities are below this, only a logarithmic axis tells them
# apart; it ends where the log loss is clipped.
_RARE: Final = 0.05
_LEAST_PROBABILITY: Final = 1e-3


def scores_svg(story: TaskStory) -> str:
    """Draw who was at work, what each forecaster said, and what came."""
    colours = colours_of(story)
    roles = list(dict.fromkeys(tenure.role for tenure in story.tenures))
    heights = [0.3 * max(len(roles), 1), 3.2, *([0.22] if story.is_event else [])]
    with style(f"scores {story.name}"):
        figure = Figure(figsize=(WIDTH_IN, 0.6 + sum(heights)))
        band, main, *rugs = figure.subplots(
            len(heights), 1, sharex=True, height_ratios=heights
        )
        _draw_band(band, story.tenures, roles=roles, colours=colours)
        least = _LEAST_PROBABILITY if _is_rare(story) else -np.inf
        for curve in story.curves:
            _draw_curve(main, curve, colour=colours[curve.label], least=least)
        draw_marks(main, story)
        _score_axis(main, story)
        name_lines(main, over=len(story.curves))
        for rug in rugs:
            _draw_rug(rug, story)
        draw_time(main, story)
        return svg_of(figure, f"What was forecast for {story.name}, and what came")


def evidence_svg(story: TaskStory) -> str:
    """Draw what each of the guard's questions came to."""
    colours = colours_of(story)
    thresholds = sorted({trail.threshold for trail in story.trails})
    with style(f"evidence {story.name}"):
        figure = Figure(figsize=(WIDTH_IN, 4.2))
        axes = figure.subplots()
        for trail in story.trails:
            _draw_trail(axes, trail, colours=colours, most=_MOST * thresholds[-1])
        for threshold in thresholds:
            _draw_threshold(axes, threshold, at_s=story.ends_s)
        axes.set_yscale("log")
        axes.set_ylim(_LEAST_EVIDENCE / 2, 2 * _MOST * thresholds[-1])
        axes.set_ylabel("evidence (e-value)")
        draw_marks(axes, story, is_named=True)
        name_lines(axes, over=len(story.trails))
        draw_time(axes, story)
        return svg_of(figure, f"The guard's evidence on {story.name}")


def calibration_svg(story: TaskStory) -> str:
    """Draw what was said against what came, and how often it was said."""
    colours = colours_of(story)
    with style(f"calibration {story.name}"):
        figure = Figure(figsize=(WIDTH_IN, 3.6))
        left, right = figure.subplots(1, 2, width_ratios=[1, 1.2])
        left.plot([0, 1], [0, 1], color=PALE, linewidth=1, zorder=0)
        for number, each in enumerate(story.calibrations):
            colour = colours.get(each.label, PALETTE[number % len(PALETTE)])
            dash = _DASHES[number % len(_DASHES)]
            left.plot(
                each.said, each.came, dash, marker="o", ms=4, lw=1.2, color=colour
            )
            _draw_counts(right, each, number=number, story=story, colour=colour)
        left.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        said = "said" if story.is_event else "quantile level"
        left.set(xlabel=said, ylabel="came true" if story.is_event else "covered")
        right.set(xlabel=said, ylabel="predictions", yscale="log", xlim=(-0.02, 1.02))
        right.set_ylim(bottom=0.7)
        name_lines(right, over=len(story.calibrations))
        return svg_of(figure, f"Calibration of the forecasts of {story.name}")


def _draw_band(
    axes: Axes,
    tenures: Iterable[Tenure],
    *,
    roles: Sequence[str],
    colours: Mapping[str, str],
) -> None:
    for each in tenures:
        place = -roles.index(each.role)
        left, right = each.begins_s / DAY_S, each.ends_s / DAY_S
        colour = colours[each.label]
        axes.barh(place, right - left, left=left, height=0.8, color=colour)
        axes.text(
            (left + right) / 2,
            place,
            each.label,
            color="white",
            fontsize=8,
            ha="center",
            va="center",
            clip_on=True,
            parse_math=False,
        )
    axes.set_yticks([-n for n in range(len(roles))], roles)
    axes.tick_params(length=0, labelbottom=False)
    axes.spines[:].set_visible(False)


def _draw_curve(axes: Axes, curve: Curve, *, colour: str, least: float) -> None:
    days = curve.at_s / DAY_S
    mean, highest = curve.mean.clip(least), curve.highest.clip(least)
    if colour == INK:
        # What came lies beneath what was said of it.
        axes.plot(days, mean, lw=2.2, color=PALE, label=curve.label, zorder=1)
        return
    pale = 0.1 if colour == GREY else 0.18
    axes.fill_between(days, mean, highest, color=colour, alpha=pale, linewidth=0)
    axes.plot(days, highest, lw=0.4, color=colour, alpha=2 * pale)
    dash = ":" if colour == GREY else "-"
    axes.plot(days, mean, dash, lw=1.0, color=colour, label=curve.label)


def _is_rare(story: TaskStory) -> bool:
    means = np.concatenate([curve.mean for curve in story.curves])
    return story.is_event and float(np.nanquantile(means, 0.99)) < _RARE


def _score_axis(axes: Axes, story: TaskStory) -> None:
    if not story.is_event:
        axes.set_ylabel("value")
    elif _is_rare(story):
        axes.set_yscale("log")
        axes.set_ylim(0.8 * _LEAST_PROBABILITY, 1.3)
        axes.set_ylabel(f"probability (log axis from {_LEAST_PROBABILITY:g})")
    else:
        axes.set_ylim(-0.02, 1.02)
        axes.set_ylabel("probability")


def _draw_rug(axes: Axes, story: TaskStory) -> None:
    days = [at_s / DAY_S for at_s in story.came]
    axes.vlines(days, 0, 1, color=INK, linewidth=0.6)
    axes.set_yticks([0.5], ["came true"])
    axes.set_ylim(0, 1)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _draw_trail(
    axes: Axes, trail: Trail, *, colours: Mapping[str, str], most: float
) -> None:
    is_against_baseline = trail.reference == "baseline"
    axes.plot(
        trail.at_s / DAY_S,
        trail.e_values.clip(_LEAST_EVIDENCE, most),
        linestyle=_THESIS_DASHES[trail.thesis],
        color=colours.get(trail.release, INK),
        linewidth=0.9 if is_against_baseline else 1.7,
        label=f"{trail.release} {trail.thesis} than {trail.reference}",
    )


def _draw_threshold(axes: Axes, threshold: float, *, at_s: float) -> None:
    axes.axhline(threshold, color=GREY, linewidth=0.8, linestyle="--")
    axes.annotate(
        f"{threshold:g}",
        (at_s / DAY_S, threshold),
        xytext=(3, 0),
        textcoords="offset points",
        color=GREY,
        fontsize=8,
        va="center",
        annotation_clip=False,
    )


def _draw_counts(
    axes: Axes, each: Calibration, *, number: int, story: TaskStory, colour: str
) -> None:
    """Draw bars beside each other, one a forecaster; probabilities by their tenth."""
    width = 0.08 / len(story.calibrations)
    aside = -0.04 + (number + 0.5) * width
    centres = [
        (min(int(10 * said), 9) + 0.5) / 10 if story.is_event else said
        for said in each.said
    ]
    places = [centre + aside for centre in centres]
    axes.bar(places, each.counts, width=width, color=colour, label=each.label)
