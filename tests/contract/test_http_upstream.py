"""Reports over HTTP: what each answer means, bounded in time and length, no secrets."""

import gzip
import json
import ssl
from contextlib import closing
from datetime import timedelta
from email.utils import format_datetime

import pytest

from agent.adapters.http.upstream import HttpUpstream
from agent.errors import ConfigError
from agent.ports.reporting import Later, Refused, Taken
from tests.fakes.certificates import Authority
from tests.fakes.http import Handler, Server
from tests.fakes.ledger import START
from tests.fakes.spool import parcel

PARCEL = parcel(41, said="hello")
TOKEN = "s3cret-of-this-host"  # noqa: S105 - of nobody


class central(Server):  # noqa: N801 - reads as a verb
    """Answer each report as `answer` does, a function of the handler.

    Attributes:
        bodies: What was handed in, as it came.
    """

    def __init__(self, answer=None, *, context=None):
        self.answer = answer or says(200, {"received_through": 41})
        self.bodies = []
        super().__init__(_Central, context=context)


class _Central(Handler):
    def do_POST(self):  # noqa: N802 - as the library has it
        length = int(self.headers["Content-Length"])
        self.server.bodies.append(self.rfile.read(length))
        self.server.answer(self)


def says(status, content=b"", **headers):
    """Answer with JSON, or with these bytes."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()

    def answer(handler):
        handler.begin(status, length=len(body), **headers)
        handler.body(body)

    return answer


def asked(url, **given):
    """Send a report and return what came of it."""
    given = {"context": _plain(), "now": START, **given}
    with closing(HttpUpstream(url, **given)) as upstream:
        return upstream.send(PARCEL)


def _plain():
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def answered(answer, **given):
    with central(answer) as server:
        return asked(server.url, **given)


# --- what is sent


@pytest.mark.parametrize("end", ["", "/", "/below/"])
def test_the_very_bytes_leave_packed_and_with_the_token(end):
    with central() as server:
        assert asked(server.url + end, token=TOKEN) == Taken(received_through=41)
    (visit,) = server.visits
    assert (visit.method, visit.path) == (
        "POST",
        f"{end.rstrip('/')}/api/v1/reports",
    )
    assert server.bodies == [PARCEL.body]
    told = {name.lower(): value for name, value in visit.headers.items()}
    assert told["content-type"] == "application/json"
    assert told["content-encoding"] == "gzip"
    assert told["authorization"] == f"Bearer {TOKEN}"
    assert told["accept-encoding"] == "identity"
    assert json.loads(gzip.decompress(server.bodies[0]))["sequence"] == 41


def test_several_reports_share_a_connection():
    with (
        central() as server,
        closing(HttpUpstream(server.url, context=_plain(), now=START)) as upstream,
    ):
        assert [upstream.send(PARCEL) for _ in "abc"] == [
            Taken(received_through=41)
        ] * 3
        assert len(server.visits) == 3


# --- what it comes to


@pytest.mark.parametrize(
    ("status", "content", "expected"),
    [
        (200, {"received_through": 41}, Taken(received_through=41)),
        (200, {"received_through": 41, "more": 1}, Taken(received_through=41)),
        (
            400,
            {"error": "drift: expected"},
            Refused(status=400, reason="400 Bad Request: drift: expected"),
        ),
        (
            413,
            b"<html>no",
            Refused(status=413, reason="413 Request Entity Too Large"),
        ),
        (422, {}, Refused(status=422, reason="422 Unprocessable Entity")),
        (
            409,
            {"error": "taken", "received_through": 57},
            Refused(status=409, reason="409 Conflict: taken", received_through=57),
        ),
        (409, b"busy", Refused(status=409, reason="409 Conflict")),
    ],
)
def test_what_central_answers(status, content, expected):
    assert answered(says(status, content)) == expected


@pytest.mark.parametrize("status", [202, 204, 301, 404, 405, 408, 411, 415, 500, 502])
def test_any_other_answer_means_later(status):
    later = answered(says(status))
    assert later.after_s is None
    assert f"/api/v1/reports: expected status 200, got {status}" in later.reason


@pytest.mark.parametrize(
    "content",
    [
        b"<!doctype html><title>Log in</title>",
        b"",
        b"[]",
        b'{"received_through": "41"}',
        b'{"received_through": 41.5}',
        b"\xff",
        b"[" * 60_000,
        b" " * 70_000 + b'{"received_through": 41}',
    ],
)
def test_a_page_that_is_not_centrals_acknowledges_nothing(content):
    later = answered(says(200, content))
    assert isinstance(later, Later)
    assert later.reason.endswith("is there a login page in between?")


def test_an_encoded_answer_acknowledges_nothing():
    packed = gzip.compress(b'{"received_through": 41}')
    assert isinstance(answered(says(200, packed, Content_Encoding="gzip")), Later)


def test_a_redirect_is_not_followed():
    with central() as elsewhere:
        later = answered(says(302, Location=elsewhere.url))
        assert isinstance(later, Later)
        assert elsewhere.visits == []


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "enrol it by `forewarn enroll`"), (403, "a host that is not revoked")],
)
def test_who_is_not_let_in_needs_a_person(status, words):
    with pytest.raises(ConfigError, match=words) as refused:
        answered(says(status, {"error": f"no {TOKEN}\nhere"}), token=TOKEN)
    assert TOKEN not in str(refused.value)
    assert str(refused.value).endswith(": no ... here")


def test_a_long_reason_is_cut():
    refused = answered(says(400, {"error": "x" * 5_000}))
    assert len(refused.reason) < 400


# --- Retry-After


@pytest.mark.parametrize(
    ("told", "clock", "after_s"),
    [
        ("120", None, 120),
        ("0", None, 0),
        ("9" * 40, None, 999_999_999_999),
        ("soon", None, None),
        ("-5", None, None),
        (None, None, None),
        (timedelta(seconds=90), timedelta(), 90),
        (timedelta(seconds=90), timedelta(days=400), 90),
        (timedelta(seconds=-90), timedelta(), 0),
        (timedelta(seconds=90), None, 90),
        ("Thu, 01 Jan 2026 00:00:00", None, None),
        ("Thu, 41 Jan 2026 00:00:00 GMT", None, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_how_long_it_asks_to_wait(status, told, clock, after_s):
    """A date is read by the server's clock, which may be 400 days ahead."""
    since = START.replace(microsecond=0) + (clock or timedelta())
    if isinstance(told, timedelta):
        told = format_datetime(since + told, usegmt=True)

    def answer(handler):
        handler.date_time_string = lambda: (
            "" if clock is None else format_datetime(since, usegmt=True)
        )
        says(status, **({} if told is None else {"Retry_After": told}))(handler)

    later = answered(answer, now=since)
    assert isinstance(later, Later)
    assert later.after_s == after_s


# --- the network


def test_a_server_that_is_not_there_means_later():
    later = asked("http://user:pass@127.0.0.1:9")
    assert isinstance(later, Later)
    assert "expected an answer, got: " in later.reason
    assert "pass" not in later.reason


def silent(handler):
    handler.pause(10)


def cut(handler):
    handler.begin(200, length=100)
    handler.body(b'{"received')
    handler.close_connection = True


def dripping(handler):
    handler.begin(200, length=1_000)
    for _ in range(1_000):
        if not handler.pause(0.05):
            return
        handler.body(b" ")


def endless(handler):
    handler.begin(200)
    while handler.pause(0):
        handler.body(b" " * 65_536)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (silent, "too slow, no byte came in time"),
        (cut, "expected an answer, got: "),
        (dripping, "too slow, not over after 0.5 s"),
        (endless, "expected a number, received_through"),
    ],
)
def test_a_slow_or_broken_answer_means_later(answer, words):
    later = answered(answer, timeout_s=0.3, deadline_s=0.5)
    assert isinstance(later, Later)
    assert words in later.reason


def test_an_answer_that_comes_before_all_was_said_counts():
    def refuse(handler):
        handler.begin(413, length=2)
        handler.body(b"{}")
        handler.close_connection = True

    class Hasty(_Central):
        def do_POST(self):  # noqa: N802 - as above
            refuse(self)

    long = parcel(41, said=gzip.compress(bytes(range(256)) * 40_000).hex())
    with Server(Hasty) as server:
        url = server.url
        with closing(HttpUpstream(url, context=_plain(), now=START)) as upstream:
            answer = upstream.send(long)
    assert answer == Refused(status=413, reason="413 Request Entity Too Large")


# --- TLS and proxies


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "ca")


def test_a_client_certificate_lets_a_host_in(authority):
    context = authority.server_context(wants_client=True)
    with central(context=context) as server:
        assert asked(
            server.url, context=authority.client_context("0123456789abcdef")
        ) == Taken(received_through=41)
        later = asked(server.url, context=authority.client_context())
    assert "central.client_cert if the server wants one" in later.reason
    assert len(server.bodies) == 1


def test_a_server_that_nobody_vouches_for_gets_neither_report_nor_token(
    authority, tmp_path
):
    other = Authority(tmp_path / "other")
    with central(context=authority.server_context()) as server:
        later = asked(server.url, context=other.client_context(), token=TOKEN)
    assert "a certificate that central.ca_file or the system vouches for" in (
        later.reason
    )
    assert server.bodies == []


def test_it_goes_through_the_proxy_and_past_it():
    with central() as server, central(says(503)) as proxy:
        assert isinstance(asked(server.url, proxy=proxy.url), Later)
        assert proxy.visits[0].path == f"{server.url}/api/v1/reports"
        assert server.visits == []
        past = asked(server.url, proxy=proxy.url, no_proxy=["127.0.0.1"])
        assert past == Taken(received_through=41)


@pytest.mark.parametrize("token", ["", "two\nlines", "caf\u00e9"])
def test_a_token_that_no_header_can_hold_is_the_operators(token):
    with pytest.raises(ConfigError, match=r"^central\.token: expected one line"):
        asked("http://127.0.0.1:9", token=token)
