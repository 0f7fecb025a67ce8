"""A host on a copy of a captured /proc tree, which a test can move on or break."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from agent.adapters.host.filters import Filters
from agent.adapters.host.host import LocalHost

GOLDEN = Path(__file__).parents[1] / "golden"
FILTERS = Filters(temperature=False, process_status=True)


class Captured:
    """A writable copy of one tree, at its instant `0`.

    Attributes:
        proc: The copy.
    """

    def __init__(self, tree: str, folder: Path) -> None:
        self.proc = folder / "proc"
        self._source = GOLDEN / tree
        self._open = ExitStack()
        shutil.copytree(self._source / "0", self.proc)

    def host(self, filters: Filters = FILTERS) -> LocalHost:
        """Return a new host on the copy."""
        host = LocalHost(proc=self.proc, filters=filters)
        self._open.callback(host.close)
        return host

    def move_to(self, instant: str, *, but: str = "") -> None:
        """Write the other instant's text into the very files that a host keeps open."""
        for source in (self._source / instant).rglob("*"):
            name = source.relative_to(self._source / instant)
            if source.is_file() and str(name) != but:
                (self.proc / name).write_bytes(source.read_bytes())

    def write(self, name: str, text: str) -> None:
        """Change one file."""
        (self.proc / name).write_text(text)

    def close(self) -> None:
        """Close every host."""
        self._open.close()


@contextmanager
def captured_host(tree: str, folder: Path) -> Iterator[Captured]:
    """Copy a tree, and close its hosts in the end."""
    there = Captured(tree, folder)
    try:
        yield there
    finally:
        there.close()
