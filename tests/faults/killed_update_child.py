"""One update that kills itself before its n-th write, told by `test_killed_update`.

A write is whatever changes a disk: a file opened for it, a name given or taken away, a
sync, an SQL statement. Prints how many there were if it lives to the end.
"""

import os
import signal
import sys
from pathlib import Path

from agent.adapters.clock import SystemClock
from agent.adapters.model_folder import ModelFolder
from agent.adapters.repository import FolderFetcher, TufRepository
from agent.adapters.store.registry import SqliteRegistry
from agent.core.qualify import HostFacts, Verdict
from agent.flows.update import update
from agent.ports import UpdatePorts

HOST = HostFacts(
    agent="1.0", metrics=frozenset({"system.cpu.utilization"}), host_id="host-1"
)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
NAMING = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.chmod"}


class Fuse:
    """Ends this process when it is blown."""

    def __init__(self, left):
        self.left, self.count = left, 0

    def burn(self):
        if self.count == self.left:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1

    def watch(self, event, given):
        """Look at what the interpreter is about to do."""
        if event in NAMING or (event == "open" and given[2] & WRITING):
            self.burn()

    def sync(self, opened, real=os.fsync):
        self.burn()
        real(opened)


class Passing:
    """Lets every model pass."""

    def verdict(self, manifest):
        return Verdict()


def ports_on(folder, registry):
    """Return the ports of the host whose state and repository are in a folder."""
    repository = folder / "repository"
    return UpdatePorts(
        repository=TufRepository(
            str(repository),
            cache=folder / "state" / "metadata",
            root=(repository / "metadata" / "1.root.json").read_bytes(),
            fetcher=FolderFetcher(),
        ),
        models=ModelFolder(folder / "state" / "models"),
        trial=Passing(),
        registry=registry,
    )


def opened(folder):
    return SqliteRegistry.open(folder / "state" / "forewarn.db")


def live(folder, fuse):
    sys.addaudithook(fuse.watch)
    os.fsync = fuse.sync
    with opened(folder) as registry:
        registry._connection.set_trace_callback(lambda statement: fuse.burn())
        update(ports_on(folder, registry), host=HOST, now=SystemClock().now())


if __name__ == "__main__":
    this = Fuse(int(sys.argv[2]))
    live(Path(sys.argv[1]), this)
    os.write(1, f"{this.count}".encode())
    os._exit(0)
