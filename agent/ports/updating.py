"""What an update needs of the world."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from agent.core.channel import Channel
from agent.core.event import Event
from agent.core.lineup import LineUp
from agent.core.manifest import Manifest, ModelFile
from agent.core.pointer import Pointer
from agent.core.qualify import Verdict
from agent.core.release import Release, ReleaseState
from agent.core.trust import Floor, SignedRole, Trust


class Repository(Protocol):
    """The signed repository, as one poll sees it.

    Raises:
        TrustError: From every method: what came is not what was signed.
        UnavailableError: From every method: it is not to be had now.
    """

    def refresh(self) -> None:
        """Fetch and verify what is signed at the top; once an object."""
        ...

    def roles(self) -> tuple[SignedRole, ...]:
        """Return every role that was verified so far, the root first."""
        ...

    def tasks(self) -> tuple[str, ...]:
        """Return the names of the tasks on offer, sorted."""
        ...

    def pointer(self, task: str) -> Pointer | None:
        """Return what operations approved for a task; None: nothing yet."""
        ...

    def manifest(self, pointer: Pointer) -> bytes:
        """Return the manifest that both the approval and the data team signed."""
        ...

    def download(self, manifest: Manifest, *, to: Path) -> None:
        """Write the verified model of a manifest to a file."""
        ...

    def provenance(self, manifest: Manifest) -> bytes | None:
        """Return the bundle that tells a model's provenance; None if there is none."""
        ...


class ModelFolder(Protocol):
    """The folder of immutable model files, each named by its digest."""

    def staging(self, digest: str) -> Path:
        """Return where a download of the model may be written."""
        ...

    def keep(self, digest: str) -> None:
        """Make the staged file the model's; on disk when this returns.

        Raises:
            StateError: The folder cannot be written; no half file has the name.
        """
        ...

    def has(self, digest: str) -> bool:
        """Return whether the model's file is there."""
        ...

    def keep_only(self, digests: Collection[str]) -> None:
        """Remove the files of all other models."""
        ...


class Trial(Protocol):
    """Where a model shows what it does before it may do so in the daemon."""

    def verdict(self, manifest: bytes) -> Verdict:
        """Return what came of trying the kept model of this manifest; never raises."""
        ...


class Registry(Protocol):
    """Where releases and line-ups are kept; written only within a transaction."""

    def transaction(self) -> AbstractContextManager[object]:
        """Return a context whose writes all happen, or none."""
        ...

    def admit(
        self,
        *,
        digest: str,
        manifest: bytes,
        at: datetime,
        chain: Sequence[SignedRole] = (),
    ) -> None:
        """Add a release, staged, with the roles that vouched for it."""
        ...

    def set_state(self, digest: str, state: ReleaseState) -> None:
        """Say how far a release has come."""
        ...

    def set_lineup(self, lineup: LineUp) -> None:
        """Say which releases are at work for a task."""
        ...

    def lineups(self) -> tuple[LineUp, ...]:
        """Return the line-up of every task, by name."""
        ...

    def releases(self) -> tuple[Release, ...]:
        """Return every release that was ever taken in."""
        ...

    def manifest_of(self, digest: str) -> bytes:
        """Return a release's manifest, byte for byte as it was kept.

        Raises:
            StateError: No release has this digest.
        """
        ...

    def record(self, event: Event) -> None:
        """Add an event to the journal that is kept."""
        ...

    def floors(self) -> tuple[Floor, ...]:
        """Return the oldest version of each role that may still be taken."""
        ...

    def set_floors(self, floors: Sequence[Floor]) -> None:
        """Remember floors in place of those of the same roles."""
        ...

    def channel(self, task: str) -> Channel:
        """Return what was last heard of a task's channel."""
        ...

    def set_channel(self, channel: Channel) -> None:
        """Remember what was heard of a task's channel."""
        ...

    def trust(self) -> Trust:
        """Return how this host stands with its repository."""
        ...

    def set_trust(self, trust: Trust) -> None:
        """Remember how this host stands with its repository."""
        ...

    def add_crash(self, digest: str, *, at: datetime) -> None:
        """Remember that the daemon died while this release was scoring."""
        ...

    def crashes(self, digest: str, *, since: datetime, until: datetime) -> int:
        """Return how often the daemon died so."""
        ...


class Provenance(Protocol):
    """The site's own demand on where a model comes from."""

    def check(self, bundle: bytes | None, *, model: ModelFile) -> None:
        """Return if the bundle vouches for the model.

        Raises:
            TrustError: It does not, or there is none; says which check failed.
        """
        ...


class Claim(NamedTuple):
    """A release that is said to be signed."""

    digest: str
    task: str
    version: int


class Chain(Protocol):
    """What this host keeps of the signed repository, read offline."""

    def examine(
        self, claims: Iterable[Claim]
    ) -> tuple[Mapping[str, str], tuple[SignedRole, ...]]:
        """Return why claims are not vouched for, by digest, and the roles it read.

        Raises:
            StateError: The trusted root itself cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatePorts:
    """What an update needs of the world.

    Attributes:
        provenance: None: the site makes no demand of its own.
    """

    repository: Repository
    models: ModelFolder
    trial: Trial
    registry: Registry
    provenance: Provenance | None = None
