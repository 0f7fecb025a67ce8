"""The picture of a value's card, drawn by matplotlib: the same bytes for the same."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure

from agent.core.answers import Answers

_INCHES: Final = (9.6, 4.2)
_DPI: Final = 80
_DAY_S: Final = 86400.0
_HOUR_S: Final = 3600.0
_WANTED: Final = (0.75, 0.85)
_MODEL, _CAME, _FAINT = "#0b62a4", "#c05a00", "#777777"
# No program's name and no date: the file shall depend on what it shows only.
_UNSIGNED: Final = {"Software": None}


class BandPlots:
    """Draws a day of the first host beside how often the band held on every host."""

    def picture(self, hosts: Sequence[Answers], *, release: str) -> bytes:
        """Return the PNG file's bytes; see `central.ports.values.BandSketch`."""
        told = [each for each in hosts if len(each)]
        figure = Figure(figsize=_INCHES, dpi=_DPI, layout="constrained")
        left, right = figure.subplots(1, 2)
        _draw_day(left, told[0], release)
        _draw_coverage(right, told, release)
        for axes in (left, right):
            axes.legend(fontsize="x-small")
            axes.grid(alpha=0.3)
        content = BytesIO()
        figure.savefig(content, format="png", metadata=_UNSIGNED)
        return content.getvalue()


def _draw_day(
    axes: Any,  # noqa: ANN401 - untyped library
    host: Answers,
    release: str,
) -> None:
    """Draw the last day that is known of a host."""
    is_last = host.at_s >= host.at_s[-1] - _DAY_S
    hours = (host.at_s[is_last] - host.at_s[-1]) / _HOUR_S
    said = host.said[release][is_last]
    middle = said[:, said.shape[1] // 2]
    axes.fill_between(
        hours, said[:, 0], said[:, -1], color=_MODEL, alpha=0.2, label="band"
    )
    axes.plot(hours, middle, color=_MODEL, label="middle")
    axes.plot(hours, host.outcome[is_last], color=_CAME, linewidth=0.8, label="came")
    axes.axhline(0, color=_FAINT, linewidth=0.8)
    axes.set_title(f"{host.host}, its last day", fontsize="small")
    axes.set_xlabel("hours before its end")
    axes.set_ylabel("change")


def _draw_coverage(
    axes: Any,  # noqa: ANN401 - untyped library
    hosts: Sequence[Answers],
    release: str,
) -> None:
    held = [_coverage(each, release) for each in hosts]
    place = np.arange(len(hosts))
    axes.axvspan(*_WANTED, color=_FAINT, alpha=0.15, label="wanted")
    axes.plot(held, place, "o", color=_MODEL, label="inside the band")
    axes.set_yticks(place, [each.host for each in hosts], fontsize="x-small")
    axes.invert_yaxis()
    axes.set_xlim(0.5, 1.0)
    axes.set_title("how often the band held, host by host", fontsize="small")
    axes.set_xlabel("share of the moments")


def _coverage(host: Answers, release: str) -> float:
    said = host.said[release]
    is_inside = (said[:, 0] <= host.outcome) & (host.outcome <= said[:, -1])
    return float(is_inside.mean())
