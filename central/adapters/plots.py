"""Pictures of a model card, drawn by matplotlib: the same bytes for the same exam."""

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from central.core.exam import BASELINE, CURRENT, RETRAINED, Paper
from central.ports.learning import Picture

Vector = npt.NDArray[np.float64]

_INCHES: Final = (6.0, 4.0)
_DPI: Final = 100
_BINS: Final = 10
_MOST_FEATURES: Final = 15
_LONGEST_NAME: Final = 60
_COLOURS: Final = {RETRAINED: "#0b62a4", CURRENT: "#c05a00", BASELINE: "#777777"}
# No program's name and no date: the file shall depend on what it shows only.
_UNSIGNED: Final = {"Software": None}


class Plots:
    """Draws the pictures of an exam."""

    def pictures(
        self, paper: Paper, *, weights: Mapping[str, float], threshold: float | None
    ) -> dict[str, Picture]:
        """Return the pictures of an exam, by the name of their files.

        Args:
            paper: What each forecaster said, and what came.
            weights: How much worse the retrained one is without each feature.
            threshold: From which probability on it alarms; None: of a value.
        """
        found = {"features.png": _features(weights)}
        if threshold is None:
            return {"quantiles.png": _quantiles(paper)} | found
        return {
            "reliability.png": _reliability(paper),
            "precision-recall.png": _precision_recall(paper),
            "scores.png": _scores(paper, threshold),
        } | found


def _drawn(
    words: str, *, across: str, up: str, draw: Callable[[Any], object]
) -> Picture:
    """Return a picture of one plot, `draw` putting into it what it shows."""
    figure = Figure(figsize=_INCHES, dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    draw(axes)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize="small")
    content = BytesIO()
    figure.savefig(content, format="png", metadata=_UNSIGNED)
    return Picture(words=words, content=content.getvalue())


def _reliability(paper: Paper) -> Picture:
    rows = paper.rows

    def draw(axes: Any) -> None:  # noqa: ANN401 - untyped library
        highest = 0.0
        for name, said in paper.said.items():
            there = np.isfinite(said[:, 0])
            at, came = _binned(
                said[there, 0], rows.label[there], weight=rows.weight[there]
            )
            axes.plot(at, came, "o-", color=_COLOURS[name], label=name)
            highest = max([highest, *at, *came])
        axes.plot([0, highest], [0, highest], ":", color="black")

    return _drawn(
        "Reliability: of the moments with this probability, how many it came at",
        across="probability",
        up="share that happened",
        draw=draw,
    )


def _binned(said: Vector, label: Vector, *, weight: Vector) -> tuple[Vector, Vector]:
    """Return mean probability and rate in tenths of the moments, by probability."""
    order = np.argsort(said, kind="stable")
    mass = np.cumsum(weight[order])
    part = np.minimum((_BINS * mass / mass[-1:]).astype(np.intp), _BINS - 1)
    total = np.bincount(part, weight[order], _BINS)
    kept = total > 0
    at = np.bincount(part, (weight * said)[order], _BINS)[kept] / total[kept]
    came = np.bincount(part, (weight * label)[order], _BINS)[kept] / total[kept]
    return at, came


def _precision_recall(paper: Paper) -> Picture:
    rows = paper.rows

    def draw(axes: Any) -> None:  # noqa: ANN401 - untyped library
        for name, said in paper.said.items():
            there = np.isfinite(said[:, 0])
            order = np.argsort(-said[there, 0], kind="stable")
            hits = np.cumsum((rows.weight * rows.label)[there][order])
            alarms = np.cumsum(rows.weight[there][order])
            if len(hits) and hits[-1]:
                recall = hits / hits[-1]
                axes.step(recall, hits / alarms, color=_COLOURS[name], label=name)
        axes.set_ylim(0, 1.02)

    return _drawn(
        "Precision and recall at every threshold",
        across="recall",
        up="precision",
        draw=draw,
    )


def _scores(paper: Paper, threshold: float) -> Picture:
    rows, said = paper.rows, paper.said[RETRAINED][:, 0]

    def draw(axes: Any) -> None:  # noqa: ANN401 - untyped library
        bins = np.linspace(0, max(said.max(), threshold) * 1.02, 41)
        for happened, name in ((False, "did not happen"), (True, "happened")):
            among = (rows.label > 0) == happened
            axes.hist(
                said[among],
                bins=bins,
                weights=rows.weight[among],
                alpha=0.6,
                label=name,
            )
        axes.axvline(threshold, linestyle="--", color="black", label="alarm")
        axes.set_yscale("log")

    return _drawn(
        "What the release says, where it happened and where it did not",
        across="probability",
        up="moments",
        draw=draw,
    )


def _quantiles(paper: Paper) -> Picture:
    rows = paper.rows

    def draw(axes: Any) -> None:  # noqa: ANN401 - untyped library
        for name, said in paper.said.items():
            there = np.isfinite(said).all(axis=1)
            if there.any():
                below = rows.label[there, None] <= said[there]
                share = np.average(below, axis=0, weights=rows.weight[there])
                axes.plot(share, "o-", color=_COLOURS[name], label=name)
        axes.set_ylim(0, 1)

    return _drawn(
        "Share of the values below each quantile",
        across="quantile, from the lowest",
        up="share below",
        draw=draw,
    )


def _features(weights: Mapping[str, float]) -> Picture:
    largest = list(weights.items())[:_MOST_FEATURES][::-1]
    names = [_short(name) for name, _ in largest]

    def draw(axes: Any) -> None:  # noqa: ANN401 - untyped library
        places = np.arange(len(largest))
        axes.barh(places, [share for _, share in largest], color=_COLOURS[RETRAINED])
        axes.set_yticks(places, names, fontsize=6)

    return _drawn(
        "By which share the loss grows as a feature is shuffled",
        across="growth of the loss",
        up="",
        draw=draw,
    )


def _short(name: str) -> str:
    # matplotlib takes text between dollars for a formula.
    shown = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
    return shown.replace("$", r"\$")
