"""Durations and sizes as people write them: `90s`, `15m`, `256MB`."""

import math
import re
from collections.abc import Mapping

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
_NUMBER_AND_UNIT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)")


def duration_s(text: str) -> float:
    """Return the seconds that `text` means, such as `10s` or `1.5h`.

    Raises:
        ValueError: `text` is not a number with one of the units ms, s, m, h, d.
    """
    return _scaled(text, units=_SECONDS, example="10s")


def size_bytes(text: str) -> int:
    """Return the bytes that `text` means, such as `256MB` or `64KiB`.

    Raises:
        ValueError: `text` is not a number with one of the units B to GiB.
    """
    return round(_scaled(text, units=_BYTES, example="256MB"))


def duration_text(seconds: float) -> str:
    """Return `seconds` in the largest units that a person reads at a glance.

    At most two units: `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
    """
    if seconds < 1:
        return f"{seconds:.1f} s"
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    rest = round(seconds)
    parts: list[str] = []
    for name, size in units:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {name}")
        elif parts:
            break
    return " ".join(parts[:2])


def size_text(size: float) -> str:
    """Return `size` bytes with a decimal unit and at most one decimal: `1.3 MB`."""
    for unit in ("B", "kB", "MB"):
        if abs(size) < 1000:  # noqa: PLR2004 - the step of the decimal units
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _scaled(text: str, *, units: Mapping[str, float], example: str) -> float:
    match = _NUMBER_AND_UNIT.fullmatch(text.strip())
    if match is None or match[2] not in units:
        raise ValueError(
            f'expected a number and a unit ({", ".join(units)}) such as "{example}", '
            f'got "{text}"'
        )
    scaled = float(match[1]) * units[match[2]]
    if not math.isfinite(scaled):
        raise ValueError(f'expected a smaller number, got "{text[:20]}..."')
    return scaled
