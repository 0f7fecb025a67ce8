"""Commits: when what is known must be on disk, and what came of writing it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from agent.core.event import Event, EventName, Field
from agent.core.moment import Moment, Resolved
from agent.core.turn import Turn
from agent.errors import StateError
from agent.ports import Ledger, Standing


class Commits:
    """Writes through the ledger; what cannot be written is held back, and told once.

    Attributes:
        cannot_commit: Whether the last commit failed: what is held back exists nowhere
            else.
        has_begun: Whether there was any.
        noted: Events from outside, to be kept with the next tick.
        turning: Tasks whose releases are to turn with the next commit that succeeds.

    Args:
        ledger: Where ticks are kept.
        every_s: Quiet ticks share a commit for so long.
    """

    def __init__(self, ledger: Ledger, *, every_s: float) -> None:
        self.cannot_commit = False
        self.noted: list[Event] = []
        self.turning: set[str] = set()
        self._ledger = ledger
        self._every = timedelta(seconds=every_s)
        self._committed_at: datetime | None = None
        self._turns: list[Turn] = []
        self._heard: set[tuple[str, str]] = set()

    @property
    def has_begun(self) -> bool:
        """Whether anything was committed, or tried to be."""
        return self._committed_at is not None

    def decide(self, turns: Iterable[Turn]) -> None:
        """Let turns come to pass with the next commit."""
        for turn in turns:
            self._turns.append(turn)
            self.turning.add(turn.task)

    def is_due(
        self,
        now: datetime,
        *,
        moments: Iterable[Moment],
        resolved: Iterable[Resolved],
        is_news: bool,
    ) -> bool:
        """Return whether a tick must be on disk at once, or the last is long ago.

        At once: the first tick of a run, whatever is news or turns a line-up, and what
        a newcomer waits for: a task's first prediction and first outcome of this run.
        """
        heard = {("moment", moment.task) for moment in moments}
        heard |= {("outcome", each.moment.task) for each in resolved}
        is_first = not heard <= self._heard
        self._heard |= heard
        if self._committed_at is None or is_news or is_first or self._turns:
            return True
        return now - self._committed_at >= self._every

    def commit(self, standing: Standing, *, now: datetime) -> list[Event]:
        """Write everything up to now; return what came to pass or went wrong.

        Args:
            standing: What holds now; turns that were decided before go first.
            now: The present.
        """
        self.decide(standing.turns)
        turns, self._turns = self._turns, []
        self._committed_at = now
        try:
            came = self._ledger.commit(replace(standing, turns=turns))
        except StateError as error:
            is_news, self.cannot_commit = not self.cannot_commit, True
            fields = {"reason": str(error)}
            failed = Event(at=now, name=EventName.COMMIT_FAILED, fields=fields)
            return [failed] if is_news else []
        if not self.cannot_commit:
            return list(came)
        self.cannot_commit = False
        given_up: dict[str, Field] = {"given_up_ticks": self._ledger.dropped_ticks}
        recovered = Event(at=now, name=EventName.COMMIT_RECOVERED, fields=given_up)
        self.noted.append(recovered)
        return [*came, recovered]
