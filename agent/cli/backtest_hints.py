"""What `forewarn backtest` says of recordings that can be read in another way."""

from collections.abc import Iterator, Sequence
from typing import Final

from agent.core.expression import series_of
from agent.core.target import EventTarget
from agent.flows.backtest import Contest
from agent.wiring.backtest import Heard

# So recorders call the highest reading within a step, beside the step's mean.
_PEAKS: Final = ".max"


def unseen_peaks(contests: Sequence[Contest], parts: Sequence[Heard]) -> Iterator[str]:
    """Yield which columns of readings are not looked at, and how they could be.

    Told where a task holds single readings against a limit that is fixed: of the means
    it sees few events.
    """
    for series in _fixed(contests):
        peaks = f"{series}{_PEAKS}"
        beside = [part.host for part in parts if {series, peaks} <= set(part.columns)]
        if beside:
            yield (
                f"{beside[0]}{others(len(beside))}: {peaks} is not looked at; to judge "
                f"its readings in place of the means: --rename {series}={series}.mean "
                f"--rename {peaks}={series}"
            )


def others(hosts: int) -> str:
    """Return how many hosts there are beside the one that is named."""
    more = hosts - 1
    if not more:
        return ""
    return f" (and {more} other {'host' if more == 1 else 'hosts'})"


def _fixed(contests: Sequence[Contest]) -> list[str]:
    """Return the series whose single readings are held against a limit of no past."""
    targets = [each.manifest.target for each in contests]
    events = [each for each in targets if isinstance(each, EventTarget)]
    fixed = [each for each in events if not series_of(each.condition.limit)]
    return list(dict.fromkeys(str(each.series) for each in fixed))
