"""Central's server as a process, and hosts that talk to it."""

import gzip
import json
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec

from central.flows.admit import digest
from central.wiring.fleet import opened_fleet
from tests.fakes.commands import eventually
from tests.fakes.told import HOST, report

ROOT = Path(__file__).parents[2]
MAIN = "import sys; from central.cli import main; sys.exit(main())"
# Central reads the clock of this machine: a token must last beyond any of them.
LATE = datetime(2999, 1, 1, tzinfo=UTC)


def central_folder(folder, *, settings=""):
    """Return a folder that looks as `init` made it, with nothing published."""
    (folder / "repository" / "metadata").mkdir(parents=True)
    (folder / "repository" / "targets").mkdir()
    (folder / "central.toml").write_text("")
    (folder / "fleet.toml").write_text(settings)
    return folder


def packed(envelope):
    """Return a report as it is sent."""
    return gzip.compress(msgspec.json.encode(envelope), 1, mtime=0)


class Server:
    """`forewarn-central serve` in a process of its own."""

    def __init__(self, folder, *options):
        self.folder = folder
        self.log = folder / "server.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                [
                    sys.executable,
                    "-c",
                    MAIN,
                    "serve",
                    "--json",
                    "--dir",
                    str(folder),
                    "--listen",
                    "127.0.0.1:0",
                    *map(str, options),
                ],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        line = self.process.stdout.readline()
        assert line, self.log.read_text()
        self.url = json.loads(line)["listening"]

    def stop(self):
        """End it by SIGTERM; return its exit status."""
        self.process.terminate()
        return self.process.wait(timeout=40)

    def kill(self):
        """End it at once, whatever it does."""
        self.process.kill()
        self.process.wait()

    def told(self, words):
        """Wait until the log holds these words."""
        eventually(lambda: words in self.log.read_text())


@contextmanager
def serving(folder, *options):
    """Yield a server that answers; it is gone afterwards."""
    server = Server(folder, *options)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.kill()
        server.process.stdout.close()


def join_token(folder, *, uses=1, host_id=None):
    """Let hosts enrol with a token, or one alone; return it."""
    word = "join"
    with opened_fleet(folder) as state:
        state.enrolment.add_join_token(
            digest(word),
            name="test",
            expires_at=LATE,
            uses=uses,
            host_id=host_id,
        )
    return word


class HostAt:
    """A host that sends to a server.

    Args:
        url: The server's.
        host_id: Who it is.
        token: None: it is to enrol first, or shows a certificate.
        context: Whom it trusts, and what it shows; None: no TLS.
    """

    def __init__(self, url, host_id=HOST, *, token=None, context=None):
        self.host_id = host_id
        self.token = token
        self.client = httpx.Client(
            base_url=url, verify=context or True, trust_env=False, timeout=30
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    def enrols(self, join):
        """Ask for a token; return the answer."""
        asked = {"host_id": self.host_id, "join_token": join, "agent": "1.0"}
        answer = self.client.post("/api/v1/enroll", json=asked)
        if answer.is_success:
            self.token = answer.json()["token"]
        return answer

    def sends(self, body, **headers):
        """Send bytes as a report; return the answer."""
        known = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        if self.token is not None:
            known["Authorization"] = f"Bearer {self.token}"
        return self.client.post(
            "/api/v1/reports", content=body, headers=known | headers
        )

    def reports(self, sequence=1, **parts):
        """Send a report of this number; return the answer."""
        return self.sends(packed(report(sequence, host_id=self.host_id, **parts)))
