"""The live line: what is predicted, what came of it, what it costs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from agent.core.moment import Moment, OutcomeKind, Resolved, Role
from agent.core.scorecard import Scorecard
from agent.core.skill import skill
from agent.flows.tick import TickResult
from agent.ports import OwnCost

# The same in more and in fewer words; the first that fits a terminal is shown.
Line: TypeAlias = Sequence[str]
_CUT = "..."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Forecast:
    """What a task said last.

    Attributes:
        text: Its name, the entity if it has several, and the number.
        chance: The highest probability; None for a task that predicts values.
    """

    text: str
    chance: float | None


class LiveLine:
    """Adds up what the ticks of one run came to, and tells it in one calm line."""

    def __init__(self) -> None:
        self._outcomes: Counter[OutcomeKind] = Counter()
        self._latest: dict[str, _Forecast] = {}
        self._card = Scorecard()
        self._started: tuple[datetime, float] | None = None

    def take(self, result: TickResult, cost: OwnCost) -> Line:
        """Take in a tick and return the line as it is now, for `clipped`.

        Args:
            result: What the tick came to.
            cost: Of this process until now; the CPU share is since the first tick.
        """
        if self._started is None:
            self._started = result.at, cost.cpu_s
        for name in dict.fromkeys(moment.task for moment in result.moments):
            self._latest[name] = _forecast(
                [m for m in result.moments if m.task == name]
            )
        for each in result.resolved:
            self._count(each)
        time, counts = f"{result.at:%H:%M:%S}", self._counts(result.open)
        quality, own = self._quality(), self._own(result.at, cost)
        every, worst = self._every(), self._worst()
        return [
            _joined(time, every, counts, quality, own),
            _joined(time, worst, counts, quality, own),
            _joined(time, worst, counts, quality),
            _joined(time, worst, counts),
            _joined(time, worst),
        ]

    def _count(self, each: Resolved) -> None:
        kind = each.outcome.kind
        self._outcomes[kind] += 1
        active, baseline = each.moment.by(Role.ACTIVE), each.moment.by(Role.BASELINE)
        is_event = kind in {OutcomeKind.HAPPENED, OutcomeKind.DID_NOT}
        if active and baseline and is_event:
            self._card.add_event(
                active.values[0],
                baseline=baseline.values[0],
                happened=kind is OutcomeKind.HAPPENED,
                threshold=1.0,
                lead_s=0.0,
            )

    def _every(self) -> str:
        """Return all tasks by name: each keeps its place, so the eye finds it."""
        texts = (self._latest[name].text for name in sorted(self._latest))
        return "  ".join(texts) or "no prediction yet"

    def _worst(self) -> str:
        """Return the task with the highest probability."""
        known = [self._latest[name] for name in sorted(self._latest)]
        chances = [each for each in known if each.chance is not None]
        if len(known) == 1 or not chances:
            return self._every()
        return f"highest: {max(chances, key=_chance_of).text}"

    def _counts(self, still_open: int) -> str:
        void = self._outcomes[OutcomeKind.VOID]
        return (
            f"{still_open} open, {self._outcomes.total() - void} resolved, "
            f"{self._outcomes[OutcomeKind.HAPPENED]} happened"
            f"{f', {void} void' if void else ''}"
        )

    def _quality(self) -> str:
        known = skill(self._card)
        if known.brier is None or known.baseline_brier is None:
            return ""
        return f"Brier {known.brier:.4f}, baseline {known.baseline_brier:.4f}"

    def _own(self, now: datetime, cost: OwnCost) -> str:
        began, cpu_s = self._started or (now, cost.cpu_s)
        lasted_s = (now - began).total_seconds()
        memory = f"{cost.rss_bytes / 1e6:.0f} MB"
        if lasted_s <= 0:
            return f"own {memory}"
        return f"own {100 * (cost.cpu_s - cpu_s) / lasted_s:.1f} % CPU, {memory}"


def clipped(line: Line, *, width: int) -> str:
    """Return the most that fits into `width` columns.

    What a terminal would obey instead of show is escaped.
    """
    shown = [_printable(each) for each in line]
    least = shown[-1]
    cut = f"{least[: max(0, width - len(_CUT))]}{_CUT}"[: max(0, width)]
    return next((each for each in shown if len(each) <= width), cut)


def _forecast(moments: Sequence[Moment]) -> _Forecast:
    """Return what a task says of its most worrying entity."""
    scored = [(values, m) for m in moments if (values := _values(m))]
    if not scored:
        return _Forecast(text=f"{moments[0].task} -", chance=None)
    values, moment = max(scored, key=lambda each: each[0][0])
    of = f" {moment.entity}" if len(moments) > 1 else ""
    is_event = moment.limit is not None
    middle = values[len(values) // 2]
    number = _percent(values[0]) if is_event else f"{middle:.4g}"
    return _Forecast(
        text=f"{moment.task}{of} {number}", chance=values[0] if is_event else None
    )


def _values(moment: Moment) -> tuple[float, ...]:
    speaks = moment.by(Role.ACTIVE) or moment.by(Role.BASELINE)
    return speaks.values if speaks else ()


def _chance_of(forecast: _Forecast) -> float:
    return forecast.chance or 0.0


def _joined(*parts: str) -> str:
    return " | ".join(part for part in parts if part)


def _percent(probability: float) -> str:
    percent = 100 * probability
    return f"{percent:.1f} %" if percent < 10 else f"{percent:.0f} %"  # noqa: PLR2004


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
