"""Files that a person names: whatever they are, no more than a limit is read."""

import errno
import os
import stat
from pathlib import Path

from agent.core.quantity import size_text


def read_given(path: Path, *, limit: int) -> bytes:
    """Return the bytes of a file.

    Raises:
        OSError: No regular file of at most `limit` bytes can be read there; names it.
    """
    with open(path, "rb", opener=_opened) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "expected a regular file", str(path))
        content = file.read(limit + 1) if status.st_size <= limit else None
    if content is None or len(content) > limit:
        words = f"expected at most {size_text(limit)}, got {size_text(status.st_size)}"
        raise OSError(errno.EFBIG, words, str(path))
    return content


def _opened(path: str, flags: int) -> int:
    """Open without waiting, as a FIFO would for somebody to write to it."""
    return os.open(path, flags | os.O_NONBLOCK)
