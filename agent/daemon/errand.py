"""An errand: a child process that comes back by itself, or is fetched."""

import os
import subprocess
from collections.abc import Sequence
from datetime import datetime, timedelta

_GRACE_S = 2.0
# What a pipe holds: a child that prints more would wait for somebody to read it.
_HEARD_BYTES = 65_536


class Errand:
    """Sends one child at a time, and never leaves one behind.

    Args:
        command: What the child runs.
        limit_s: How long it may take.
        is_heard: Whether anybody wants to know what it prints, which is little then.

    Attributes:
        words: What the last child printed, if it was heard.
    """

    def __init__(
        self, command: Sequence[str], *, limit_s: float, is_heard: bool = False
    ) -> None:
        self.words = b""
        self._command = command
        self._limit = timedelta(seconds=limit_s)
        self._stdout = subprocess.PIPE if is_heard else subprocess.DEVNULL
        self._child: subprocess.Popen[bytes] | None = None
        self._sent_at: datetime | None = None

    @property
    def is_out(self) -> bool:
        """Whether a child is on its way."""
        return self._child is not None

    def send(self, now: datetime) -> None:
        """Start the child, unless one is still on its way.

        Raises:
            OSError: It cannot be started.
        """
        if self._child is not None:
            return
        self.words = b""
        # A session of its own: ctrl-c at the terminal is for the daemon, which ends it.
        self._child = subprocess.Popen(  # noqa: S603 - our own program
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=self._stdout,
            start_new_session=True,
        )
        self._sent_at = now

    def came_back(self, now: datetime) -> int | None:
        """Return the child's exit status, once; None while there is nothing to tell.

        A child that takes too long is killed, and so is one sent at a later time than
        the present: nobody knows how long it has taken.
        """
        child, sent_at = self._child, self._sent_at
        if child is None or sent_at is None:
            return None
        status = child.poll()
        if status is None and not timedelta() <= now - sent_at <= self._limit:
            child.kill()
            status = child.wait()
        if status is not None:
            self._child = None
            self.words = _printed(child)
        return status

    def end(self) -> None:
        """Ask a child on its way to end, and kill one that does not."""
        child, self._child = self._child, None
        if child is None:
            return
        child.terminate()
        try:
            child.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        _printed(child)


def _printed(child: "subprocess.Popen[bytes]") -> bytes:
    """Return what a child that is gone has printed, and let go of the pipe."""
    if child.stdout is None:
        return b""
    with child.stdout as pipe:
        # A child of its own may live on and hold the other end.
        os.set_blocking(pipe.fileno(), False)
        return pipe.read(_HEARD_BYTES) or b""
