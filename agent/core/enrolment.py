"""Enrolment: which root a host begins with, and what it writes of its central."""

import hashlib
from typing import Final

import msgspec

from agent.errors import ConfigError

_WORDS: Final = "# Written by `forewarn enroll`, which writes over it.\n"


class _Signed(msgspec.Struct, frozen=True):
    type: str = msgspec.field(name="_type")
    version: int


class _Root(msgspec.Struct, frozen=True):
    signed: _Signed
    signatures: list[dict[str, str]]


def check_root(document: bytes, *, sha256: str | None, source: str) -> str:
    """Return the digest of root metadata that is what it is said to be.

    Who signed it is not asked: it is what all trust begins with.

    Args:
        document: The file.
        sha256: What its digest must be; None: anything.
        source: Where it is from, for the message.

    Raises:
        ConfigError: It is no root, or another one.
    """
    digest = hashlib.sha256(document).hexdigest()
    if sha256 is not None and digest != sha256.strip().lower():
        raise ConfigError(
            f"{source}: expected a root with sha256 {sha256.strip().lower()}, got "
            f"{digest}"
        )
    try:
        kind = msgspec.json.decode(document, type=_Root).signed.type
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(
            f"{source}: expected the root metadata of a repository, got: {error}"
        ) from error
    if kind != "root":
        raise ConfigError(f'{source}: expected _type "root", got "{kind[:40]}"')
    return digest


def fragment(values: dict[str, str]) -> bytes:
    """Return the TOML of the table `central`, each value TOML already."""
    lines = "".join(f"{key} = {value}\n" for key, value in values.items())
    return f"{_WORDS}[central]\n{lines}".encode()


def short(url: str) -> str:
    """Return what tells a central's files from another's."""
    return hashlib.sha256(url.encode()).hexdigest()[:12]
