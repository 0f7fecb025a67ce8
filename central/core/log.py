"""The log: who did what, on what evidence; each entry holds the hash of the one before.

An entry is one line of canonical JSON. Whoever changes or drops a line must write every
later one anew, and gets another last hash than the one that others have noted.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec

NOTHING: Final = "0" * 64
_SHOWN: Final = 12

_Utc = Annotated[datetime, msgspec.Meta(tz=True)]
_Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Action(StrEnum):
    """What can be done."""

    INIT = "init"
    ADD_TASK = "add task"
    PUBLISH = "publish"
    APPROVE = "approve"
    WITHDRAW = "withdraw"
    SIGN = "sign"
    DISCARD = "discard"
    GENERATE_KEY = "generate key"
    ADD_KEY = "add key"
    ROTATE_KEY = "rotate key"
    REVOKE_KEY = "revoke key"
    SET_THRESHOLD = "set threshold"
    RETRAIN = "retrain"
    ROLL_OUT = "roll out"
    DECIDE = "decide"
    PAUSE = "pause"
    RESUME = "resume"
    HALT = "halt"
    REPAIR = "repair"


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Actor(_Part, frozen=True):
    """Who did it.

    Attributes:
        user: Of the operating system.
        sudo_user: Who became that user by sudo; None: nobody did.
        keys: Names of the keys that signed just then.
    """

    user: str
    sudo_user: str | None = None
    keys: tuple[str, ...] = ()


class Subject(_Part, frozen=True):
    """What it was done to; None where there is no such thing.

    Attributes:
        digest: SHA-256 of the release's manifest.
    """

    task: str | None = None
    version: int | None = None
    digest: _Sha256 | None = None


class Entry(_Part, frozen=True):
    """One line of the log.

    Attributes:
        number: From 1 on, without a hole.
        evidence: What spoke for it, and what came of it.
        previous: Hash of the entry before; of the first: zeros.
        hash: SHA-256 of this entry as canonical JSON without `hash`.
    """

    number: Annotated[int, msgspec.Meta(ge=1)]
    at: _Utc
    actor: Actor
    action: Action
    subject: Subject
    evidence: dict[str, Any]
    previous: _Sha256
    hash: _Sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What is to be logged.

    Attributes:
        keys: Names of the keys that signed.
        evidence: Anything that msgspec writes as JSON.
    """

    action: Action
    subject: Subject = field(default_factory=Subject)
    keys: tuple[str, ...] = ()
    evidence: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A log as it was read.

    Attributes:
        entries: Every line that can be understood.
        broken: The first line that is not what was written, and why; None: all hold.
        torn: What a writer that was killed left of a last line; empty: nothing.
        repaired: Lines that were torn, and are told of by the entry after them.
    """

    entries: tuple[Entry, ...] = ()
    broken: str | None = None
    torn: bytes = b""
    repaired: tuple[int, ...] = ()

    @property
    def last(self) -> Entry | None:
        """The newest entry; None: there is none."""
        return self.entries[-1] if self.entries else None

    def remarks(self) -> tuple[str, ...]:
        """Return what a person should know although nothing is wrong, in words."""
        told = [
            f"line {number} is torn: its writer was killed, and the next entry says so"
            for number in self.repaired
        ]
        if self.torn:
            told.append(
                f"the last line is torn ({len(self.torn)} bytes): its writer was "
                "killed; the next entry will say so"
            )
        return tuple(told)

    def unlogged(self, *, published: Iterable[tuple[str, int]]) -> tuple[str, ...]:
        """Return what is published, but not in a log that tells of the founding.

        Args:
            published: Tasks and versions.
        """
        if not self.entries or self.entries[0].action is not Action.INIT:
            return ()
        told = {
            (entry.subject.task, entry.subject.version)
            for entry in self.entries
            if entry.action is Action.PUBLISH
        }
        return tuple(
            f"{task} version {version} is published, and the log tells of nobody who "
            "did: a command was killed, or it was not done by one"
            for task, version in published
            if (task, version) not in told
        )


def entry_after(
    last: Entry | None, deed: Deed, *, user: str, sudo_user: str | None, at: datetime
) -> Entry:
    """Return the entry of a deed."""
    evidence = msgspec.to_builtins(dict(deed.evidence), str_keys=True, enc_hook=str)
    entry = Entry(
        number=last.number + 1 if last else 1,
        at=at,
        actor=Actor(user=user, sudo_user=sudo_user, keys=deed.keys),
        action=deed.action,
        subject=deed.subject,
        # What is hashed is what can be read back: a tuple is a list, NaN is null.
        evidence=msgspec.json.decode(msgspec.json.encode(evidence)),
        previous=last.hash if last else NOTHING,
        hash=NOTHING,
    )
    return msgspec.structs.replace(entry, hash=_hash(entry))


def line_of(entry: Entry) -> bytes:
    """Return an entry as its line, without the end of the line."""
    return msgspec.json.encode(entry, order="sorted")


def repair_of(torn: bytes) -> Deed:
    """Return the deed by which what is left of a torn line is told of."""
    return Deed(action=Action.REPAIR, evidence=_mark(torn))


def read_chain(document: bytes) -> Chain:
    """Return a log; what is wrong with it raises nothing.

    A line that cannot be understood is accepted where the next entry tells of it: a
    writer was killed, and the next one said so. At the end it is torn.
    """
    walk = _Walk()
    *lines, tail = document.split(b"\n")
    for number, line in enumerate(lines, start=1):
        walk.take(line, number=number)
    if tail:
        walk.take(tail, number=len(lines) + 1)
    return walk.chain(is_whole=not tail)


def of_task(entries: Iterable[Entry], task: str) -> tuple[Entry, ...]:
    """Return the entries about a task."""
    return tuple(entry for entry in entries if entry.subject.task == task)


class _Walk:
    """One reading, line by line; after the first fault it only gathers."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._torn: list[bytes] = []
        self._torn_at = 0
        self._repaired: list[int] = []
        self._broken: str | None = None

    def take(self, line: bytes, *, number: int) -> None:
        entry = _understood(line)
        if entry is None:
            self._torn_at = self._torn_at or number
            self._torn.append(line)
            return
        self._close(entry)
        last = self._entries[-1] if self._entries else None
        if fault := _fault(entry, last=last):
            self._note(number, fault)
        self._entries.append(entry)

    def chain(self, *, is_whole: bool) -> Chain:
        if self._torn and is_whole:
            self._note(self._torn_at, "expected an entry as it was written")
        return Chain(
            entries=tuple(self._entries),
            broken=self._broken,
            torn=b"\n".join(self._torn),
            repaired=tuple(self._repaired),
        )

    def _close(self, entry: Entry) -> None:
        """Accept what was torn before an entry, if the entry tells of just that."""
        if not self._torn:
            return
        told = entry.action is Action.REPAIR and entry.evidence
        if told == _mark(b"\n".join(self._torn)):
            self._repaired.append(self._torn_at)
        else:
            self._note(self._torn_at, "expected an entry as it was written")
        self._torn, self._torn_at = [], 0

    def _note(self, number: int, fault: str) -> None:
        if self._broken is None:
            self._broken = f"line {number}: {fault}"


def _understood(line: bytes) -> Entry | None:
    try:
        entry = msgspec.json.decode(line, type=Entry)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return entry if line_of(entry) == line else None


def _fault(entry: Entry, *, last: Entry | None) -> str:
    """Return what is wrong with an entry after the one before; or nothing."""
    number, previous = (last.number + 1, last.hash) if last else (1, NOTHING)
    if entry.number != number:
        return f"expected entry {number}, got {entry.number}"
    if entry.previous != previous:
        return (
            f"expected the hash of the entry before, {previous[:_SHOWN]}, got "
            f"{entry.previous[:_SHOWN]}"
        )
    if entry.hash != (expected := _hash(entry)):
        return f"expected hash {expected[:_SHOWN]}, got {entry.hash[:_SHOWN]}"
    return ""


def _hash(entry: Entry) -> str:
    content = msgspec.to_builtins(entry)
    del content["hash"]
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def _mark(torn: bytes) -> dict[str, Any]:
    return {
        "torn_sha256": hashlib.sha256(torn).hexdigest(),
        "torn_bytes": len(torn),
    }
