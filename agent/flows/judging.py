"""Judging: what the courts find is told, its evidence is kept, and turns follow."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec

from agent.core.event import Event, EventName, Field
from agent.core.moment import BASELINE, Role
from agent.core.turn import Move, Turn
from agent.core.verdict import Verdict
from agent.errors import StateError
from agent.flows.task import LiveTask
from agent.ports import EvidenceFolder

SCHEMA: Final = 1
_TOLD: Final[Mapping[Move | None, EventName]] = {
    Move.ROLL_BACK: EventName.RELEASE_ROLLED_BACK,
    Move.PROMOTE: EventName.RELEASE_PROMOTED,
    Move.CONFIRM: EventName.RELEASE_CONFIRMED,
    None: EventName.RELEASE_HEARD,
}


@dataclass(slots=True)
class Judged:
    """What came of judging.

    Attributes:
        turns: What is to become of releases.
        events: What came to pass already.
    """

    turns: list[Turn] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


class Judging:
    """Asks every court for its verdict; one task, one turn a tick.

    Args:
        folder: Where the evidence of a breach is kept, before anything is changed.
    """

    def __init__(self, folder: EvidenceFolder) -> None:
        self._folder = folder
        self._told: set[tuple[str, str]] = set()

    def judge(self, tasks: Iterable[LiveTask], *, now: datetime) -> Judged:
        """Return what is to be done now."""
        judged = Judged()
        for task in tasks:
            verdict = task.verdict(now)
            if verdict is None:
                continue
            if verdict.is_held:
                judged.events += self._held(task, verdict, now)
            elif verdict.move is None:
                task.court.hear(verdict.digest)
                judged.events.append(_event(task, verdict, now))
            else:
                judged.turns.append(self._turn(task, verdict, verdict.move, now))
        return judged

    def _turn(
        self, task: LiveTask, verdict: Verdict, move: Move, now: datetime
    ) -> Turn:
        event = _event(task, verdict, now)
        if move is Move.ROLL_BACK:
            kept = self._kept(task, verdict, event, now)
            event = Event(at=now, name=event.name, fields={**event.fields, **kept})
        return Turn(task=task.name, move=move, digest=verdict.digest, event=event)

    def _kept(
        self, task: LiveTask, verdict: Verdict, event: Event, now: datetime
    ) -> dict[str, Field]:
        """Keep the evidence; a full disk keeps no bad release at work."""
        # Named by when the test began: a rollback that was killed half way and is
        # decided again writes the same file.
        began = now if verdict.evidence is None else verdict.evidence.started_at
        version = event.fields["version"]
        name = f"{task.name}-{version}-{began:%Y%m%dT%H%M%SZ}"
        document = _document(task, verdict, event, now)
        try:
            self._folder.keep(name, msgspec.json.format(msgspec.json.encode(document)))
        except StateError as error:
            return {"evidence": f"not kept: {error}"}
        return {"evidence": name}

    def _held(self, task: LiveTask, verdict: Verdict, now: datetime) -> Iterator[Event]:
        """Yield that a pin stands against a verdict, once."""
        key = (task.name, f"{verdict.move} {verdict.digest}")
        if key not in self._told:
            self._told.add(key)
            told = _event(task, verdict, now)
            fields = {**told.fields, "would": str(verdict.move), "until": "unpinned"}
            yield Event(at=now, name=EventName.VERDICT_HELD, fields=fields)


def renewed(tasks: Iterable[LiveTask], *, now: datetime) -> Iterator[Event]:
    """Yield which tests began anew, for their terms have changed."""
    for task in tasks:
        for question in task.court.renewed:
            fields: dict[str, Field] = {
                "task": task.name,
                "digest": question.release[:12],
                "thesis": question.thesis,
                "reference": question.reference[:12],
            }
            yield Event(at=now, name=EventName.GUARD_RENEWED, fields=fields)


def _event(task: LiveTask, verdict: Verdict, now: datetime) -> Event:
    fields: dict[str, Field] = {
        "task": task.name,
        "version": _versions(task).get(verdict.digest),
        "digest": verdict.digest[:12],
        "reason": _reason(task, verdict),
        "speaks": _speaker(task, verdict),
    }
    if verdict.evidence is not None:
        fields["e_value"] = verdict.evidence.e_value
    name = _TOLD[verdict.move]
    in_shadow = any(
        live.role is Role.SHADOW and live.release.digest == verdict.digest
        for live in task.releases
    )
    if name is EventName.RELEASE_ROLLED_BACK and in_shadow:
        name = EventName.RELEASE_REJECTED
    return Event(at=now, name=name, fields=fields)


def _reason(task: LiveTask, verdict: Verdict) -> str:
    """Return why, in one line that people understand."""
    if verdict.evidence is None:
        return verdict.fault or ""
    question = verdict.evidence.question
    words = verdict.evidence.in_words(
        release=named(task, question.release),
        reference=named(task, question.reference),
    )
    if verdict.move is Move.CONFIRM:
        return f"no evidence of harm: {words}"
    return words


def named(task: LiveTask, digest: str) -> str:
    """Return what people call a release of a task: `v3`, or the baseline."""
    if digest == BASELINE:
        return "the baseline"
    return f"v{_versions(task)[digest]}"


def _versions(task: LiveTask) -> Mapping[str, int]:
    return {
        live.release.digest: live.release.manifest.version for live in task.releases
    }


def _speaker(task: LiveTask, verdict: Verdict) -> str:
    """Return who is acted upon once the verdict is carried out."""
    slots = {live.role: live.release.digest for live in task.releases}
    leaves = slots.get(Role.ACTIVE) == verdict.digest
    if verdict.move is Move.PROMOTE and not verdict.is_held:
        slots[Role.ACTIVE] = verdict.digest
    elif verdict.move is Move.ROLL_BACK and leaves and not verdict.is_held:
        slots[Role.ACTIVE] = slots.get(Role.STANDBY, BASELINE)
    active = slots.get(Role.ACTIVE, BASELINE)
    is_heard = task.court.has_heard(active) or verdict.move is None
    if active != BASELINE and not is_heard:
        return f"the baseline ({named(task, active)} is not yet shown to be as good)"
    return named(task, active)


def _document(
    task: LiveTask, verdict: Verdict, event: Event, now: datetime
) -> dict[str, Any]:
    """Return everything that the verdict was reached by."""
    return {
        "schema": SCHEMA,
        "at": now,
        "event": event.name,
        **event.fields,
        "digest": verdict.digest,
        "line_up": {live.role: live.release.digest for live in task.releases},
        "verdict": verdict.evidence,
        "fault": verdict.fault,
        "evidence": list(task.court.evidence(now)),
        "court": task.court.record(),
    }
