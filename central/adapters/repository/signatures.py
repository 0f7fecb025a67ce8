"""Whose signatures a role has, and whose it lacks, by those who delegate to it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import (  # type: ignore[attr-defined] # public, unmarked
    Key,
    Signer,
)
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import (  # type: ignore[attr-defined] # public, handed on unmarked
    VerificationResult,
)

from agent.errors import StateError
from central.adapters.repository import keys
from central.adapters.repository.disk import Signed, View
from central.core.profile import delegator_of
from central.core.roles import Holder, Waiting

_BOTH: Final = 2


def is_known(view: View, role: str) -> bool:
    """Return whether keys are named for a role."""
    named = view.get(delegator_of(role))
    try:
        return named is not None and bool(named.signed.get_delegated_role(role))
    except ValueError:
        return False


def keys_of(view: View, role: str) -> list[Key]:
    """Return the keys of a role; empty if none are named."""
    if not is_known(view, role):
        return []
    named = view[delegator_of(role)].signed
    return [named.get_key(k) for k in named.get_delegated_role(role).keyids]


def is_signed(view: View, role: str, *, before: Signed | None = None) -> bool:
    """Return whether a role is there with signatures enough.

    Args:
        view: Holds the role and who delegates to it.
        role: What is asked about.
        before: The root before, where a new root is asked about: both must agree.
    """
    if role not in view or not is_known(view, role):
        return False
    return all(found.verified for found in _results(view, role, before=before))


def lacking(view: View, role: str, *, before: Signed | None = None) -> list[Waiting]:
    """Return what a role lacks: a row for each set of keys that is not met."""
    found = _results(view, role, before=before)
    rows = [_row(view, role, one) for one in found if not one.verified]
    # Before and after have the same keys more often than not: say it once.
    if len(set(rows)) < _BOTH:
        return rows[:1]
    return [
        replace(row, keys=keys) for row, keys in zip(rows, ("old", "new"), strict=True)
    ]


def signed_by(view: View, role: str, *, before: Signed | None = None) -> list[Holder]:
    """Return whose signatures a role has, of those that count."""
    found = _results(view, role, before=before)
    keys_by_id = {k: key for one in found for k, key in one.signed.items()}
    return list(holders(keys_by_id.values()))


def complete(view: View, role: str) -> Waiting:
    """Return the row of a role that lacks nothing."""
    return _row(view, role, _results(view, role, before=None)[0])


def add(role: str, metadata: Signed, *, signers: Sequence[Signer]) -> list[Holder]:
    """Sign with whoever has not yet; return who did.

    Raises:
        StateError: A signer refused.
    """
    added = []
    for signer in signers:
        if not has_signed(metadata, signer.public_key):
            who = keys.holder(signer.public_key)
            try:
                metadata.sign(signer, append=True)
            except UnsignedMetadataError as error:
                raise StateError(f"{role}: key of {who}: {error}") from error
            added.append(who)
    return added


def has_signed(metadata: Signed, key: Key) -> bool:
    """Return whether there is a signature of this key that is right."""
    signature = metadata.signatures.get(key.keyid)
    if signature is None:
        return False
    try:
        key.verify_signature(signature, metadata.signed_bytes)
    except UnverifiedSignatureError:
        return False
    return True


def stranger(role: str, name: str, *, of: Iterable[Key]) -> str:
    """Return the words about a key that does not count for a role."""
    names = ", ".join(map(str, holders(of)))
    return f"{role}: the key of {name} does not count for it; expected one of {names}"


def holders(of: Iterable[Key]) -> tuple[Holder, ...]:
    """Return whose keys these are."""
    return tuple(keys.holder(key) for key in of)


def _results(
    view: View, role: str, *, before: Signed | None
) -> list[VerificationResult]:
    metadata = view[role]
    judges = [view[delegator_of(role)]]
    if role == "root" and before is not None:
        judges.insert(0, before)
    return [
        judge.signed.get_verification_result(
            role, metadata.signed_bytes, metadata.signatures
        )
        for judge in judges
    ]


def _row(view: View, role: str, found: VerificationResult) -> Waiting:
    return Waiting(
        role=role,
        version=view[role].signed.version,
        have=len(found.signed),
        need=found.threshold,
        missing=holders(found.unsigned.values()),
    )
