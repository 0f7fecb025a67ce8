"""Builds what publishing, approving, withdrawing and verifying work with."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from agent.core import manifest as manifests
from agent.core.qualify import MAX_MODEL_BYTES
from agent.errors import ConfigError
from central.adapters.given import read_given
from central.adapters.published import (
    FolderMirror,
    FolderShelf,
    check_root,
    is_signed_by,
)
from central.adapters.qualifier import AgentQualifier
from central.adapters.scorer import ChildScorer
from central.core.approval import Wish, once_named
from central.core.draft import parse_draft
from central.core.inspection import Inspection
from central.core.lineage import grounds
from central.core.log import Action, Subject
from central.core.shelf import issue_of, issues, release_role
from central.flows.channel import Approval, approve, withdraw
from central.flows.publish import Publication, Unfit, prepare, publish
from central.flows.verify import verify
from central.wiring.log import note_approval, note_publication, opened_log
from central.wiring.repository import opened, present

_MAX_BUNDLE_BYTES: Final = 65_536


def published(
    folder: Path, *, manifest: Path, model: Path | None, signature: Path | None
) -> Publication | Unfit:
    """Complete, try and sign a release; nothing is signed of one that is unfit.

    Raises:
        ForewarnError: As the flows say.
        OSError: A file cannot be read.
    """
    draft = parse_draft(read_given(manifest, limit=manifests.MAX_BYTES))
    bundle = (
        None if signature is None else read_given(signature, limit=_MAX_BUNDLE_BYTES)
    )
    with TemporaryDirectory(prefix="forewarn-") as scratch:
        # A copy: what was tried is what is signed, whoever writes to the file.
        copy: Path | None = None
        if model is not None:
            copy = Path(scratch, "model.onnx")
            copy.write_bytes(read_given(model, limit=MAX_MODEL_BYTES))
        ready = prepare(
            draft, model=copy, qualifier=AgentQualifier(), scorer=ChildScorer()
        )
        if isinstance(ready, Unfit):
            return ready
        with opened(folder) as desk:
            found = publish(desk, ready, bundle=bundle)
            note_publication(
                folder, desk, found, evidence=grounds(ready.manifest.provenance)
            )
            return found


def approved(
    folder: Path, *, task: str, version: int, wish: Wish, revoke: tuple[str, ...]
) -> Approval:
    """Let a release run, as `central.flows.channel.approve` says."""
    with opened(folder) as desk:
        found = approve(
            desk,
            shelf=_shelf(folder),
            task=task,
            version=version,
            wish=wish,
            revoke=revoke,
        )
        subject = Subject(task=task, version=version, digest=found.pointer.sha256)
        note_approval(folder, desk, found, action=Action.APPROVE, subject=subject)
        return found


def withdrawn(folder: Path, *, task: str, version: int, to: int | None) -> Approval:
    """Take a release back, as `central.flows.channel.withdraw` says."""
    with opened(folder) as desk:
        shelf = _shelf(folder)
        named = once_named(opened_log(folder).chain().entries, task=task)
        older = {each for each in named if each < version}
        found = withdraw(
            desk, shelf=shelf, task=task, version=version, back=older, to=to
        )
        published = issues(task, shelf.targets(release_role(task)))
        digest = issue_of(version, among=published, task=task).digest
        subject = Subject(task=task, version=version, digest=digest)
        note_approval(folder, desk, found, action=Action.WITHDRAW, subject=subject)
        return found


def inspected(folder: Path, *, root: Path | None, now: datetime | None) -> Inspection:
    """Walk through a repository as an agent would.

    Args:
        folder: Central's own, or one that holds `metadata/` and `targets/`.
        root: The root that is trusted; None: the first that the repository has.
        now: At which its roles must not have expired; None: the present.

    Raises:
        ConfigError: There is no repository, or `root` is none.
    """
    # Resolved: what is asked for below it is taken literally.
    folder = folder.resolve()
    inner = folder / "repository"
    served = inner if inner.is_dir() else folder
    content = _root_of(served, given=root)
    if root is not None and not is_signed_by(content, folder=served):
        words = (
            f"{served}: not signed by --root {root}: none of its keys has signed a "
            "root or the timestamp there; one of the two is another fleet's"
        )
        return Inspection(roles=(), findings=(words,))
    with TemporaryDirectory(prefix="forewarn-") as cache:
        mirror = FolderMirror(served, root=content, cache=Path(cache))
        found = verify(mirror, now=now or present())
    return _with_log(found, folder)


def _with_log(found: Inspection, folder: Path) -> Inspection:
    """Return an inspection with what is to be said of the log, where there is one."""
    chain = opened_log(folder).chain()
    published = [(row.task, number) for row in found.tasks for number in row.published]
    broken = () if chain.broken is None else (f"log.jsonl: {chain.broken}",)
    remarks = (*chain.remarks(), *chain.unlogged(published=published))
    return replace(
        found,
        findings=(*found.findings, *broken),
        warnings=(*found.warnings, *(f"log.jsonl: {each}" for each in remarks)),
    )


def _root_of(served: Path, *, given: Path | None) -> bytes:
    """Return the root that is trusted: the given one, or the repository's first."""
    path = given or served / "metadata" / "1.root.json"
    source = str(path) if given is None else f"--root {path}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{source}: expected the root of a repository: {error.strerror}"
        ) from error
    if given is not None:
        check_root(content, source=source)
    return content


def _shelf(folder: Path) -> FolderShelf:
    return FolderShelf(folder / "repository")
