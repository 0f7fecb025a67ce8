"""What changing and signing the repository needs of the world."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from central.core.roles import Holder, Proposal, RoleState, Taken, Target, Waiting


class Desk(Protocol):
    """The signed repository, opened under its lock to be changed.

    What is put or dropped is seen at once by whoever asks this desk, and by nobody
    else before `publish`.
    """

    def tasks(self) -> tuple[str, ...]:
        """Return the tasks that have roles, sorted."""
        ...

    def targets(self, role: str) -> Mapping[str, Target]:
        """Return what a role signs for, by path: as pending, or else as published.

        Raises:
            ConfigError: There is no such role.
        """
        ...

    def file(self, path: str) -> Path:
        """Return the file of a target that some role signs for.

        Raises:
            ConfigError: No role signs for this path.
            StateError: Its file is not there.
        """
        ...

    def put(self, role: str, *, path: str, content: bytes | Path) -> Target:
        """Let a role sign for a file; the very same file again changes nothing.

        Raises:
            ConfigError: There is no such role, or the path is not one of its paths.
            StateError: The file cannot be written.
        """
        ...

    def drop(self, role: str, *, path: str) -> None:
        """Let a role no longer sign for a path; its file stays.

        Raises:
            ConfigError: There is no such role, or it does not sign for this path.
        """
        ...

    def pending(self) -> tuple[str, ...]:
        """Return the roles that are changed and not yet published, sorted."""
        ...

    def signers(self) -> tuple[str, ...]:
        """Return whose keys have signed since this desk was opened, by name."""
        ...

    def publish(self) -> tuple[Waiting, ...]:
        """Sign what changed with every key at hand; publish what is complete.

        An interrupted call leaves the repository as it was or complete.

        Returns:
            What still waits for signatures; empty if all is published.

        Raises:
            StateError: A file cannot be written, or a key cannot be used.
        """
        ...


class KeyDesk(Desk, Protocol):
    """The signed repository, opened to change who signs what, and to sign it."""

    def roles(self) -> tuple[RoleState, ...]:
        """Return every role as it stands: the upper ones first, then by name."""
        ...

    def role(self, role: str) -> RoleState:
        """Return a role as it stands.

        Raises:
            ConfigError: There is no such role.
        """
        ...

    def make(
        self, role: str, *, holders: Sequence[str], threshold: int, paths: str = ""
    ) -> None:
        """Make a role whose keys these are; one that is there stays as it is.

        Raises:
            ConfigError: The threshold cannot be met.
        """
        ...

    def admit(self, role: str, name: str) -> None:
        """Let a listed signer's key count for a role from its next version on."""
        ...

    def dismiss(self, role: str, holder: Holder) -> None:
        """Let a key no longer count for a role, which is signed anew at once.

        Raises:
            ConfigError: Its threshold could no longer be met.
        """
        ...

    def set_threshold(self, role: str, threshold: int) -> None:
        """Let a role take so many signatures.

        Raises:
            ConfigError: It has fewer keys.
        """
        ...

    def renew(self, role: str) -> None:
        """Let a role be signed anew, whether or not it changed."""
        ...

    def proposal(self, role: str) -> Proposal:
        """Return what is pending of a role, as those who sign it should see it.

        Raises:
            UnknownNameError: Nothing is pending of it.
        """
        ...

    def discard(self, roles: Sequence[str]) -> tuple[str, ...]:
        """Drop what is pending of roles; return of which something was dropped.

        Raises:
            UnknownNameError: Nothing is pending of one.
            ConfigError: The rest could not be published without it.
        """
        ...

    def sign(self, role: str, *, is_named: bool) -> tuple[Holder, ...]:
        """Sign what is pending of a role; return who signed just now.

        Raises:
            ConfigError: Nothing is pending of it, or a chosen key is not at hand.
            TrustError: A chosen signer's key does not count for it, or has signed.
        """
        ...

    def take_in(self, path: Path) -> Taken:
        """Take over the signatures that were made on a copy of what is pending.

        Raises:
            ConfigError: Nothing is pending of its role.
            TrustError: It is a copy of something else.
        """
        ...

    def settle(self) -> tuple[Waiting, ...]:
        """Publish what is complete, as `publish` does, without signing for people."""
        ...

    def published(self) -> tuple[str, ...]:
        """Return the roles that the last call published anew."""
        ...


class Keyring(Protocol):
    """The signers that this machine knows by name."""

    def generate(self, name: str) -> Holder:
        """Make a key here, unless there is one of this name; return whose it is."""
        ...

    def take(self, reference: str) -> Holder:
        """Return whose key is meant: by name, or a public key in a file.

        Raises:
            ConfigError: No signer has this name, and there is no such file.
        """
        ...

    def knows(self, name: str) -> bool:
        """Return whether a signer of this name is listed."""
        ...

    def where(self, key_id: str) -> str:
        """Return the address of a private key; empty: this machine knows none."""
        ...
