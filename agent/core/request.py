"""What an operator asks of the daemon, and what it answers."""

from datetime import datetime
from enum import StrEnum

import msgspec

from agent.core.event import Event, EventName, Field


class Verb(StrEnum):
    """What an operator can ask for."""

    ROLLBACK = "rollback"  # the active release leaves for good, the standby speaks
    PIN = "pin"  # a version is acted upon, whatever the evidence says
    UNPIN = "unpin"  # evidence decides again
    CLEAR = "clear"  # a version leaves quarantine
    LABEL = "label"  # what came of a prediction is not what was read


class Label(StrEnum):
    """What an operator knows about a prediction that the samples do not tell."""

    AVERTED = "averted"  # somebody acted on it: it counts neither way
    HAPPENED = "happened"  # it came true, although it was not seen
    VOID = "void"  # it means nothing


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One wish of an operator; kept until the daemon has answered, and after.

    Attributes:
        id: Its number; 0 until it has one.
        at: When it was asked.
        by: Who asked: the name of the user.
        verb: What is asked for.
        task: Of which task; empty for a label.
        version: Which version of it, to pin or to clear.
        moment: Which prediction, to label.
        label: What is known of it.
    """

    at: datetime
    by: str
    verb: Verb
    id: int = 0
    task: str = ""
    version: int | None = None
    moment: int | None = None
    label: Label | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a request.

    Attributes:
        request: Its number.
        at: When it was carried out, or turned down.
        is_done: Whether it was carried out.
        words: What was done; or why not, and who must act.
    """

    request: int
    at: datetime
    is_done: bool
    words: str


class Refusal(Exception):  # noqa: N818 - an answer to an operator, not a failure
    """A request cannot be carried out; says why, and who must act."""


def refused(request: Request, at: datetime, *, words: str) -> Event:
    """Return what tells that a request was turned down."""
    fields: dict[str, Field] = {
        "task": request.task,
        "asked": str(request.verb),
        "reason": words,
        "by": request.by,
    }
    return Event(at=at, name=EventName.REQUEST_REFUSED, fields=fields)


def answered(
    request: Request, at: datetime, *, words: str, is_done: bool = False
) -> Answer:
    """Return the answer to a request."""
    return Answer(request=request.id, at=at, is_done=is_done, words=words)
