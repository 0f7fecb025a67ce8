"""The list of signers: whose key is called what, and where its private part is."""

import json
from collections.abc import Sequence
from typing import Final

import msgspec

from agent.errors import ConfigError

HEADER: Final = """\
# Whose key is which. A `uri` says where this machine finds the private key: a file
# (`file2:keys/NAME.pem`, from this folder), a token (`hsm:...`), a service
# (`gcpkms:...`, `awskms:...`, `azurekms:...`, `hv:...`) or an environment variable
# (`envvar:NAME`). Without it the key is elsewhere, and its holder signs there.
"""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One signer.

    Attributes:
        name: How commands call the key.
        key_id: How the metadata names it.
        keytype: As in TUF: `ed25519`, `ecdsa`, `rsa`.
        scheme: Of its signatures, as in TUF.
        public: Its public part, as in TUF.
        uri: Where this machine finds the private part; empty: it does not.
    """

    name: str
    key_id: str
    keytype: str
    scheme: str
    public: str
    uri: str = ""


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    signer: tuple[Entry, ...] = ()


def parse_signers(text: bytes, *, source: str) -> tuple[Entry, ...]:
    """Return the signers that a signers.toml lists.

    Raises:
        ConfigError: Names the key, what was expected and what was got; or two signers
            have one name or one key.
    """
    try:
        found = msgspec.toml.decode(text, type=_Document).signer
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{source}: {error}") from error
    for number, entry in enumerate(found):
        if twin := twin_of(entry, found[:number]):
            raise ConfigError(f"{source}: {_clash(entry, twin)}")
    return found


def added_text(text: str, *, entry: Entry) -> str:
    """Return a signers.toml with one more signer; what stands there is kept."""
    rows = msgspec.to_builtins(entry).items()
    # A TOML string and a JSON string are written alike but for DEL, which no name,
    # key or address holds.
    lines = "".join(
        f"{key} = {json.dumps(value, ensure_ascii=False)}\n"
        for key, value in rows
        if value
    )
    return f"{text or HEADER}\n[[signer]]\n{lines}"


def checked_new(entry: Entry, *, listed: Sequence[Entry]) -> bool:
    """Return whether a signer is to be added; False: it is listed just so already.

    Raises:
        ConfigError: Another signer has its name or its key.
    """
    twin = twin_of(entry, listed)
    if twin is None:
        return True
    if (twin.name, twin.key_id) != (entry.name, entry.key_id):
        raise ConfigError(_clash(entry, twin))
    return False


def twin_of(entry: Entry, listed: Sequence[Entry]) -> Entry | None:
    """Return the signer that has the same name or key, if there is one."""
    return next(
        (
            other
            for other in listed
            if other.name == entry.name or other.key_id == entry.key_id
        ),
        None,
    )


def _clash(entry: Entry, twin: Entry) -> str:
    return (
        f"{entry.name} ({entry.key_id[:8]}…): expected a name and a key of its own, "
        f"got those of {twin.name} ({twin.key_id[:8]}…)"
    )
