"""The spool in plain memory, a central that a test scripts, and reports for both."""

from contextlib import contextmanager
from copy import deepcopy

import msgspec

from agent.core.packing import packed, unpacked
from agent.ports.reporting import (
    Later,
    Parcel,
    Refused,
    SetAside,
    SpoolSize,
    Taken,
)
from tests.fakes.ledger import START

HOST = "0123456789abcdef0123456789abcdef"


def parcel(sequence, *, at=START, said=""):
    """Return a report, as long as what it says."""
    document = msgspec.json.encode(
        {"schema": 1, "host_id": HOST, "sequence": sequence, "said": said}
    )
    return Parcel(sequence=sequence, at=at, body=packed(document))


def said(body):
    """Return number and content of a packed report."""
    document = msgspec.json.decode(unpacked(body))
    return document["sequence"], document["said"]


class KilledError(BaseException):
    """Stands for SIGKILL: nobody catches it."""


class MemorySpool:
    """Keeps reports in a dictionary; a transaction that raises leaves all as it was.

    Attributes:
        events: What was recorded, oldest first.
        dies_before: Writes until it dies, a commit being one; None: it never does.
    """

    def __init__(self, *parcels):
        self.events = []
        self.dies_before = None
        self._waiting = {each.sequence: each for each in parcels}
        self._aside = {}
        self._dropped = 0
        self._state = None

    @contextmanager
    def transaction(self):
        names = ("events", "_waiting", "_aside", "_dropped", "_state")
        before = {name: deepcopy(getattr(self, name)) for name in names}
        try:
            yield
            self._write()
        except BaseException:
            for name, value in before.items():
                setattr(self, name, value)
            raise

    def _write(self):
        if self.dies_before is None:
            return
        self.dies_before -= 1
        if self.dies_before < 0:
            raise KilledError

    def state(self):
        return self._state

    def set_state(self, document):
        self._write()
        self._state = document

    def put(self, parcel):
        self._write()
        self._waiting[parcel.sequence] = parcel

    def waiting(self, *, limit):
        return tuple(self._waiting[n] for n in sorted(self._waiting)[:limit])

    def acknowledge(self, sequence):
        self._write()
        self._waiting.pop(sequence, None)

    def set_aside(self, sequence, *, reason):
        self._write()
        parcel = self._waiting.pop(sequence)
        self._aside[sequence] = SetAside(parcel=parcel, reason=reason)

    def aside(self):
        return tuple(self._aside[n] for n in sorted(self._aside))

    def replace(self, parcels):
        self._write()
        self._waiting = {each.sequence: each for each in parcels}

    def drop(self, sequences):
        self._write()
        gone = [self._waiting.pop(n, None) for n in sequences]
        self._dropped += sum(each is not None for each in gone)

    def size(self):
        waiting = self.waiting(limit=None)
        return SpoolSize(
            waiting=len(waiting),
            waiting_bytes=sum(len(each.body) for each in waiting),
            oldest_at=min((each.at for each in waiting), default=None),
            aside=len(self._aside),
            dropped=self._dropped,
        )

    def sizes(self):
        return [
            (each.sequence, each.at, len(each.body))
            for each in self.waiting(limit=None)
        ]

    def record(self, event):
        self._write()
        self.events.append(event)


class ScriptedCentral:
    """Stores exactly once in effect, as central does, and answers by a script.

    Attributes:
        script: What each request comes to, oldest first, then "take": "take", "lose"
            (it is stored, the answer lost), "die" (stored, and the sender is killed),
            an answer, or an exception.
        stored: What was stored, by number, as it was packed.
        asked: The numbers that came, in order.
    """

    def __init__(self, *script, stored=()):
        self.script = list(script)
        self.stored = {each.sequence: each.body for each in stored}
        self.asked = []

    def send(self, parcel):
        self.asked.append(parcel.sequence)
        what = self.script.pop(0) if self.script else "take"
        if isinstance(what, BaseException):
            raise what
        if not isinstance(what, str):
            return what
        known = self.stored.setdefault(parcel.sequence, parcel.body)
        if known != parcel.body:
            return Refused(status=409, reason="taken", received_through=self.through)
        if what == "die":
            raise KilledError
        lost = Later(reason="the answer was lost")
        return lost if what == "lose" else Taken(received_through=self.through)

    @property
    def through(self):
        return max(self.stored)

    @property
    def said(self):
        """What was stored says, by number."""
        return [said(self.stored[number])[1] for number in sorted(self.stored)]
