"""The picture of a starter's card, drawn by matplotlib: the same bytes for the same."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

Vector = npt.NDArray[np.float64]

_INCHES: Final = (10.0, 5.4)
_DPI: Final = 72
_PARTS: Final = 10
_POINTS: Final = 200
_COLOURS: Final = ("#0b62a4", "#2a9d55", "#777777", "#c05a00", "#b08900", "#8d4aa8")
_FAINT: Final = "#b02e2e"
# No program's name and no date: the file shall depend on what it shows only.
_UNSIGNED: Final = {"Software": None}


class CardSketch:
    """Draws precision over recall beside reliability."""

    def picture(
        self,
        happened: npt.NDArray[np.bool_],
        *,
        ranked: Mapping[str, Vector],
        said: Mapping[str, Vector],
    ) -> bytes:
        """Return the PNG file's bytes; see `central.ports.Sketch`."""
        figure = Figure(figsize=_INCHES, dpi=_DPI, layout="constrained")
        left, right = figure.subplots(1, 2)
        _draw_precision(left, happened, ranked)
        _draw_reliability(right, happened, said)
        for axes in (left, right):
            axes.legend(
                loc="upper center", bbox_to_anchor=(0.5, -0.13), fontsize="x-small"
            )
            axes.grid(alpha=0.3)
        content = BytesIO()
        figure.savefig(content, format="png", metadata=_UNSIGNED)
        return content.getvalue()


def _draw_precision(
    axes: Any,  # noqa: ANN401 - untyped library
    happened: npt.NDArray[np.bool_],
    ranked: Mapping[str, Vector],
) -> None:
    colours = (*_COLOURS, _FAINT)
    for place, (name, scores) in enumerate(ranked.items()):
        recall, precision = _curve(scores, happened)
        axes.plot(
            recall,
            precision,
            color=colours[place % len(colours)],
            label=name,
            linewidth=1.0 if place else 2.0,
        )
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))


def _curve(scores: Vector, happened: npt.NDArray[np.bool_]) -> tuple[Vector, Vector]:
    """Return recall and precision at some hundred alarms, ties standing together."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    hits = np.cumsum(happened[order])[last]
    recall, precision = hits / max(hits[-1], 1), hits / (last + 1)
    kept = np.unique(np.searchsorted(recall, np.linspace(0, 1, _POINTS)))
    kept = kept[kept < len(recall)]
    return recall[kept], precision[kept]


def _draw_reliability(
    axes: Any,  # noqa: ANN401 - untyped library
    happened: npt.NDArray[np.bool_],
    said: Mapping[str, Vector],
) -> None:
    highest = 0.0
    for (name, probability), colour in zip(said.items(), _COLOURS, strict=False):
        at, came = _binned(probability, happened)
        axes.plot(at, came, "o-", color=colour, label=name, markersize=4)
        highest = max([highest, *at, *came])
    axes.plot([0, highest], [0, highest], ":", color="black")
    axes.set(xlabel="probability", ylabel="share that happened")


def _binned(said: Vector, happened: npt.NDArray[np.bool_]) -> tuple[Vector, Vector]:
    """Return mean probability and rate in tenths of the range, where there are any."""
    part = np.minimum((said * _PARTS).astype(np.intp), _PARTS - 1)
    count = np.bincount(part, minlength=_PARTS)
    kept = count > 0
    at = np.bincount(part, said, _PARTS)[kept] / count[kept]
    came = np.bincount(part, happened.astype(np.float64), _PARTS)[kept] / count[kept]
    return at, came
