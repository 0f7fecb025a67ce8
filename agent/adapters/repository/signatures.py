"""What TUF metadata says, in our words: who signed a role, and who may."""

import hashlib
from dataclasses import replace
from typing import Any, Final

from tuf.api.metadata import (  # type: ignore[attr-defined] # public, handed on unmarked
    Metadata,
    Root,
    Targets,
)
from tuf.api.serialization import DeserializationError

from agent.core.trust import SignedRole

_SHOWN_LENGTH: Final = 300


def parsed(content: bytes) -> Metadata[Any] | None:
    """Return the metadata that bytes hold; None: they hold none."""
    try:
        return Metadata[Any].from_bytes(content)
    except DeserializationError:
        return None


def signed_role(
    metadata: Metadata[Any], *, name: str, by: Root | Targets
) -> SignedRole:
    """Return who signed metadata, measured by the keys that `by` names for the role.

    Raises:
        ValueError: `by` knows no such role.
    """
    result = by.get_verification_result(
        name, metadata.signed_bytes, metadata.signatures
    )
    return SignedRole(
        name=name,
        version=metadata.signed.version,
        expires=metadata.signed.expires,
        keyids=tuple(sorted(by.get_delegated_role(name).keyids)),
        signed_by=tuple(sorted(result.signed)),
        threshold=result.threshold,
    )


def anchored(role: SignedRole, root: bytes) -> SignedRole:
    """Return the root role, counted from the trusted root that the host was given."""
    return replace(role, anchor=hashlib.sha256(root).hexdigest())


def one_line(text: str) -> str:
    """Return words of others as they may be shown: one line, and not too long."""
    line = " ".join(text.split())
    shown = "".join(char if char.isprintable() else "?" for char in line)
    return shown if len(shown) <= _SHOWN_LENGTH else f"{shown[:_SHOWN_LENGTH]}..."
