"""Tables as Markdown spells them, and figures as tables do."""

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells lose line breaks, and a bar in one is no border."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def number(value: float | None, digits: int = 2) -> str:
    """Return a figure; a dash where nothing can be said."""
    return "-" if value is None else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = 2) -> str:
    """Return a difference."""
    return "-" if value is None else f"{value:+.{digits}f}"


def bounds(found: Sequence[float | None], digits: int = 2) -> str:
    """Return a figure with the ends of its interval, where it has them."""
    value, low, high = found
    if low is None:
        return number(value, digits)
    return f"{number(value, digits)} ({number(low, digits)}..{number(high, digits)})"


def signed_bounds(found: Sequence[float | None]) -> str:
    """Return a difference with the ends of its interval, where it has them."""
    value, low, high = found
    if low is None:
        return signed(value)
    return f"{signed(value)} ({signed(low)}..{signed(high)})"


def percent(share: float) -> str:
    """Return a share in percent."""
    return f"{100 * share:.1f} %"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")
