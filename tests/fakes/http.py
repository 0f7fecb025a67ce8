"""Servers on loopback: one of files, one whose answers a test chooses, and a proxy."""

import gzip
import select
import socket
import ssl
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from http.server import (
    BaseHTTPRequestHandler,
    SimpleHTTPRequestHandler,
    ThreadingHTTPServer,
)
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple
from urllib.parse import urlsplit

# Longest wait for a client that neither speaks nor goes.
PATIENCE_S = 10


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class serving:  # noqa: N801 - reads as a verb
    """Serve a folder on loopback."""

    def __init__(self, folder, handler=QuietHandler):
        def handle(*given):
            return handler(*given, directory=str(folder))

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handle)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self):
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Visit(NamedTuple):
    """One request: what was asked, and how many bytes of body went out."""

    method: str
    path: str
    headers: dict[str, str]
    sent: list[int]

    @property
    def sent_bytes(self):
        return sum(self.sent)


class Server(ThreadingHTTPServer):
    """Keeps what it was asked; its threads end before it does."""

    daemon_threads = False

    def __init__(self, handler, *, context=None):
        super().__init__(("127.0.0.1", 0), handler)
        self.context = context
        self.visits = []
        self.is_over = Event()
        self._thread = Thread(target=self.serve_forever, args=(0.01,))

    @property
    def url(self):
        scheme = "http" if self.context is None else "https"
        return f"{scheme}://127.0.0.1:{self.server_port}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.shutdown()
        self._thread.join()
        self.server_close()

    def get_request(self):
        connection, address = super().get_request()
        if self.context is not None:
            connection = self.context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def handle_error(self, *_):
        """Stay quiet: clients that go away are what is tested."""


class Handler(BaseHTTPRequestHandler):
    """One connection; `visit` is the request that it is at."""

    protocol_version = "HTTP/1.1"
    timeout = PATIENCE_S
    server: Server

    def handle(self):
        if isinstance(self.request, ssl.SSLSocket) and not self._has_shaken_hands():
            return
        with suppress(OSError):
            super().handle()

    def finish(self):
        with suppress(OSError):
            super().finish()

    def log_message(self, *_):
        pass

    def begin(self, status=200, *, length=None, **headers):
        """Send the head of an answer; without `length`, the end of it is the end."""
        self.visit = Visit(self.command, self.path, dict(self.headers), [])
        self.server.visits.append(self.visit)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if length is None:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def body(self, piece):
        self.wfile.write(piece)
        self.visit.sent.append(len(piece))

    def pause(self, seconds):
        """Wait; return False if the server is to end."""
        return not self.server.is_over.wait(seconds)

    def _has_shaken_hands(self):
        try:
            self.request.do_handshake()
        except OSError:
            # What is left unread would turn the alert into a reset.
            with suppress(OSError):
                while socket.socket.recv(self.request, 4096):
                    pass
            return False
        return True


class scripted(Server):  # noqa: N801 - reads as a verb
    """Serve a folder, but for files whose path ends as a key of `script` does.

    Each value there is a function of the handler and the file's bytes.
    """

    def __init__(self, folder, *, context=None):
        self.folder = Path(folder)
        self.script = {}
        super().__init__(_Scripted, context=context)

    def visits_to(self, end):
        return [visit for visit in self.visits if visit.path.endswith(end)]


class _Scripted(Handler):
    def do_GET(self):
        path = self.server.folder / urlsplit(self.path).path.lstrip("/")
        content = path.read_bytes() if path.is_file() else None
        script = self.server.script
        answers = [script[end] for end in script if self.path.endswith(end)]
        if answers:
            answers[0](self, content)
        elif content is None:
            status(404)(self, b"")
        else:
            whole(self, content)


# --- answers


def whole(handler, content):
    """Give all of it, asked for a range or not."""
    handler.begin(length=len(content))
    handler.body(content)


def ranged(handler, content):
    """Give what was asked for, as a good server does."""
    asked = handler.headers.get("Range")
    if asked is None:
        whole(handler, content)
        return
    since = int(asked.removeprefix("bytes=").removesuffix("-"))
    if since >= len(content):
        handler.begin(416, length=0, Content_Range=f"bytes */{len(content)}")
        return
    last = len(content) - 1
    told = f"bytes {since}-{last}/{len(content)}"
    handler.begin(206, length=last + 1 - since, Content_Range=told)
    handler.body(content[since:])


def rest_told_as(told):
    """Answer a range with another `Content-Range`; None: with none."""

    def answer(handler, content):
        if "Range" not in handler.headers:
            whole(handler, content)
            return
        headers = {} if told is None else {"Content_Range": told}
        handler.begin(206, length=len(content), **headers)
        handler.body(content)

    return answer


def status(code, **headers):
    def answer(handler, content):
        handler.begin(code, length=5, **headers)
        handler.body(b"sorry")

    return answer


def page(handler, content):
    """Give a login page, as a captive portal does."""
    whole(handler, b"<!doctype html><title>Log in</title>")


def other(handler, content):
    """Give as many bytes, the last one changed."""
    whole(handler, content[:-1] + bytes([content[-1] ^ 1]))


def cut_after(size):
    """Promise all, give a part, hang up."""

    def answer(handler, content):
        handler.begin(length=len(content))
        handler.body(content[:size])
        handler.close_connection = True

    return answer


def longer(handler, content):
    """Tell a length of one byte more."""
    handler.begin(length=len(content) + 1)
    handler.body(content + b"\0")


def endless(handler, content):
    handler.begin()
    while handler.pause(0):
        handler.body(b"x" * 65_536)


def gzip_bomb(handler, content):
    packed = gzip.compress(b"\0" * 50_000_000)
    handler.begin(length=len(packed), Content_Encoding="gzip")
    handler.body(packed)


def dripping(size, *, first=0, tick_s=0.05):
    """Give `first` bytes at once, then `size` a tick."""

    def answer(handler, content):
        handler.begin(length=len(content))
        handler.body(content[:first])
        for start in range(first, len(content), size):
            if not handler.pause(tick_s):
                return
            handler.body(content[start : start + size])

    return answer


def silent(handler, content):
    """Give the head and nothing more."""
    handler.begin(length=len(content))
    handler.pause(PATIENCE_S)


# --- a proxy


class proxying(Server):  # noqa: N801 - reads as a verb
    """A proxy that lets everything through, or with `refusal` nothing."""

    def __init__(self, *, refusal=None, context=None):
        self.refusal = refusal
        super().__init__(_Proxy, context=context)

    @property
    def asked(self):
        return [f"{visit.method} {visit.path}" for visit in self.visits]


class _Proxy(Handler):
    def do_CONNECT(self):
        if self.server.refusal is not None:
            self.begin(self.server.refusal, length=0)
            return
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port)), PATIENCE_S) as upstream:
            self.begin(200, length=0)
            self._pump(upstream)
        self.close_connection = True

    def do_GET(self):
        if self.server.refusal is not None:
            self.begin(self.server.refusal, length=0)
            return
        url = urlsplit(self.path)
        upstream = HTTPConnection(url.hostname, url.port, timeout=PATIENCE_S)
        try:
            upstream.request("GET", url.path)
            answer = upstream.getresponse()
            content = answer.read()
            self.begin(answer.status, length=len(content))
            self.body(content)
        finally:
            upstream.close()

    def _pump(self, upstream):
        other_end = {self.connection: upstream, upstream: self.connection}
        while self.pause(0):
            for end in select.select(list(other_end), [], [], 0.05)[0]:
                piece = end.recv(65_536)
                if not piece:
                    return
                other_end[end].sendall(piece)


@contextmanager
def dripping_head(*, tick_s=0.05):
    """Answer every connection with a head that never ends, a byte at a time."""
    over = Event()

    def drip():
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not over.wait(tick_s):
                    connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        thread = Thread(target=drip)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            thread.join()
