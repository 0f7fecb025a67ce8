"""The keys of a local repository: one Ed25519 key a role, mode 0600."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import (  # type: ignore[attr-defined] # as in `roles`
    CryptoSigner,
)

from agent.adapters.local_repository.files import write
from agent.errors import StateError


class Keys:
    """The folder of private keys, one file a role."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def signer(self, role: str) -> CryptoSigner:
        """Return the role's signer; its key is made at the first call.

        Raises:
            StateError: The file holds no Ed25519 key.
        """
        path = self._folder / f"{role}.pem"
        try:
            key = load_pem_private_key(path.read_bytes(), None)
        except FileNotFoundError:
            return self._made(path)
        except ValueError as error:
            raise StateError(f"{path}: expected a private key in PEM") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise StateError(f"{path}: expected an Ed25519 key")
        return CryptoSigner(key)

    def _made(self, path: Path) -> CryptoSigner:
        signer = CryptoSigner.generate_ed25519()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write(path, signer.private_bytes, mode=0o600)
        return signer
