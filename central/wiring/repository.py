"""Opens the signed repository, and whatever else the commands around keys need."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from agent.errors import ConfigError
from central.adapters.clock import SystemClock
from central.adapters.repository import keys, rounds
from central.adapters.repository.desk import SigningDesk
from central.adapters.repository.disk import Disk
from central.adapters.repository.files import locked, make_folder, told
from central.adapters.repository.policy import POLICY, read_policy, write_policy
from central.adapters.repository.signers import Signers
from central.core.profile import Policy
from central.core.roles import Holder, Proposal, Waiting


@contextmanager
def founding(
    folder: Path, *, policy: Policy, now: datetime | None = None
) -> Iterator[SigningDesk]:
    """Yield an empty repository; keys that an interrupted founding made are used.

    Raises:
        ConfigError: There is a repository already.
        StateError: The folder cannot be written.
        UnavailableError: Another command is at work there.
    """
    with told(folder):
        make_folder(folder)
        with locked(folder):
            disk = Disk(folder)
            if disk.is_founded():
                raise ConfigError(f"{folder}: expected no repository yet, got one")
            disk.empty()
            write_policy(folder, policy)
            yield _desk(folder, policy=policy, now=now)


@contextmanager
def opened(
    folder: Path, *, now: datetime | None = None, signers: Sequence[str] = ()
) -> Iterator[SigningDesk]:
    """Yield the repository of a folder to be changed; nobody else may meanwhile.

    Args:
        folder: As `init` made it.
        now: When what is signed now is signed; None: the present.
        signers: The only ones who sign, by name, address or file; empty: all at hand.

    Raises:
        ConfigError: There is no repository, or its configuration says what cannot be.
        StateError: It is damaged, or cannot be written.
        UnavailableError: Another command is at work there.
    """
    policy = read_policy(folder)
    with told(folder), locked(folder):
        yield _desk(folder, policy=policy, now=now, signers=signers)


def looked_at(folder: Path, *, now: datetime | None = None) -> SigningDesk:
    """Return the repository of a folder to be read only, whoever is at work there."""
    policy = read_policy(folder)
    with told(folder):
        return _desk(folder, policy=policy, now=now)


def check_given(references: Iterable[str]) -> None:
    """Raise ConfigError unless each is a file with a public key; touches nothing."""
    for reference in references:
        keys.read_public(Path(reference))


def generate(folder: Path, name: str) -> Holder:
    """Make a key pair in any folder: `NAME.pem` to keep, `NAME.pub` to give away.

    Raises:
        ConfigError: It cannot be a name.
        StateError: The folder cannot be written, or holds something else by this name.
    """
    with told(folder):
        return keys.holder(keys.generate(folder, name=name))


def sign_copy(
    path: Path, *, signers: Sequence[str]
) -> tuple[tuple[Holder, ...], tuple[Waiting, ...]]:
    """Sign a copy of what is pending, where there is no repository.

    Returns:
        Who signed just now, and who is still missing.

    Raises:
        ConfigError: The metadata of the role above is not there, or a key is not.
        TrustError: A key does not count for this role.
    """
    with told(path):
        return rounds.sign_copy(path, uris=signers)


def show_copy(path: Path) -> Proposal:
    """Return what a copy of something pending says, where there is no repository.

    Raises:
        ConfigError: The metadata of the role above is not there.
    """
    with told(path):
        return rounds.show_copy(path)


def is_repository(folder: Path) -> bool:
    """Return whether a folder is one that `init` made."""
    return (folder / POLICY).is_file()


def present() -> datetime:
    """Return the time, read from the clock."""
    return SystemClock().now()


def _desk(
    folder: Path, *, policy: Policy, now: datetime | None, signers: Sequence[str] = ()
) -> SigningDesk:
    known = Signers(folder, chosen=signers)
    return SigningDesk(folder, policy=policy, signers=known, now=now or present())
