"""The pace of the courier's rounds: when it goes next, by how it came back.

Hosts must not come together: not after an update of the whole fleet has started them
together, and not when a central that was away is back. A round sends one report, and
while more wait rounds come twice as often, so after an outage of any length central
hears little more than twice what it hears on a usual day.
"""

from dataclasses import dataclass
from typing import Final

from agent.core.backoff import beat_s, delay_s, rest_s

MOST_A_ROUND: Final = 1
_HOUR_S: Final = 3600.0
_BASE_S: Final = 60.0
_EARLIEST: Final = 0.85
# Longer than a day no server's word keeps a host silent.
_LONGEST_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """How the last round came out.

    Attributes:
        every_s: How often a round is due.
        failures: How many in a row went wrong.
        after_s: How long central asks to be left alone.
        has_backlog: Whether more waits than the round could send.
        is_first: Whether there was none since the daemon started.
    """

    every_s: float
    failures: int = 0
    after_s: float = 0.0
    has_backlog: bool = False
    is_first: bool = False


def update_wait_s(last: Round, *, draw: float) -> float:
    """Return the seconds until releases are looked for again.

    After failures that is drawn from ever longer spans, an hour at the longest, or what
    is configured: an update that a host waits for must not come a day late.
    """
    if not last.failures:
        return beat_s(last.every_s, draw=draw)
    cap_s = max(last.every_s, _HOUR_S)
    return delay_s(last.failures, base_s=_BASE_S, cap_s=cap_s, draw=draw)


def report_wait_s(last: Round, *, draw: float) -> float:
    """Return the seconds until the next report.

    A daemon's first one comes when it would have, had the host always reported: so
    hosts that began together are spread over a whole span at once. Hosts that failed
    together are spread over two, for nobody waits for a report, and trying in vain is
    then no more frequent than reporting. A backlog goes at twice the usual pace on the
    mean, one by one and spread, for many have one when central is back. What central
    asks for comes on top, up to a day.

    Args:
        last: How the last round came out.
        draw: Drawn from 0..1, each number as likely.
    """
    every_s = last.every_s
    if last.failures:
        asked_s, cap_s = min(last.after_s, _LONGEST_S), max(2 * every_s, _HOUR_S)
        return asked_s + delay_s(last.failures, base_s=every_s, cap_s=cap_s, draw=draw)
    if last.has_backlog:
        return every_s * (0.25 + draw / 2)
    return rest_s(every_s, draw=draw) if last.is_first else beat_s(every_s, draw=draw)


def is_due(every_s: float, *, since_s: float | None) -> bool:
    """Return whether another report is to be cut.

    A round may come a tenth early, and while one waits for central more often than
    that: what a host says is cut at its own pace.

    Args:
        every_s: How often it reports.
        since_s: How long ago the last one was cut; below 0, the clock went back. None:
            none was.
    """
    return since_s is None or since_s < 0 or since_s >= _EARLIEST * every_s
