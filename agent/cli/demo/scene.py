"""What the host's own ledger says at an instant of the demo: read, never reckoned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from agent.cli.demo.task import TASK
from agent.cli.guard import Tested, guard_status
from agent.cli.scores import Score, scores
from agent.cli.tasks import TaskAtWork, at_work
from agent.config import Tasks
from agent.core.moment import Moment, Outcome
from agent.errors import StateError
from agent.wiring.reading import archive_at
from agent.wiring.scoring import clock

_SHOWN: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event of the audit log."""

    at: datetime
    name: str
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the host's ledger says.

    Attributes:
        at: When it was read.
        task: Who is at work; None: nothing was taken in yet.
        scores: Of every release, all outcomes of the demo.
        tests: What the guard's tests have come to.
        history: The audit log, the newest first.
        moments: The newest predictions, the newest first.
        resolved: How many predictions have an outcome.
        happened: How many of them came true.
    """

    at: datetime
    task: TaskAtWork | None = None
    scores: Sequence[Score] = ()
    tests: Sequence[Tested] = ()
    history: Sequence[Happening] = ()
    moments: Sequence[tuple[Moment, Outcome | None]] = ()
    resolved: int = 0
    happened: int = 0
    versions: dict[str, int] = field(default_factory=dict)

    def told(self, name: str, *, version: int) -> Happening | None:
        """Return the newest event of this name about a version, if there is one."""
        found = (
            each
            for each in self.history
            if each.name == name and each.fields.get("version") == version
        )
        return next(found, None)


def scene(state_dir: Path) -> Scene:
    """Return what the ledger of a state folder says now; an empty one before it is."""
    now = clock().now()
    try:
        with archive_at(state_dir) as archive:
            tasks = at_work(archive, Tasks())
            counts = archive.counts()
            return Scene(
                at=now,
                task=next((each for each in tasks if each.task == TASK), None),
                scores=scores(archive, task=TASK),
                tests=guard_status(archive, [t.lineup() for t in tasks], now=now),
                history=[
                    Happening(at=each.at, name=each.name, fields=each.fields)
                    for each in archive.events(limit=500)
                ],
                moments=archive.moments(task=TASK, limit=_SHOWN),
                resolved=sum(counts.resolved.values()),
                happened=counts.resolved.get("happened", 0),
                versions={r.digest: r.version for r in archive.releases()},
            )
    except StateError:
        return Scene(at=now)
