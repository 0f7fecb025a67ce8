"""The live line: what is predicted, what came of it, what it costs."""

from datetime import datetime

from agent.core.moment import Moment, OutcomeKind, Resolved, Role
from agent.core.scorecard import Scorecard
from agent.core.skill import skill
from agent.flows.tick import TickResult
from agent.ports import OwnCost


class LiveLine:
    """Adds up what the ticks of one run came to, and tells it in one calm line."""

    def __init__(self) -> None:
        self._resolved = 0
        self._happened = 0
        self._latest: dict[str, dict[str, float]] = {}
        self._events: set[str] = set()
        self._card = Scorecard()
        self._started: tuple[datetime, float] | None = None

    def take(self, result: TickResult, cost: OwnCost) -> str:
        """Take in a tick and return the line as it is now.

        Args:
            result: What the tick came to.
            cost: Of this process until now; the CPU share is since the first tick.
        """
        if self._started is None:
            self._started = result.at, cost.cpu_s
        for moment in result.moments:
            self._latest.setdefault(moment.task, {})[moment.entity] = _spoken(moment)
            if moment.limit is not None:
                self._events.add(moment.task)
        for each in result.resolved:
            self._resolve(each)
        parts = [
            f"{result.at:%H:%M:%S}",
            "  ".join(map(self._task, self._latest)) or "no prediction yet",
            f"{result.open} open, {self._resolved} came due, {self._happened} happened",
            self._quality(),
            self._own(result.at, cost),
        ]
        return " | ".join(part for part in parts if part)

    def _resolve(self, each: Resolved) -> None:
        if each.outcome.kind is OutcomeKind.VOID:
            return
        happened = each.outcome.kind is OutcomeKind.HAPPENED
        self._resolved += 1
        self._happened += happened
        active, baseline = each.moment.by(Role.ACTIVE), each.moment.by(Role.BASELINE)
        if active and baseline and each.outcome.kind is not OutcomeKind.VALUE:
            self._card.add_event(
                active.values[0],
                baseline=baseline.values[0],
                happened=happened,
                threshold=1.0,
                lead_s=0.0,
            )

    def _task(self, name: str) -> str:
        """Return the most worrying entity's number, and of how many it is the one."""
        found = self._latest[name]
        entity = max(found, key=lambda each: found[each])
        number = found[entity]
        shown = _percent(number) if name in self._events else f"{number:.4g}"
        of = f" ({entity}, worst of {len(found)})" if len(found) > 1 else ""
        return f"{name} {shown}{of}"

    def _quality(self) -> str:
        known = skill(self._card)
        if known.brier is None or known.baseline_brier is None:
            return ""
        return f"Brier {known.brier:.4f}, baseline {known.baseline_brier:.4f}"

    def _own(self, now: datetime, cost: OwnCost) -> str:
        began, cpu_s = self._started or (now, cost.cpu_s)
        lasted_s = (now - began).total_seconds()
        share = (
            f"{100 * (cost.cpu_s - cpu_s) / lasted_s:.1f} % CPU, "
            if lasted_s > 0
            else ""
        )
        return f"own {share}{cost.rss_bytes / 1e6:.0f} MB"


def _spoken(moment: Moment) -> float:
    """Return what is acted upon: a probability, or a value's middle quantile."""
    speaks = moment.by(Role.ACTIVE) or moment.by(Role.BASELINE)
    return speaks.values[len(speaks.values) // 2] if speaks else float("nan")


def _percent(probability: float) -> str:
    percent = 100 * probability
    return f"{percent:.1f} %" if percent < 10 else f"{percent:.0f} %"  # noqa: PLR2004


def clipped(line: str, *, width: int) -> str:
    """Return at most `width` characters of the line."""
    return line if len(line) <= width else f"{line[: width - 3]}..."
