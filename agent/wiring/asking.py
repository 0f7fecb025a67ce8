"""How an operator asks the daemon for something, and hears what came of it."""

import getpass
import math
import os
from contextlib import closing
from pathlib import Path
from threading import Event as Flag
from typing import Final

import msgspec

from agent.adapters.lock import holder
from agent.adapters.store.desk import SqliteDesk
from agent.core.request import Answer, Request
from agent.wiring.places import database

_STEP_S: Final = 0.1
# The daemon answers at its next tick; a slow one may take another.
_TICKS: Final = 3
_GRACE_S: Final = 5.0


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request that is kept.

    Attributes:
        request: Its number.
        answer: What came of it; None: nothing so far.
        is_heard: Whether a daemon is at work that can carry it out.
    """

    request: int
    answer: Answer | None
    is_heard: bool


def asked(request: Request, *, state_dir: Path, interval_s: float) -> Asked:
    """Keep a request; where a daemon is at work, wait for what it answers.

    Args:
        request: The wish.
        state_dir: The folder that the daemon holds.
        interval_s: Between two of its ticks; three and some are waited for at most.

    Raises:
        StateError: The database cannot be written; nothing is kept.
    """
    with closing(SqliteDesk.open(database(state_dir))) as desk:
        number = desk.ask(request)
        is_heard = holder(state_dir, name="daemon") is not None
        limit_s = _TICKS * interval_s + _GRACE_S if is_heard else 0.0
        answer = _awaited(desk, number, limit_s=limit_s)
        is_heard = is_heard and holder(state_dir, name="daemon") is not None
    return Asked(request=number, answer=answer, is_heard=is_heard)


def operator() -> str:
    """Return the name of the user who asks; of the one behind `sudo`."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"  # one without a name on this host


def _awaited(desk: SqliteDesk, number: int, *, limit_s: float) -> Answer | None:
    for _ in range(math.ceil(limit_s / _STEP_S)):
        if (answer := desk.answer(number)) is not None:
            return answer
        Flag().wait(_STEP_S)
    return desk.answer(number) if limit_s else None
