"""Locks of the state folder: one courier and one daemon at a time."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Final

from agent.errors import StateError, UnavailableError

_STEP_S: Final = 0.1


@contextmanager
def state_lock(state_dir: Path, *, name: str, wait_s: float) -> Iterator[None]:
    """Hold one of the folder's locks; the kernel frees it however this process ends.

    Raises:
        UnavailableError: Another process held it for all of `wait_s`; names it.
        StateError: The folder cannot be written.
    """
    path = state_dir / f"{name}.lock"
    try:
        state_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error
    # Unbuffered: a disk that is full says so here, and not when the file is closed.
    with os.fdopen(opened, "r+b", buffering=0) as file:
        if not _locked(file.fileno(), wait_s=wait_s):
            holder = file.read(20).decode("ascii", "replace").strip() or "unknown"
            raise UnavailableError(
                f"{state_dir}: another {name} is at work, process {holder}"
            )
        try:
            file.truncate(0)
            file.write(f"{os.getpid()}\n".encode())
        except OSError as error:
            raise _unwritable(path, error) from error
        yield


def holder(state_dir: Path, *, name: str) -> int | None:
    """Return the process that holds one of the folder's locks; None if none does."""
    try:
        with (state_dir / f"{name}.lock").open("r") as file:
            # Shared: two who ask at once must not take each other for the holder.
            if _locked(file.fileno(), wait_s=0.0, kind=fcntl.LOCK_SH):
                return None
            return int(file.read(20))
    except (OSError, ValueError):
        return None


def _unwritable(path: Path, error: OSError) -> StateError:
    return StateError(
        f"{error.filename or path}: expected a state folder that can be written, "
        f"got: {error.strerror}"
    )


def _locked(opened: int, *, wait_s: float, kind: int = fcntl.LOCK_EX) -> bool:
    """Return whether the lock could be had in time."""
    ends_at = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(opened, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= ends_at:
                return False
            Event().wait(_STEP_S)
        else:
            return True
