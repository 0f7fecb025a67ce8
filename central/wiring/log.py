"""Opens the log, and writes down what commands did."""

from collections.abc import Mapping
from pathlib import Path

from central.adapters.log import FileLog, who
from central.core.log import Action, Deed, Subject
from central.flows.channel import Approval
from central.flows.publish import Publication
from central.ports import Desk
from central.wiring.repository import present


def opened_log(folder: Path) -> FileLog:
    """Return the log of central's folder; it is made with its first entry."""
    user, sudo_user = who()
    return FileLog(folder, user=user, sudo_user=sudo_user)


def note(
    folder: Path,
    desk: Desk | None,
    action: Action,
    *,
    subject: Subject | None = None,
    evidence: Mapping[str, object] | None = None,
) -> None:
    """Write down what was done just now.

    Args:
        folder: Central's.
        desk: On which it was signed; None: nothing was.
        action: What was done.
        subject: To what.
        evidence: What spoke for it, and what came of it.

    Raises:
        StateError: The log cannot be written; what was done is done.
    """
    deed = Deed(
        action=action,
        subject=subject or Subject(),
        keys=() if desk is None else desk.signers(),
        evidence=evidence or {},
    )
    opened_log(folder).add(deed, at=present())


def note_publication(
    folder: Path,
    desk: Desk,
    found: Publication,
    *,
    evidence: Mapping[str, object] | None = None,
) -> None:
    """Write down that a release was published, or awaits signatures."""
    facts = {
        "model": found.model,
        "latency_ms": found.latency_ms,
        "memory_mb": found.memory_mb,
        "waiting": [str(each) for each in found.waiting],
    }
    subject = Subject(task=found.task, version=found.version, digest=found.digest)
    evidence = {**facts, **(evidence or {})}
    note(folder, desk, Action.PUBLISH, subject=subject, evidence=evidence)


def note_approval(
    folder: Path,
    desk: Desk,
    found: Approval,
    *,
    action: Action,
    subject: Subject,
) -> None:
    """Write down what became of a channel; nothing, if nothing did."""
    if not (found.is_new or desk.signers()):
        return
    note(folder, desk, action, subject=subject, evidence=found.facts())
