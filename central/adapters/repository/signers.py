"""The signers that this machine knows: signers.toml and the keys it points to."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from securesystemslib.signer import (  # type: ignore[attr-defined] # public, unmarked
    Key,
    Signer,
    SSlibKey,
)

from agent.errors import ConfigError, TrustError
from central.adapters.repository import files, keys
from central.adapters.repository.signatures import stranger
from central.core.roles import Holder
from central.core.signers import Entry, added_text, checked_new, parse_signers

LIST: Final = "signers.toml"
FOLDER: Final = "keys"


class Signers:
    """Whose key is which, and who of them can sign here.

    Args:
        folder: Holds `signers.toml` and `keys/`.
        chosen: Names, addresses or files of the only keys that sign for roles which
            people sign for; empty: every key that is at hand.
    """

    def __init__(self, folder: Path, *, chosen: Sequence[str] = ()) -> None:
        self._folder = folder
        self._path = folder / LIST
        self._chosen = chosen
        self._listed = self._read()

    @property
    def is_chosen(self) -> bool:
        """Whether only some may sign."""
        return bool(self._chosen)

    def generate(self, name: str) -> Holder:
        """Make a key here, unless there is one of this name; return whose it is."""
        known = self._entry(name)
        if known is not None:
            return Holder(name=name, key_id=known.key_id)
        key = keys.generate(self._folder / FOLDER, name=name)
        uri = keys.file_uri(f"{FOLDER}/{name}{keys.PRIVATE}")
        return self._add(key, uri=uri)

    def take(self, reference: str) -> Holder:
        """Return whose key is meant: by name, or a public key in a file.

        Raises:
            ConfigError: No signer has this name, and there is no such file.
        """
        known = self._entry(reference)
        if known is not None:
            return Holder(name=known.name, key_id=known.key_id)
        path = Path(reference)
        if not path.is_file():
            raise ConfigError(
                f"{reference}: expected the name of a signer or a file with a public "
                f"key; `keys generate {reference}` makes one here"
            )
        return self._add(keys.read_public(path), uri="")

    def knows(self, name: str) -> bool:
        """Return whether a signer of this name is listed."""
        return self._entry(name) is not None

    def key(self, name: str) -> SSlibKey:
        """Return the public key of a listed signer."""
        entry = self._entry(name)
        if entry is None:
            raise ConfigError(f"{self._path}: no signer is called {name}")
        public = {"public": entry.public}
        found = SSlibKey(entry.key_id, entry.keytype, entry.scheme, public)
        return keys.named(found, name)

    def where(self, key_id: str) -> str:
        """Return the address of a private key; empty: it is not on this machine."""
        uri = next((e.uri for e in self._listed if e.key_id == key_id), "")
        return uri if keys.may_be_there(uri, base=self._folder) else ""

    def at_hand(self, of: Iterable[Key]) -> list[Signer]:
        """Return the signers of these keys whose private part can be used here."""
        found = (
            keys.signer_at(uri, key=key, base=self._folder)
            for key in of
            if (uri := self.where(key.keyid))
        )
        return [signer for signer in found if signer is not None]

    def chosen(self, of: Sequence[Key]) -> list[Signer]:
        """Return the signers of these keys that may sign now: chosen, or all at hand.

        Raises:
            ConfigError: A chosen signer's private key is not at hand.
        """
        if not self._chosen:
            return self.at_hand(of)
        found = (self._among(chosen, of) for chosen in self._chosen)
        return [signer for signer in found if signer is not None]

    def check_choice(self, role: str, *, of: Sequence[Key]) -> None:
        """Raise TrustError if a chosen signer is a stranger to a role."""
        for chosen in self._chosen:
            if self._among(chosen, of) is None:
                raise TrustError(stranger(role, chosen, of=of))

    def _among(self, chosen: str, of: Sequence[Key]) -> Signer | None:
        entry = self._entry(chosen)
        if entry is not None:
            mine = [key for key in of if key.keyid == entry.key_id]
            found = self.at_hand(mine)
            if mine and not found:
                raise ConfigError(
                    f"{chosen}: expected its private key here, got none at "
                    f"{entry.uri or 'no address in ' + LIST}"
                )
            return found[0] if found else None
        address = keys.address(chosen)
        return keys.signer_among(address, keys=of, base=self._folder)

    def _add(self, key: SSlibKey, *, uri: str) -> Holder:
        holder = keys.holder(key)
        entry = Entry(
            name=holder.name,
            key_id=key.keyid,
            keytype=key.keytype,
            scheme=key.scheme,
            public=key.keyval["public"],
            uri=uri,
        )
        if checked_new(entry, listed=self._listed):
            text = self._path.read_text("utf-8") if self._path.exists() else ""
            files.write(self._path, added_text(text, entry=entry).encode())
            self._listed = (*self._listed, entry)
        return holder

    def _entry(self, name: str) -> Entry | None:
        return next((entry for entry in self._listed if entry.name == name), None)

    def _read(self) -> tuple[Entry, ...]:
        try:
            return parse_signers(self._path.read_bytes(), source=str(self._path))
        except FileNotFoundError:
            return ()
