"""The published folder as its keepers read it, who trust it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (  # type: ignore[attr-defined] # public, handed on unmarked
    Metadata,
    Targets,
)

from agent.errors import StateError
from central.core.roles import Target


class FolderShelf:
    """What the roles of a published folder sign for; trusts the folder."""

    def __init__(self, folder: Path) -> None:
        self._metadata = folder / "metadata"
        self._targets = folder / "targets"

    def targets(self, role: str) -> Mapping[str, Target]:
        """Return what a role has signed for, by path; empty: it is not there yet.

        Raises:
            StateError: The repository cannot be read.
        """
        try:
            timestamp = self._signed("timestamp.json")
            snapshot = self._signed(f"{timestamp.snapshot_meta.version}.snapshot.json")
            listed = snapshot.meta.get(f"{role}.json")
            if listed is None:
                return {}
            return targets_of(self._signed(f"{listed.version}.{role}.json"))
        except FileNotFoundError as error:
            raise StateError(f"{error.filename}: {error.strerror}") from error
        except (OSError, RepositoryError) as error:
            raise StateError(f"{self._metadata}: {error}") from error

    def content(self, role: str, path: str) -> bytes | None:
        """Return what a role has signed for under a path; None: nothing.

        Raises:
            StateError: The repository cannot be read.
        """
        found = self.targets(role).get(path)
        if found is None:
            return None
        place = self._targets / path
        place = place.with_name(f"{found.sha256}.{place.name}")
        try:
            return place.read_bytes()
        except OSError as error:
            raise StateError(f"{place}: {error.strerror}") from error

    def _signed(self, name: str) -> Any:  # noqa: ANN401 - one of four kinds
        content = (self._metadata / name).read_bytes()
        return Metadata[Any].from_bytes(content).signed


def targets_of(signed: Targets) -> Mapping[str, Target]:
    """Return what a role signs for, by path."""
    return {
        path: Target(length=info.length, sha256=info.hashes.get("sha256", ""))
        for path, info in signed.targets.items()
    }
