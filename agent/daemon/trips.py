"""What the courier is sent for: each job has trips of its own, at its own pace."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from agent.config.tables import Config
from agent.daemon.errand import Errand
from agent.daemon.rounds import Pace, Rounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something that only the courier can do.

    Attributes:
        name: As the courier knows it.
        command: Of the child process.
        is_wanted: Whether there is anything to do, by a configuration.
        every_s: How often it is due, by a configuration.
        pace: When it is done next, by how it was done last.
        is_first: Whether it is done as soon as the daemon works.
        is_heard: Whether what it prints says when to come again.
        limit_s: A child that takes longer is ended.
    """

    name: str
    command: Sequence[str]
    is_wanted: Callable[[Config], bool]
    every_s: Callable[[Config], float]
    pace: Pace
    is_first: bool = False
    is_heard: bool = False
    limit_s: float = 300.0


class _Answer(msgspec.Struct, frozen=True):
    """What the daemon hears of what the courier prints.

    Attributes:
        after_s: How long central asks to be left alone.
        has_backlog: Whether there was more to send than a round may.
    """

    after_s: float = 0.0
    has_backlog: bool = False


class Trips:
    """The trips for one job, one after another.

    Attributes:
        job: What for.
        is_due: Whether one is to begin as soon as the way is free.
    """

    def __init__(self, job: Job, *, draw: Callable[[], float]) -> None:
        self.job = job
        self.is_due = False
        self._errand = Errand(job.command, limit_s=job.limit_s, is_heard=job.is_heard)
        self._rounds = Rounds(draw, pace=job.pace)

    @property
    def is_out(self) -> bool:
        """Whether the courier is on its way."""
        return self._errand.is_out

    def begin(self, now: datetime) -> None:
        """Send the courier.

        Raises:
            OSError: It cannot be started.
        """
        self.is_due = False
        self._errand.send(now)

    def came_back(self, now: datetime) -> int | None:
        """Return the courier's exit status, once; None: there is nothing to tell."""
        return self._errand.came_back(now)

    def ended(self, how: int | str) -> bool:
        """Count a trip; return whether it ended badly, and not as the last one did."""
        said = _understood(self._errand.words)
        return self._rounds.ended(
            how, after_s=said.after_s, has_backlog=said.has_backlog
        )

    def wait_s(self, config: Config) -> float:
        """Return the seconds until the next trip."""
        return self._rounds.wait_s(self.job.every_s(config))

    def end(self) -> None:
        """Leave no child behind."""
        self._errand.end()


def _understood(words: bytes) -> _Answer:
    try:
        return msgspec.json.decode(words, type=_Answer)
    except msgspec.DecodeError:
        return _Answer()
