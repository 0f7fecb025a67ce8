"""Central on the web, before any database: slow, broken and too many requests."""

import asyncio
import socket
from contextlib import contextmanager
from threading import Thread

import httpx
import pytest
import uvicorn

from central.adapters.web import Limits, PeerProtocol, Tally, app_of
from central.core.answer import Answer, Verdict
from central.ports.intake import Shown
from tests.fakes.commands import eventually

SHOWN = "a-hosts-own"
HEADERS = {"Content-Encoding": "gzip", "Authorization": f"Bearer {SHOWN}"}


class FixedIntake:
    """Answers everything alike; keeps what it was shown and given."""

    def __init__(self, answer=None, *, host="host-000001"):
        self.answer = answer or Answer(verdict=Verdict.TAKEN, received_through=1)
        self.host = host
        self.shown = []
        self.bodies = []

    async def admit(self, shown):
        self.shown.append(shown)
        return self.host

    async def take(self, body, *, host_id):
        self.bodies.append(body)
        return self.answer

    async def enrol(self, asked):
        return self.answer if self.answer.is_refusal else "secret"

    async def check(self):
        return self.answer if self.answer.is_refusal else None


@pytest.fixture
def intake():
    return FixedIntake()


def app(intake, folder, **limits):
    given = {"max_report": 1000, "deadline_s": 0.2} | limits
    return app_of(intake, repository=folder, limits=Limits(**given), tally=Tally())


def asked(application, method, path, **request):
    """Return the answer of an application to one request."""

    async def ask():
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as web:
            return await web.request(method, path, **request)

    return asyncio.run(ask())


def posted(application, body=b"body", **headers):
    return asked(
        application,
        "POST",
        "/api/v1/reports",
        content=body,
        headers=HEADERS | headers,
    )


def test_a_report_is_handed_in_with_what_its_sender_shows(intake, tmp_path):
    assert posted(app(intake, tmp_path)).json() == {"received_through": 1}
    assert intake.shown == [Shown(token=SHOWN)]
    assert intake.bodies == [b"body"]


def test_the_body_of_one_who_is_not_let_in_is_not_read(tmp_path):
    refusal = Answer(verdict=Verdict.UNKNOWN, reason="nobody")
    intake = FixedIntake(host=refusal)
    answer = posted(app(intake, tmp_path), iter_of(b"x"), **{"Content-Length": "1"})
    assert (answer.status_code, answer.json()) == (401, {"error": "nobody"})
    assert intake.bodies == []


def test_a_body_that_drips_is_given_up_at_its_deadline(intake, tmp_path):
    async def drip():
        while True:
            yield b"x"
            await asyncio.sleep(0.05)

    answer = posted(app(intake, tmp_path), drip(), **{"Content-Length": "999"})
    assert answer.status_code == 408
    assert "expected the body within 0.2 s, got " in answer.json()["error"]
    assert answer.headers["Connection"] == "close"
    assert intake.bodies == []


def test_a_body_that_is_longer_than_it_said_is_not_read_on(intake, tmp_path):
    answer = posted(app(intake, tmp_path), iter_of(bytes(2)), **{"Content-Length": "1"})
    assert answer.status_code == 413
    assert intake.bodies == []


def test_a_body_in_chunks_is_not_read_whatever_length_it_claims(intake, tmp_path):
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    with (
        hurried(app(intake, tmp_path, deadline_s=10)) as port,
        socket.create_connection(("127.0.0.1", port), timeout=10) as line,
    ):
        line.sendall(
            f"POST /api/v1/reports HTTP/1.1\r\nHost: x\r\n{head}Content-Length: 1\r\n"
            "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n".encode()
        )
        with line.makefile("rb") as answers:
            answer = answers.read()
    assert answer.startswith(b"HTTP/1.1 411 ")
    assert b"got a Transfer-Encoding" in answer
    assert intake.shown == intake.bodies == []


def test_a_wish_to_enrol_in_chunks_is_not_read(intake, tmp_path):
    answer = asked(
        app(intake, tmp_path), "POST", "/api/v1/enroll", content=iter_of(b"{}")
    )
    assert answer.status_code == 411


def test_a_body_that_breaks_off_is_not_handed_in(intake, tmp_path):
    application, sent = app(intake, tmp_path), []
    messages = iter(
        [
            {"type": "http.request", "body": b"half", "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/reports",
        "headers": [
            (b"content-encoding", b"gzip"),
            (b"content-length", b"9"),
        ],
    }

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message)

    asyncio.run(application(scope, receive, send))
    assert sent[0]["status"] == 400
    assert intake.bodies == []


def test_more_than_there_is_room_for_is_asked_for_later(tmp_path):
    class SlowIntake(FixedIntake):
        async def take(self, body, *, host_id):
            await asyncio.sleep(0.1)
            return await super().take(body, host_id=host_id)

    intake = SlowIntake()
    application = app(intake, tmp_path, max_waiting_bytes=1500)

    async def ask():
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as web:
            requests = (
                web.post("/api/v1/reports", content=bytes(800), headers=HEADERS)
                for _ in range(3)
            )
            return await asyncio.gather(*requests)

    answers = asyncio.run(ask())
    assert sorted(each.status_code for each in answers) == [200, 503, 503]
    refused = next(each for each in answers if each.status_code == 503)
    assert refused.headers["Retry-After"] == "10"
    assert posted(application).status_code == 200


def test_what_cannot_be_had_now_is_told_everywhere(tmp_path):
    busy = Answer(verdict=Verdict.BUSY, reason="away", retry_after_s=30)
    application = app(FixedIntake(busy), tmp_path)
    answers = [
        posted(application),
        asked(application, "GET", "/healthz"),
        asked(application, "POST", "/api/v1/enroll", content=b"{}"),
    ]
    assert {each.status_code for each in answers} == {503}
    assert {each.headers["Retry-After"] for each in answers} == {"30"}
    assert {each.json()["error"] for each in answers} == {"away"}


def test_what_is_only_for_the_log_is_told_to_nobody_else(tmp_path, caplog):
    busy = Answer(verdict=Verdict.BUSY, reason="fleet.db: damaged", told="later")
    application = app(FixedIntake(busy), tmp_path)
    for answer in (posted(application), asked(application, "GET", "/healthz")):
        assert answer.json() == {"error": "later"}
    told = [each.message for each in caplog.records if "damaged" in each.message]
    assert [each.split()[0] for each in told] == ["report_refused", "not_healthy"]


def test_a_token_is_kept_by_no_cache(intake, tmp_path):
    answer = asked(app(intake, tmp_path), "POST", "/api/v1/enroll", content=b"{}")
    assert answer.json() == {"token": "secret"}
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_long_wish_to_enrol_is_not_read(intake, tmp_path):
    answer = asked(app(intake, tmp_path), "POST", "/api/v1/enroll", content=bytes(5000))
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/reports", 405),
        ("POST", "/metadata/1.root.json", 405),
        ("GET", "/metadata/1.root.json", 404),
        ("GET", "/", 404),
        ("HEAD", "/healthz", 200),
    ],
)
def test_what_is_not_there_is_said_to_be_so(intake, tmp_path, method, path, status):
    assert asked(app(intake, tmp_path), method, path).status_code == status


def test_what_nobody_may_read_is_as_if_it_were_not_there(intake, tmp_path, monkeypatch):
    (tmp_path / "metadata").mkdir()
    application = app(intake, tmp_path)
    files = next(each.app for each in application.routes if each.path == "/metadata")

    def closed(path):
        raise PermissionError

    monkeypatch.setattr(files, "lookup_path", closed)
    assert asked(application, "GET", "/metadata/1.root.json").status_code == 404


def iter_of(*pieces):
    async def each():
        for piece in pieces:
            yield piece

    return each()


# Connections ------------------------------------------------------------------------


class HurriedProtocol(PeerProtocol):
    head_deadline_s = 0.3


@contextmanager
def hurried(application):
    """Yield the port of a server in a thread that closes slow connections soon."""
    config = uvicorn.Config(
        application,
        http=HurriedProtocol,
        loop="asyncio",
        lifespan="off",
        log_config=None,
        ws="none",
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as opened:
        thread = Thread(target=server.run, args=([opened],))
        thread.start()
        try:
            eventually(lambda: server.started)
            yield opened.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def test_a_head_that_drips_is_given_up(intake, tmp_path):
    with (
        hurried(app(intake, tmp_path)) as port,
        socket.create_connection(("127.0.0.1", port), timeout=10) as line,
    ):
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost:")
        assert line.recv(100) == b""


def test_a_second_head_that_drips_is_given_up(intake, tmp_path):
    with (
        hurried(app(intake, tmp_path)) as port,
        socket.create_connection(("127.0.0.1", port), timeout=10) as line,
    ):
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost:")
        with line.makefile("rb") as answers:
            assert answers.read().count(b"200 OK") == 1


def test_a_quick_head_before_a_slow_body_is_not_given_up(intake, tmp_path):
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    with (
        hurried(app(intake, tmp_path, deadline_s=10)) as port,
        socket.create_connection(("127.0.0.1", port), timeout=10) as line,
    ):
        line.sendall(
            f"POST /api/v1/reports HTTP/1.1\r\nHost: x\r\n{head}"
            "Content-Length: 2\r\n\r\na".encode()
        )
        assert not line.settimeout(0.6)
        with pytest.raises(TimeoutError):
            line.recv(1)
        line.sendall(b"b")
        assert b"200 OK" in line.recv(1000)
    assert intake.bodies == [b"ab"]
