"""Makes the local repository, and brings it up to what the package ships.

It has the roles of a fleet's repository, only that all keys lie on this host. So it
guards against accident, and keeps one single way in which a release is taken in; it is
no defence against whoever owns the host.
"""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from tuf.api.exceptions import RepositoryError

from agent.adapters.disk import sync_folder
from agent.adapters.local_repository.roles import Roles
from agent.adapters.local_repository.starters import Starter, read_starters
from agent.core.pointer import (
    EVERY_HOST,
    SCHEMA,
    Pointer,
    Rollout,
    manifest_path,
    model_path,
    pointer_path,
)
from agent.errors import StateError

CHANNEL: Final = "stable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What was done to the local repository.

    Attributes:
        is_new: Whether it was made.
        offered: Tasks for which a release was added.
        signed: Roles that were signed anew; empty: it was fresh already.
    """

    is_new: bool
    offered: tuple[str, ...]
    signed: tuple[str, ...]


def prepare(folder: Path, starters: Path, *, now: datetime) -> Prepared:
    """Make the repository that offers the starters, or bring it up to date.

    A call that is interrupted leaves no repository or the one before; the next call
    goes on. One process at a time.

    Raises:
        TrustError: A starter is not what its manifest says.
        StateError: The folder cannot be written, or holds something damaged.
    """
    try:
        shipped = read_starters(starters)
        if (folder / "metadata" / "timestamp.json").exists():
            return _refreshed(folder, shipped, now=now)
        return _made(folder, shipped, now=now)
    except OSError as error:
        raise StateError(f"{error.filename or folder}: {error.strerror}") from error
    except RepositoryError as error:
        raise StateError(
            f"{folder}: {error}; it is damaged, remove it to begin anew"
        ) from error


def _made(folder: Path, shipped: tuple[Starter, ...], *, now: datetime) -> Prepared:
    """Build in a folder beside, which gets the name when all of it is on disk."""
    beside = folder.with_name(f".{folder.name}.new")
    if beside.exists():
        shutil.rmtree(beside)
    beside.mkdir(mode=0o700, parents=True)
    roles = Roles(beside, now=now)
    roles.found()
    offered = _offer(roles, beside, shipped)
    signed = roles.publish()
    beside.rename(folder)
    sync_folder(folder.parent)
    return Prepared(is_new=True, offered=offered, signed=signed)


def _refreshed(
    folder: Path, shipped: tuple[Starter, ...], *, now: datetime
) -> Prepared:
    roles = Roles(folder, now=now)
    roles.load()
    offered = _offer(roles, folder, shipped)
    roles.renew()
    return Prepared(is_new=False, offered=offered, signed=roles.publish())


def _offer(roles: Roles, folder: Path, shipped: tuple[Starter, ...]) -> tuple[str, ...]:
    """Sign what is newer than what is offered; return the tasks it is for."""
    offered: list[str] = []
    for starter in shipped:
        task = starter.manifest.task
        last = _last_pointer(roles, folder, task)
        if last is None or starter.manifest.version > last.version:
            _sign_release(roles, starter)
            _approve(roles, starter, serial=1 if last is None else last.serial + 1)
            offered.append(task)
    return tuple(offered)


def _last_pointer(roles: Roles, folder: Path, task: str) -> Pointer | None:
    path = pointer_path(task, CHANNEL)
    signed = roles.targets(f"approve-{task}").get(path)
    if signed is None:
        return None
    place = folder / "targets" / path
    name = f"{signed.hashes['sha256']}.{place.name}"
    try:
        content = place.with_name(name).read_bytes()
        return msgspec.json.decode(content, type=Pointer)
    except msgspec.DecodeError as error:
        raise StateError(f"{place}: {error}") from error


def _sign_release(roles: Roles, starter: Starter) -> None:
    task, version = starter.manifest.task, starter.manifest.version
    role = f"release-{task}"
    roles.delegate(role, paths=[f"models/{task}/*/*"])
    if starter.model is not None:
        roles.put(role, model_path(task, version), starter.model)
    roles.put(role, manifest_path(task, version), starter.document)


def _approve(roles: Roles, starter: Starter, *, serial: int) -> None:
    task, version = starter.manifest.task, starter.manifest.version
    role = f"approve-{task}"
    roles.delegate(role, paths=[f"channels/{task}/*"])
    manifest = roles.targets(f"release-{task}")[manifest_path(task, version)]
    pointer = Pointer(
        schema=SCHEMA,
        task=task,
        channel=CHANNEL,
        serial=serial,
        manifest=manifest_path(task, version),
        sha256=manifest.hashes["sha256"],
        length=manifest.length,
        version=version,
        rollout=Rollout(percent=EVERY_HOST, salt=""),
    )
    roles.put(role, pointer_path(task, CHANNEL), msgspec.json.encode(pointer))
