"""What publishing, approving and verifying releases needs of the world."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from agent.core.manifest import Manifest
from agent.core.trust import SignedRole
from central.core.draft import Judgement
from central.core.golden import Inputs, Scores
from central.core.roles import Holder, Target


class Qualifier(Protocol):
    """The agent's own judgement of a model, on this machine."""

    def judgement(self, model: Path, *, manifest: bytes | None = None) -> Judgement:
        """Return what the agent says of a model; without a manifest it is only read.

        Raises:
            UnavailableError: The agent gave no answer.
        """
        ...


class Scorer(Protocol):
    """Where a model answers without being let into this process."""

    def scores(self, model: Path, *, manifest: Manifest, inputs: Inputs) -> Scores:
        """Return the model's answers, a row an input; what it cannot answer is NaN.

        Raises:
            ModelError: It raised, died, took too long, or answered another shape.
        """
        ...


class Shelf(Protocol):
    """What the repository shows to the world now, without what is pending."""

    def targets(self, role: str) -> Mapping[str, Target]:
        """Return what a role has signed for, by path; empty: it is not there yet.

        Raises:
            StateError: The repository cannot be read.
        """
        ...

    def content(self, role: str, path: str) -> bytes | None:
        """Return what a role has signed for under a path; None: nothing.

        Raises:
            StateError: The repository cannot be read.
        """
        ...


class Mirror(Protocol):
    """A published repository, looked at as an agent does; `refresh` first, and once.

    Raises:
        TrustError: From every method but `roles`, `keepers` and `strays`: what is
            there is not what was signed, or is not there.
    """

    def refresh(self) -> None:
        """Verify root, timestamp, snapshot and targets."""
        ...

    def delegated(self) -> tuple[str, ...]:
        """Return the names of the delegated roles, as targets has them."""
        ...

    def targets(self, role: str) -> Mapping[str, Target]:
        """Verify a delegated role and return what it signs for, by path."""
        ...

    def roles(self) -> tuple[SignedRole, ...]:
        """Return every role that was verified so far."""
        ...

    def keepers(self) -> Mapping[str, tuple[Holder, ...]]:
        """Return whose signatures count for each role, as verified so far."""
        ...

    def check(self, path: str) -> None:
        """Verify a target's file, to its last byte."""
        ...

    def document(self, path: str, *, limit: int) -> bytes:
        """Verify a target and return its bytes, of which there are at most `limit`."""
        ...

    def strays(self) -> tuple[str, ...]:
        """Return the files among the targets for which no role has ever signed."""
        ...
