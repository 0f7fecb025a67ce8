"""A host with a state folder and a repository to update from, all of it real."""

from datetime import timedelta

from agent.adapters.clock import SystemClock
from agent.adapters.model_folder import ModelFolder
from agent.adapters.repository import FolderFetcher, TufRepository
from agent.adapters.store.registry import SqliteRegistry
from agent.core.qualify import HostFacts
from agent.flows.update import update
from agent.ports import UpdatePorts
from tests.fakes.onnx_files import SERIES, logistic, manifest_of
from tests.fakes.signed import Publisher
from tests.fakes.trials import FixedTrial

# python-tuf reads the host's clock itself.
NOW = SystemClock().now()
FIRST, SECOND, THIRD = (logistic([weight, -1]) for weight in (1, 2, 3))
HOST = HostFacts(agent="1.0", metrics=frozenset({SERIES}), host_id="host-1")


class Bench:
    """A host with a state folder and a repository to update from."""

    def __init__(self, folder):
        self.publisher = Publisher(folder / "repository", now=NOW)
        self.trial = FixedTrial()
        self.provenance = None
        self.registry = SqliteRegistry.open(folder / "state" / "forewarn.db")
        self.folder = folder / "state" / "models"
        self.cache = folder / "state" / "metadata"
        self.host = HOST

    def publish(
        self, model=FIRST, *, task="cpu-busy", version=1, pointer=(), **changes
    ):
        document = manifest_of(model, task=task, version=version, **changes)
        self.publisher.offer(task, document, model, **dict(pointer))

    def update(self, *, days=0):
        ports = UpdatePorts(
            repository=TufRepository(
                str(self.publisher.folder),
                cache=self.cache,
                root=self.publisher.root,
                fetcher=FolderFetcher(),
            ),
            models=ModelFolder(self.folder),
            trial=self.trial,
            registry=self.registry,
            provenance=self.provenance,
        )
        return update(ports, host=self.host, now=NOW + timedelta(days=days))

    def states(self):
        releases = self.registry.releases()
        return {(r.manifest.task, r.manifest.version): r.state for r in releases}

    def digest(self, version=1, *, task="cpu-busy"):
        """Return the name of a release that was taken in."""
        releases = self.registry.releases()
        found = {(r.manifest.task, r.manifest.version): r.digest for r in releases}
        return found[task, version]

    def kept(self):
        files = (path for path in self.folder.iterdir() if path.is_file())
        return {path.name: path.stat().st_mode & 0o777 for path in files}
