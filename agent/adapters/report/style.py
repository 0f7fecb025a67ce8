"""What all figures of the page share: colours, axes of time, turns, and plain SVG.

The same story gives the same bytes: no date, no random names. Text stays text, so that
a reader can search and copy it. The colours are those of Okabe and Ito, which people
tell apart however they see colours; lines differ in their dashes, too.
"""

import io
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from html import escape
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from agent.core.story import TaskStory

PALETTE: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GREY, INK, PALE = "#6b6b6b", "#222222", "#d9d9d9"
WIDTH_IN: Final = 10.0
DAY_S: Final = 86_400.0
_OWN_COLOURS: Final = {"baseline": GREY, "what came": INK}
# Names of turns that are nearer to each other than this share of the picture's width
# stand in one line.
_NEAR: Final = 1 / 70
_STYLE: Final[Mapping[str, object]] = {
    "date.converter": "concise",
    "svg.fonttype": "none",
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans", "Verdana"],
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}
_NAMELESS = re.compile(r' id="[A-Za-z0-9.]+_\d+"')


def style(salt: str) -> AbstractContextManager[None]:
    """Return a context in which figures look alike; all names come from the salt."""
    settings: dict[Any, Any] = {**_STYLE, "svg.hashsalt": salt}
    return mpl.rc_context(settings)


def colours_of(story: TaskStory) -> Mapping[str, str]:
    """Return one colour a forecaster, the same in every figure of a task."""
    labels = dict.fromkeys(
        label
        for label in (
            *(tenure.label for tenure in story.tenures),
            *(curve.label for curve in story.curves),
            *(each.label for each in story.calibrations),
        )
        if label not in _OWN_COLOURS
    )
    own = {label: PALETTE[n % len(PALETTE)] for n, label in enumerate(labels)}
    return {**own, **_OWN_COLOURS}


def draw_marks(axes: Axes, story: TaskStory, *, is_named: bool = False) -> None:
    """Draw a line at each turn, with what it was if `is_named`."""
    near_s = _NEAR * (story.ends_s - story.begins_s)
    place_s, names = -np.inf, ""
    named: dict[float, str] = {}
    for mark in story.marks:
        axes.axvline(mark.at_s / DAY_S, color=INK, linewidth=0.7, alpha=0.6)
        is_near = mark.at_s - place_s < near_s
        place_s = place_s if is_near else mark.at_s
        names = f"{names}, {mark.label}" if is_near else mark.label
        named[place_s] = names
    for at_s, words in named.items() if is_named else ():
        _write_upright(axes, words, day=at_s / DAY_S)


def _write_upright(axes: Axes, words: str, *, day: float) -> None:
    axes.annotate(
        words,
        (day, 1),
        xycoords=("data", "axes fraction"),
        xytext=(-2, -2),
        textcoords="offset points",
        rotation=90,
        fontsize=7,
        color=INK,
        ha="right",
        va="top",
        parse_math=False,
        bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.5},
    )


def name_lines(axes: Axes, *, over: int) -> None:
    """Put the names above the picture, where they hide nothing."""
    if over:
        legend = axes.legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=min(over, 4), fontsize=8
        )
        for text in legend.get_texts():
            text.set_parse_math(False)


def draw_time(axes: Axes, story: TaskStory) -> None:
    """Let the axis tell dates, UTC, over all that was lived through."""
    axes.xaxis_date("UTC")
    axes.set_xlim(story.begins_s / DAY_S, story.ends_s / DAY_S)


def svg_of(figure: Figure, words: str) -> str:
    """Return a figure as an SVG element; `words` are for who cannot see it."""
    written = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(written, format="svg", metadata=nothing)
    text = written.getvalue()
    # Names that nothing refers to would stand twice in a page of many figures.
    text = _NAMELESS.sub("", text[text.index("<svg ") :])
    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(words)}" ', 1)
