"""Keys as files: made here, read from PEM, called by a name."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.exceptions import (
    KeyMismatchError,
    UnsupportedLibraryError,
    UnverifiedSignatureError,
)
from securesystemslib.signer import (  # type: ignore[attr-defined] # public, unmarked
    SIGNER_FOR_URI_SCHEME,
    CryptoSigner,
    Key,
    SecretsHandler,
    Signer,
    SSlibKey,
)

from agent.errors import ConfigError, StateError
from central.adapters.repository.files import SECRET, write
from central.core.profile import checked_name
from central.core.roles import NAME_FIELD, Holder

PRIVATE: Final = ".pem"
PUBLIC: Final = ".pub"
_LONGEST: Final = 80  # a task's name, its kind of role and a number
_FILE: Final = "file2:"
# TypeError: cryptography's word for a key that a passphrase protects.
_UNUSABLE: Final = (
    TypeError,
    ValueError,
    UnsupportedAlgorithm,
    UnsupportedLibraryError,
)


class EnvironmentSigner(CryptoSigner):
    """A private key in PEM that an environment variable holds: `envvar:NAME`."""

    SCHEME = "envvar"

    @classmethod
    def from_priv_key_uri(
        cls,
        priv_key_uri: str,
        public_key: Key,
        secrets_handler: SecretsHandler | None = None,
    ) -> CryptoSigner:
        """Return the signer; FileNotFoundError if there is no such variable."""
        name = priv_key_uri.partition(":")[2]
        pem = os.environ.get(name)
        if pem is None:
            raise FileNotFoundError(f"environment variable {name} is not set")
        if not isinstance(public_key, SSlibKey):
            raise ValueError(f"envvar:{name} cannot hold a key of {public_key.keytype}")  # noqa: TRY004 - as its siblings
        return cls(load_pem_private_key(pem.encode(), None), public_key)


SIGNER_FOR_URI_SCHEME[EnvironmentSigner.SCHEME] = EnvironmentSigner


def generate(folder: Path, *, name: str) -> SSlibKey:
    """Make a key pair, or take up the one that lies there under this name.

    A private key is never overwritten: it may be the only copy.

    Raises:
        ConfigError: It cannot be a name.
        StateError: What lies there is no private key.
    """
    checked_name(name, what="key", longest=_LONGEST)
    path = folder / f"{name}{PRIVATE}"
    if not path.exists():
        write(path, CryptoSigner.generate_ed25519().private_bytes, mode=SECRET)
    public = _read_private(path)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    write(folder / f"{name}{PUBLIC}", pem)
    return named(SSlibKey.from_crypto(public), name)


def read_public(path: Path) -> SSlibKey:
    """Return the key of a PEM file, called as the file is.

    Raises:
        ConfigError: The file is not there, or is not a public key.
    """
    name = checked_name(path.stem, what="key", longest=_LONGEST)
    try:
        content = path.read_bytes()
        if b"PRIVATE KEY-----" in content:
            raise ConfigError(
                f"{path}: expected a public key, got a private one: keep that to "
                f"yourself, and give {path.with_suffix(PUBLIC)}"
            )
        public = load_pem_public_key(content)
        return named(SSlibKey.from_crypto(public), name)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except _UNUSABLE as error:
        raise ConfigError(f"{path}: expected a public key in PEM: {error}") from error


def named(key: SSlibKey, name: str) -> SSlibKey:
    """Return a key that carries a name; its id stays."""
    return SSlibKey(key.keyid, key.keytype, key.scheme, key.keyval, {NAME_FIELD: name})


def holder(key: Key) -> Holder:
    """Return whose key this is; without a name, its id stands for it."""
    name = str(key.unrecognized_fields.get(NAME_FIELD, key.keyid[:8]))
    return Holder(name=name, key_id=key.keyid)


def signer_at(uri: str, *, key: Key, base: Path) -> Signer | None:
    """Return the signer at an address; None: the private key is not there.

    Args:
        uri: As in signers.toml; a file is looked for from `base`.
        key: Its public part.
        base: Folder that relative paths start from.

    Raises:
        StateError: What is there is not this key, or cannot be used.
    """
    who = f"key of {holder(key)}"
    try:
        return Signer.from_priv_key_uri(_absolute(uri, base), key)
    except OSError:
        return None
    except KeyMismatchError as error:
        raise StateError(f"{who}: {uri} holds another key") from error
    except _UNUSABLE as error:
        raise StateError(f"{who}: {uri} cannot be used: {error}") from error


def signer_among(uri: str, *, keys: Iterable[Key], base: Path) -> Signer | None:
    """Return the signer at an address that has one of these keys; None: a stranger.

    Raises:
        ConfigError: There is no private key at this address.
    """
    if uri.partition(":")[0] not in SIGNER_FOR_URI_SCHEME:
        raise ConfigError(
            f"{uri}: expected the name of a signer, a file that is there or an address "
            f"that begins with one of {', '.join(sorted(SIGNER_FOR_URI_SCHEME))}"
        )
    for key in keys:
        try:
            found = Signer.from_priv_key_uri(_absolute(uri, base), key)
            key.verify_signature(found.sign(b""), b"")
        except OSError as error:
            raise ConfigError(f"{uri}: expected a private key, got none") from error
        except (KeyMismatchError, UnverifiedSignatureError):
            continue
        except _UNUSABLE as error:
            raise ConfigError(f"{uri}: cannot be used: {error}") from error
        return found
    return None


def may_be_there(uri: str, *, base: Path) -> bool:
    """Return whether an address may lead to a key; only files are looked for."""
    if not uri.startswith(_FILE):
        return bool(uri)
    return (base / uri.removeprefix(_FILE)).is_file()


def file_uri(path: Path | str) -> str:
    """Return the address of a private key in a file."""
    return f"{_FILE}{path}"


def address(reference: str) -> str:
    """Return the address of a private key that is named by its file, or address."""
    path = Path(reference)
    return file_uri(path.absolute()) if path.is_file() else reference


def _absolute(uri: str, base: Path) -> str:
    if not uri.startswith(_FILE):
        return uri
    return file_uri(base / uri.removeprefix(_FILE))


def _read_private(path: Path) -> Any:  # noqa: ANN401 - of whatever kind of key
    try:
        return load_pem_private_key(path.read_bytes(), None).public_key()
    except _UNUSABLE as error:
        raise StateError(f"{path}: expected a private key in PEM") from error
