"""Pointers and manifests that came before: what has not changed is not fetched."""

import hashlib
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from tuf.api.metadata import (  # type: ignore[attr-defined] # public, handed on unmarked
    TargetFile,
)

from agent.adapters.disk import remove
from agent.adapters.repository.cache import read

_KEPT: Final = 200
_PART: Final = ".part"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class Documents:
    """A folder of small files, each named by its SHA-256 and believed by nothing else.

    It may lose any of them at any time, so nothing is synced, and a disk that is full
    costs only that they are fetched once more.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, signed: TargetFile) -> bytes | None:
        """Return the very bytes that were signed, if they are here."""
        name = signed.hashes.get("sha256", "")
        content = read(self._folder / name) if _SHA256.fullmatch(name) else None
        if content is None or hashlib.sha256(content).hexdigest() != name:
            return None
        return content if len(content) == signed.length else None

    def keep(self, content: bytes) -> None:
        """Keep bytes that were verified; beyond so many, the oldest go."""
        path = self._folder / hashlib.sha256(content).hexdigest()
        part = path.with_suffix(_PART)
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            for in_the_way in (part, path):
                remove(in_the_way)
            part.write_bytes(content)
            part.replace(path)
            by_age = sorted(self._folder.iterdir(), key=lambda p: p.lstat().st_mtime_ns)
            for oldest in by_age[:-_KEPT]:
                remove(oldest)
