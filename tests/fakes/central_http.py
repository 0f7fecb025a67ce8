"""A central on loopback that stores exactly once, and fails where it is told to."""

import gzip
import hashlib
import json

from tests.fakes.http import Handler, Server


class CentralServer(Server):
    """Takes reports and enrols hosts; everything else is a file of `folder`.

    Attributes:
        folder: The repository that it serves; None: none.
        tokens: Who may report; empty: anybody.
        join_token: What a host must show to be enrolled.
        asked: What was sent to be enrolled, oldest first.
        stored: What the reports say, by host and number.
        script: What the next requests come to instead, oldest first: a function of the
            handler and of whether the report is stored before; None: as usual.
    """

    def __init__(self, folder=None, *, context=None):
        self.folder = folder
        self.tokens = set()
        self.join_token = "join-me"  # noqa: S105 - of nobody
        self.asked = []
        self.stored = {}
        self.script = []
        super().__init__(_Central, context=context)

    @property
    def sequences(self):
        return sorted(number for _, number in self.stored)


class _Central(Handler):
    def do_GET(self):  # noqa: N802 - as the library has it
        path = None if self.server.folder is None else self._path()
        if path is None or not path.is_file():
            self._says(404, {"error": "no such file"})
            return
        content = path.read_bytes()
        self.begin(length=len(content))
        self.body(content)

    def do_POST(self):  # noqa: N802 - as the library has it
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/enroll"):
            self._enrol(json.loads(body))
            return
        script = self.server.script
        answer = script.pop(0) if script else None
        if answer is None:
            self._take(body)
        else:
            answer(self, body)

    def _path(self):
        return self.server.folder / self.path.lstrip("/")

    def _enrol(self, asked):
        self.server.asked.append(asked)
        if asked["join_token"] != self.server.join_token:
            self._says(403, {"error": f"no host joins by {asked['join_token']}"})
            return
        token = f"token-{len(self.server.tokens)}-of-{asked['host_id']}"
        self.server.tokens.add(token)
        self._says(200, {"token": token})

    def _take(self, body):
        token = (self.headers["Authorization"] or "").removeprefix("Bearer ")
        if self.server.tokens and token not in self.server.tokens:
            self._says(401, {"error": "expected the token of an enrolled host"})
            return
        status, answer = self.store(body)
        self._says(status, answer)

    def store(self, body):
        """Return status and answer; stored is what is not there."""
        stored = self.server.stored
        document = json.loads(gzip.decompress(body))
        key = document["host_id"], document["sequence"]
        is_same = stored.setdefault(key, document) == document
        through = max(n for host, n in stored if host == key[0])
        if is_same:
            return 200, {"received_through": through}
        return 409, {"error": "taken", "received_through": through}

    def _says(self, status, document, **headers):
        content = json.dumps(document).encode()
        self.begin(status, length=len(content), **headers)
        self.body(content)


def says(status, document=None, **headers):
    """Answer so, and store nothing."""
    return lambda handler, body: handler._says(status, document or {}, **headers)


def stores_and_hangs_up(handler, body):
    """Store the report; the answer is lost."""
    handler.store(body)
    handler.close_connection = True


def stores_and_stays_silent(handler, body):
    """Store the report, and let the other side wait."""
    handler.store(body)
    handler.pause(20)


def receipt_for(archive):
    """Return the receipt of a central that took an archive of reports in whole."""
    members = {m.name: archive.extractfile(m).read() for m in archive.getmembers()}
    manifest = json.loads(members.pop("manifest.json"))
    for each in manifest["reports"]:
        assert hashlib.sha256(members[each["file"]]).hexdigest() == each["sha256"]
    assert set(members) == {each["file"] for each in manifest["reports"]}
    received = [
        {"sequence": each["sequence"], "sha256": each["sha256"]}
        for each in manifest["reports"]
    ]
    return {"host_id": manifest["host_id"], "received": received}
