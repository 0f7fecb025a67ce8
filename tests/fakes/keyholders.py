"""A repository as the people with its keys see it, and a host that looks at it."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from tuf.api.metadata import Metadata
from tuf.ngclient import Updater

from agent.adapters.repository import FolderFetcher
from central.core.profile import Profile, policy_of
from central.flows.found import found
from central.wiring.repository import founding, opened

# What clients read is held against their clock, so it must be signed about now.
NOW = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251
POINTER = "channels/cpu/stable.json"


def founded(
    folder: Path,
    *,
    tasks=("cpu",),
    now=NOW,
    counts=None,
    given=None,
    profile=Profile.CONNECTED,
):
    """Make a repository whose keys all lie here; return what came of it."""
    policy = policy_of(Profile(profile), counts=counts)
    with founding(folder, policy=policy, now=now) as desk:
        return found(
            desk, keyring=desk.keyring, policy=policy, tasks=tasks, given=given
        )


def approve(folder: Path, content: bytes, *, now=NOW, signers=()):
    """Let operations sign for a pointer, whatever it says; return who is missing."""
    with opened(folder, now=now, signers=signers) as desk:
        desk.put("approve-cpu", path=POINTER, content=content)
        return desk.publish()


def take_away(folder: Path, *names: str) -> Path:
    """Move private keys to where this machine has no access; return where to."""
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    for name in names:
        shutil.move(folder / "keys" / f"{name}.pem", elsewhere / f"{name}.pem")
    return elsewhere


def key_of(folder: Path, name: str) -> Path:
    """Return a private key, at hand or elsewhere."""
    near = folder / "keys" / f"{name}.pem"
    return near if near.exists() else folder.parent / "elsewhere" / f"{name}.pem"


class Host:
    """A client that trusts the first root and keeps what it has seen."""

    def __init__(self, folder: Path, *, cache: Path):
        self.repository = folder / "repository"
        self.cache = cache
        cache.mkdir(exist_ok=True)
        self._root = (self.repository / "metadata" / "1.root.json").read_bytes()

    def poll(self) -> Updater:
        """Fetch and verify what is published; raise what python-tuf raises."""
        updater = Updater(
            str(self.cache),
            f"{self.repository}/metadata/",
            target_base_url=f"{self.repository}/targets/",
            fetcher=FolderFetcher(),
            bootstrap=self._root,
        )
        updater.refresh()
        return updater

    def target(self, path: str) -> bytes | None:
        """Return what a role signed for, verified; None: nobody signed for it."""
        updater = self.poll()
        info = updater.get_targetinfo(path)
        if info is None:
            return None
        place = self.cache / "target"
        place.unlink(missing_ok=True)
        updater.download_target(info, filepath=str(place))
        return place.read_bytes()

    def version(self, role: str) -> int:
        """Return the version of a role that this host has."""
        return Metadata.from_file(str(self.cache / f"{role}.json")).signed.version
