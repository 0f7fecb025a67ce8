"""The repository on the desk: what flows change, sign and publish it by."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from tuf.api.metadata import (  # type: ignore[attr-defined] # public, handed on unmarked
    TargetFile,
)

from agent.errors import ConfigError, StateError, TrustError
from central.adapters.repository import signatures
from central.adapters.repository.book import Book
from central.adapters.repository.changes import (
    admit,
    dismiss,
    make,
    renew,
    set_threshold,
)
from central.adapters.repository.disk import Disk, delegated
from central.adapters.repository.facts import state_of
from central.adapters.repository.publishing import settle
from central.adapters.repository.rounds import take_in
from central.adapters.repository.showing import proposal
from central.adapters.repository.signers import Signers
from central.core.profile import TOP, Policy
from central.core.roles import (
    Holder,
    Proposal,
    RoleState,
    Taken,
    Target,
    UnknownNameError,
    Waiting,
)

_APPROVES: Final = "approve-"
_PATH: Final = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")


class SigningDesk:
    """A signed repository, changed in memory until it is published.

    Args:
        folder: Holds `repository/` and `pending/`.
        policy: How long what is signed now holds.
        signers: Who can sign here.
        now: When what is signed now is signed.

    Raises:
        StateError: What is there is damaged, or was signed by strangers.
    """

    def __init__(
        self, folder: Path, *, policy: Policy, signers: Signers, now: datetime
    ) -> None:
        self._disk = Disk(folder)
        self._policy = policy
        self._signers = signers
        self._book = Book(self._disk, policy=policy, now=now)
        self._published: tuple[str, ...] = ()
        self._hands: set[str] = set()

    @property
    def keyring(self) -> Signers:
        """The signers that this machine knows."""
        return self._signers

    @property
    def policy(self) -> Policy:
        """What new roles take."""
        return self._policy

    def tasks(self) -> tuple[str, ...]:
        """Return the tasks that have roles, sorted."""
        found = (r for r in delegated(self._book.newest) if r.startswith(_APPROVES))
        return tuple(sorted(role.removeprefix(_APPROVES) for role in found))

    def targets(self, role: str) -> Mapping[str, Target]:
        """Return what a role signs for, by path: as pending, or else as published."""
        signed = self._book.signed(role)
        if role in TOP:
            raise ConfigError(f"{role}: expected a role of a task, which has targets")
        return {
            path: Target(length=file.length, sha256=file.hashes["sha256"])
            for path, file in signed.targets.items()
        }

    def file(self, path: str) -> Path:
        """Return the file of a target that some role signs for."""
        for role in delegated(self._book.newest):
            if signed := self.targets(role).get(path):
                place = self._disk.target(path, sha256=signed.sha256)
                if not place.is_file():
                    raise StateError(f"{place}: expected the file of {path}, got none")
                return place
        raise ConfigError(f"{path}: expected a path that a role signs for")

    def put(self, role: str, *, path: str, content: bytes | Path) -> Target:
        """Let a role sign for a file; the very same file again changes nothing."""
        known = self.targets(role)
        self._check_path(role, path)
        target = self._disk.write_target(path, content)
        if known.get(path) != target:
            self._book.draft(role).targets[path] = TargetFile(
                target.length, {"sha256": target.sha256}, path
            )
        return target

    def drop(self, role: str, *, path: str) -> None:
        """Let a role no longer sign for a path; its file stays."""
        if path not in self.targets(role):
            raise ConfigError(f"{role}: expected a path that it signs for, got {path}")
        del self._book.draft(role).targets[path]

    def publish(self) -> tuple[Waiting, ...]:
        """Sign what changed with every key at hand; publish what is complete."""
        for role in self.pending():
            self._add(role)
        return self.settle()

    def settle(self) -> tuple[Waiting, ...]:
        """Publish what is complete, without signing anything that people sign for."""
        settled = settle(self._book, disk=self._disk, signers=self._signers)
        self._published = settled.published
        return settled.waiting

    def published(self) -> tuple[str, ...]:
        """Return the roles that the last call published anew."""
        return self._published

    def pending(self) -> tuple[str, ...]:
        """Return the roles that are changed and not yet published, sorted."""
        return tuple(sorted(self._book.drafts))

    def signers(self) -> tuple[str, ...]:
        """Return whose keys have signed since this desk was opened, by name."""
        return tuple(sorted(self._hands))

    def sign(self, role: str, *, is_named: bool) -> tuple[Holder, ...]:
        """Sign what is pending of a role, with the chosen signers or all at hand.

        Args:
            role: That something is pending of.
            is_named: It was asked for by name, so each chosen signer must be able to.

        Returns:
            Who signed just now.

        Raises:
            UnknownNameError: Nothing is pending of it.
            ConfigError: A chosen key is not at hand.
            TrustError: A chosen signer's key does not count for it, or has signed.
        """
        self._check_pending(role)
        if is_named:
            self._signers.check_choice(role, of=self._book.signing_keys(role))
        added = self._add(role)
        if is_named and not added and self._signers.is_chosen:
            version = self._book.drafts[role].signed.version
            raise TrustError(
                f"{role}: expected a signature that version {version} does not have "
                "yet; another one by the same key does not count"
            )
        return added

    def take_in(self, path: Path) -> Taken:
        """Take over the signatures that were made on a copy of what is pending.

        Raises:
            ConfigError: Nothing is pending of its role.
            TrustError: It is a copy of something else.
        """
        taken = take_in(path, book=self._book)
        self._hands |= {holder.name for holder in taken.added}
        if taken.added:
            self._book.changed.add(taken.role)
        return taken

    def proposal(self, role: str) -> Proposal:
        """Return what is pending of a role, as those who sign it should see it.

        Raises:
            UnknownNameError: Nothing is pending of it.
        """
        self._check_pending(role)
        return proposal(
            role,
            view=self._book.newest,
            last=self._book.published.get(role),
            places=lambda path, sha256: [self._disk.target(path, sha256=sha256)],
        )

    def discard(self, roles: Sequence[str]) -> tuple[str, ...]:
        """Drop what is pending of roles, and of those that nobody knows without them.

        Returns:
            The roles of which something was dropped.

        Raises:
            UnknownNameError: Nothing is pending of one.
            ConfigError: The rest could not be published without it.
        """
        for role in roles:
            self._check_pending(role)
        return self._book.discard(roles)

    def roles(self) -> tuple[RoleState, ...]:
        """Return every role as it stands: the upper ones first, then by name."""
        names = [*TOP, *sorted(delegated(self._book.newest))]
        return tuple(self.role(role) for role in names)

    def role(self, role: str) -> RoleState:
        """Return a role as it stands.

        Raises:
            ConfigError: There is no such role.
        """
        return state_of(self._book, role, policy=self._policy)

    def make(
        self, role: str, *, holders: Sequence[str], threshold: int, paths: str = ""
    ) -> None:
        """Make a role whose keys these are; one that is there stays as it is.

        Args:
            role: A top-level role, root first, or a new one below targets.
            holders: Names of listed signers.
            threshold: Signatures that it takes.
            paths: That it alone may sign for; empty for a top-level role.

        Raises:
            ConfigError: The threshold cannot be met.
        """
        keys = [self._signers.key(name) for name in holders]
        make(self._book, role, keys=keys, threshold=threshold, paths=paths)

    def admit(self, role: str, name: str) -> None:
        """Let a listed signer's key count for a role from its next version on."""
        admit(self._book, role, key=self._signers.key(name))

    def dismiss(self, role: str, holder: Holder) -> None:
        """Let a key no longer count for a role, which is signed anew at once.

        Raises:
            ConfigError: Its threshold could no longer be met.
        """
        dismiss(self._book, role, key_id=holder.key_id)

    def set_threshold(self, role: str, threshold: int) -> None:
        """Let a role take so many signatures.

        Raises:
            ConfigError: It has fewer keys.
        """
        set_threshold(self._book, role, threshold)

    def renew(self, role: str) -> None:
        """Let a role be signed anew, whether or not it changed."""
        renew(self._book, role)

    def _check_pending(self, role: str) -> None:
        if role not in self._book.drafts:
            known = ", ".join(self.pending()) or "nothing"
            raise UnknownNameError(f"{role}: expected a role that is pending: {known}")

    def _add(self, role: str) -> tuple[Holder, ...]:
        draft = self._book.drafts[role]
        signers = self._signers.chosen(self._book.signing_keys(role))
        added = signatures.add(role, draft, signers=signers)
        self._hands |= {holder.name for holder in added}
        if added:
            self._book.changed.add(role)
        return tuple(added)

    def _check_path(self, role: str, path: str) -> None:
        """Raise ConfigError if a role may not sign for a path, or no host will ask."""
        allowed = self._book.signed("targets").delegations.roles[role]
        if not (_PATH.fullmatch(path) and allowed.is_delegated_path(path)):
            raise ConfigError(
                f"{role}: expected a path like {allowed.paths[0]} of a-z, 0-9, '.', "
                f"'_' and '-', got {path}"
            )
