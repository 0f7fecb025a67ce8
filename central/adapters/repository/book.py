"""What is published, and what is drafted over it: the roles in memory."""

from collections.abc import Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any

from securesystemslib.signer import (  # type: ignore[attr-defined] # public, unmarked
    Key,
)
from tuf.api.metadata import Metadata

from agent.errors import ConfigError, StateError
from central.adapters.repository.disk import Disk, Signed, View, delegated
from central.adapters.repository.signatures import (
    is_known,
    is_signed,
    keys_of,
)
from central.core.profile import TOP, Policy, delegator_of
from central.core.roles import UnknownNameError, unknown


class Book:
    """The roles of one repository.

    Attributes:
        published: What clients see.
        drafts: The next version of what was changed.
        changed: Drafts that are not on disk as they are here.
        stale: Online roles to be signed anew whatever else happens.
        done: Drafts on disk that are of no use any more.
        dropped: How many signatures a draft lost when it was changed again.

    Raises:
        StateError: What is on disk is damaged, or was signed by strangers.
    """

    def __init__(self, disk: Disk, *, policy: Policy, now: datetime) -> None:
        self._policy = policy
        self._now = now.replace(microsecond=0)
        self.published = disk.published()
        pending = disk.pending()
        self.drafts: View = {}
        # Targets and root first: they say which roles there are.
        for role in sorted(pending, key=lambda role: role not in TOP):
            if self._is_next(role, pending[role]):
                self.drafts[role] = pending[role]
        self.done = pending.keys() - self.drafts.keys()
        self.changed: set[str] = set()
        self.stale: set[str] = set()
        self.dropped: dict[str, int] = {}
        self._check(disk.roots())

    @property
    def newest(self) -> View:
        """Every role as drafted, or else as published."""
        return {**self.published, **self.drafts}

    def signed(self, role: str) -> Any:  # noqa: ANN401 - one of four kinds
        """Return the newest of a role, to be read.

        Raises:
            UnknownNameError: There is no such role.
        """
        found = self.newest.get(role)
        if found is None:
            raise UnknownNameError(unknown(role, what="role", known=self.newest))
        return found.signed

    def draft(self, role: str) -> Any:  # noqa: ANN401 - one of four kinds
        """Return the next version of a role, to be changed; it has no signatures."""
        draft = self.drafts.get(role)
        if draft is None or draft.signatures or role not in self.changed:
            self.dropped[role] = len(draft.signatures) if draft else 0
            self.enter(role, deepcopy(self.signed(role)))
        return self.drafts[role].signed

    def enter(self, role: str, signed: Any) -> None:  # noqa: ANN401 - as above
        """Let this be what the next version of a role says."""
        self.drafts[role] = self.next_version(role, signed)
        self.changed.add(role)

    def discard(self, roles: Sequence[str]) -> tuple[str, ...]:
        """Forget the drafts of roles, and of those that nobody knows without them.

        Raises:
            ConfigError: The rest could not be published without it.
        """
        if not self.published:
            raise ConfigError(
                "nothing is published yet, so nothing is left without what is pending: "
                "remove the folder, and found the repository anew"
            )
        left = {role: md for role, md in self.drafts.items() if role not in roles}
        view = {**self.published, **left}
        left = {role: md for role, md in left.items() if is_known(view, role)}
        for role in roles:
            above = delegator_of(role)
            if above in left and is_known(view, role) and not is_signed(view, role):
                raise ConfigError(
                    f"{role}: {above}, which is pending too, changes whose keys count "
                    f"for it: discard both, {above} and {role}"
                )
        gone = self.drafts.keys() - left.keys()
        self.drafts = left
        self.changed -= gone
        self.done |= gone
        return tuple(sorted(gone))

    def next_version(self, role: str, signed: Any) -> Signed:  # noqa: ANN401
        """Return the metadata of a role's next version, without signatures."""
        last = self.published.get(role)
        signed.version = 1 if last is None else last.signed.version + 1
        signed.expires = self._now + self._policy.rule(role).lifetime
        return Metadata(signed)

    def signing_keys(self, role: str) -> list[Key]:
        """Return the keys that may sign a role: as drafted and, on top, as before.

        Those before, because what holds under both roots can be published first.
        """
        known = keys_of(self.newest, role)
        if role in TOP:
            known += keys_of(self.published, role)
        return list({key.keyid: key for key in known}.values())

    def settled(self, chosen: View, *, online: View) -> None:
        """Take it that these drafts and online roles are published."""
        self.published |= chosen | online
        self.done |= chosen.keys()
        for role in chosen:
            del self.drafts[role]
            self.changed.discard(role)
        self.stale -= online.keys()

    def _is_next(self, role: str, draft: Signed) -> bool:
        """Return whether a draft is of a role that there is, and not yet published."""
        if role not in TOP and not is_known(self.newest, role):
            return False
        last = self.published.get(role)
        if last is None:
            return True
        ahead: int = draft.signed.version - last.signed.version
        return ahead == 1 if role == "root" else ahead > 0

    def _check(self, roots: list[Signed]) -> None:
        """Nothing is built upon what those before it did not sign."""
        for number, root in enumerate(roots):
            before = roots[number - 1] if number else None
            is_in_turn = root.signed.version == number + 1
            view = {"root": root}
            if not (is_in_turn and is_signed(view, "root", before=before)):
                raise _unsigned("root", root)
        for role in ("targets", *delegated(self.published)):
            # A root that was interrupted leaves the rest of its change pending.
            if role in self.drafts or "targets" not in self.published:
                continue
            if not is_signed(self.published, role):
                raise _unsigned(role, self.published.get(role))


def _unsigned(role: str, metadata: Signed | None) -> StateError:
    version = "" if metadata is None else f" version {metadata.signed.version}"
    return StateError(
        f"{role}{version}: expected the signatures that it takes, got fewer; "
        "the repository was damaged or changed by others: restore it from a copy"
    )
