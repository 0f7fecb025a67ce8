"""Central's server as a process: hosts enrol, report and are shut out; it ends well."""

import gzip
import json
import socket
import ssl
from contextlib import closing
from threading import Thread
from urllib.parse import urlsplit

import httpx
import pytest

from central.cli import main
from central.wiring.fleet import opened_fleet
from tests.fakes.central import (
    HostAt,
    central_folder,
    join_token,
    packed,
    serving,
)
from tests.fakes.certificates import Authority
from tests.fakes.told import HOST, full_report, report

OTHER = "host-000002"
SETTINGS = """
[serve]
max_report = "20kB"
max_unpacked = "1MB"
reports_a_minute = 30
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = central_folder(tmp_path_factory.mktemp("central"), settings=SETTINGS)
    (folder / "repository/metadata/1.root.json").write_text('{"signed": {}}')
    (folder / "repository/metadata/timestamp.json").write_text('{"version": 1}')
    (folder / "repository/targets/ab.model.onnx").write_bytes(bytes(range(200)))
    (folder / "repository/targets/ab.model.onnx.part").write_bytes(b"half")
    (folder / "repository/targets/link").symlink_to(folder / "fleet.toml")
    (folder / "secret").write_text("secret")
    with serving(folder) as server:
        yield server


@pytest.fixture
def host(server):
    """Return an enrolled host that nobody else is."""
    number = len(held(server.folder)) + 100
    with HostAt(server.url, f"host-{number:06}") as host:
        assert host.enrols(join_token(server.folder)).status_code == 200
        yield host


def held(folder):
    """Return what is known of each host: its highest number, and its holes."""
    with opened_fleet(folder) as state:
        return {
            row.host_id: (row.received_through, list(row.holes))
            for row in state.fleet.hosts()
        }


def test_a_host_enrols_reports_and_is_acknowledged(server, host):
    answers = [host.reports(number) for number in (1, 2, 2, 4)]
    assert [each.json() for each in answers] == [
        {"received_through": 1},
        {"received_through": 2},
        {"received_through": 2},
        {"received_through": 4},
    ]
    assert held(server.folder)[host.host_id] == (4, [(3, 3)])


def test_a_number_of_another_report_is_answered_with_where_to_go_on(host):
    host.reports(5)
    answer = host.reports(5, agent="2.0")
    assert answer.status_code == 409
    assert answer.json()["received_through"] == 5


def test_a_revoked_host_is_shut_out_at_once(server, host):
    host.reports(1)
    assert main(["hosts", "revoke", host.host_id, "--dir", str(server.folder)]) == 0
    answer = host.reports(2)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert held(server.folder)[host.host_id] == (1, [])
    assert host.enrols(join_token(server.folder)).status_code == 403


def test_a_wrong_join_token_gives_none(server):
    with HostAt(server.url, OTHER) as host:
        answer = host.enrols("guess")
    assert (answer.status_code, host.token) == (403, None)
    server.told("enrolment_refused")
    assert "guess" not in server.log.read_text()


LONG = gzip.compress(bytes(10_000_000))  # packs to about 10 kB
REFUSED = [
    pytest.param(b"no gzip", {}, 400, id="malformed"),
    pytest.param(packed(report(9, host_id=OTHER)), {}, 403, id="foreign_host"),
    pytest.param(b"", {"Authorization": "Bearer guess"}, 401, id="unknown"),
    pytest.param(b"", {"Authorization": "Basic eDp5"}, 401, id="not_a_bearer"),
    pytest.param(bytes(20_001), {}, 413, id="too_long"),
    pytest.param(bytes(9_000_000), {}, 413, id="far_too_long"),
    pytest.param(LONG, {}, 413, id="a_bomb"),
    pytest.param(b"", {"Content-Encoding": "br"}, 415, id="another_encoding"),
    pytest.param(b"", {"Content-Type": "text/html"}, 415, id="another_type"),
]


@pytest.mark.parametrize(("body", "headers", "status"), REFUSED)
def test_what_is_refused_has_a_reason_and_the_next_report_is_taken(
    server, host, body, headers, status
):
    answer = host.sends(body, **headers)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert held(server.folder)[host.host_id] == (0, [])
    assert host.reports(1).json() == {"received_through": 1}
    assert host.token not in server.log.read_text()


def test_what_a_log_line_quotes_cannot_end_it(server, host):
    body = json.dumps({"schema": 1, "x\nERROR forged": 1}).encode()
    host.sends(gzip.compress(body))
    server.told("forged")
    lines = server.log.read_text().splitlines()
    assert not [line for line in lines if line.startswith("ERROR forged")]


def test_who_comes_too_often_is_told_when_to_come_again(server, host):
    answers = [host.reports(number) for number in range(1, 41)]
    taken = [each for each in answers if each.status_code == 200]
    later = [each for each in answers if each.status_code == 429]
    assert 30 <= len(taken) < 40
    assert len(taken) + len(later) == 40
    assert {each.headers["Retry-After"] for each in later} <= {"1", "2"}
    stored, holes = held(server.folder)[host.host_id]
    missed = sum(last - first + 1 for first, last in holes)
    assert stored - missed == len(taken)


def test_the_repository_is_served_as_files(server):
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        whole = client.get("/targets/ab.model.onnx")
        rest = client.get("/targets/ab.model.onnx", headers={"Range": "bytes=150-"})
        none = client.get("/targets/ab.model.onnx", headers={"Range": "bytes=200-"})
        newest = client.get("/metadata/timestamp.json")
        missing = client.get("/metadata/2.root.json")
    assert whole.content == bytes(range(200))
    assert "immutable" in whole.headers["Cache-Control"]
    assert (rest.status_code, rest.content) == (206, bytes(range(150, 200)))
    assert rest.headers["Content-Range"] == "bytes 150-199/200"
    assert none.status_code == 416
    assert newest.headers["Cache-Control"] == "max-age=60"
    assert (missing.status_code, missing.headers["Cache-Control"]) == (
        404,
        "max-age=60",
    )
    assert not [
        each for each in (whole, newest, missing) if "Content-Encoding" in each.headers
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/fleet.db",
        "/keys/root.pem",
        "/metadata/",
        "/metadata/../../secret",
        "/metadata/..%2f..%2fsecret",
        "/metadata/%2e%2e/%2e%2e/secret",
        "/metadata//etc/passwd",
        "/metadata/%00",
        "/metadata/" + "x" * 300,
        "/targets/link",
        "/targets/ab.model.onnx.part",
    ],
)
def test_nothing_but_the_repositorys_files_is_served(server, path):
    place = urlsplit(server.url)
    with socket.create_connection((place.hostname, place.port), timeout=10) as line:
        line.sendall(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        )
        with line.makefile("rb") as answer:
            head = answer.read()
    assert head.startswith(b"HTTP/1.1 404 ")
    assert b"secret" not in head


def test_it_counts_what_it_answers(server, host):
    host.reports(1)
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        text = client.get("/metrics").text
        assert client.get("/healthz").json() == {"status": "ok"}
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
    assert int(lines['forewarn_central_reports_total{answer="taken"}']) > 0
    assert int(lines["forewarn_central_report_bytes_total"]) > 0
    assert (
        lines['forewarn_central_report_seconds_bucket{le="+Inf"}']
        == lines["forewarn_central_report_seconds_count"]
    )


def test_sigterm_lets_what_was_begun_end_and_leaves_with_0(tmp_path):
    folder = central_folder(tmp_path / "central")
    body = packed(full_report(1, samples=50))
    with serving(folder) as server, HostAt(server.url) as host:
        host.enrols(join_token(folder))
        place = urlsplit(server.url)
        with socket.create_connection((place.hostname, place.port), timeout=10) as line:
            line.sendall(_head(host.token, length=len(body)) + body[:100])
            host.client.get("/healthz")
            host.client.close()
            status = []
            ending = Thread(target=lambda: status.append(server.stop()))
            ending.start()
            line.sendall(body[100:])
            with line.makefile("rb") as answer:
                assert b'{"received_through":1}' in answer.read()
            ending.join()
        assert status == [0]
    assert held(folder) == {HOST: (1, [])}


def _head(token, *, length):
    return (
        f"POST /api/v1/reports HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def test_a_port_in_use_is_told(server, capsys):
    place = urlsplit(server.url)
    given = ["--dir", str(server.folder), "--listen", f"127.0.0.1:{place.port}"]
    assert main(["serve", *given]) == 75
    assert "Address already in use" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param(["--listen", "nowhere"], "expected HOST:PORT", id="no_port"),
        pytest.param(["--key", "k.pem"], "expected --cert", id="a_key_alone"),
        pytest.param(["--cert", "none.pem"], "none.pem: expected a cert", id="no_file"),
    ],
)
def test_what_cannot_be_served_with_is_told(tmp_path, capsys, options, words):
    folder = central_folder(tmp_path / "central")
    assert main(["serve", "--dir", str(folder), *options]) in (2, 78)
    assert words in capsys.readouterr().err


def test_a_folder_that_is_not_centrals_gets_no_database(tmp_path, capsys):
    assert main(["serve", "--dir", str(tmp_path)]) == 78
    assert main(["hosts", "--dir", str(tmp_path)]) == 78
    assert "expected central's folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# TLS --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """Return a server with TLS, and the authorities of itself and of its hosts."""
    folder = central_folder(tmp_path_factory.mktemp("guarded") / "central")
    servers = Authority(folder.parent / "servers", "servers")
    hosts = Authority(folder.parent / "hosts", "hosts")
    cert, key = servers.issue("server")
    given = ["--cert", cert, "--key", key, "--client-ca", hosts.ca_file]
    with serving(folder, *given) as server:
        yield server, servers, hosts


def context_of(servers, certificate=None):
    context = ssl.create_default_context(cafile=servers.ca_file)
    if certificate is not None:
        context.load_cert_chain(*certificate)
    return context


def test_a_client_certificate_stands_for_a_token(guarded):
    server, servers, hosts = guarded
    context = context_of(servers, hosts.issue(HOST))
    with HostAt(server.url, context=context) as host:
        assert host.reports(1).json() == {"received_through": 1}
        foreign = host.sends(packed(report(1, host_id=OTHER)))
    assert foreign.status_code == 403
    assert held(server.folder)[HOST] == (1, [])


def test_a_token_goes_over_tls_without_a_certificate(guarded):
    server, servers, _ = guarded
    with HostAt(server.url, "host-000003", context=context_of(servers)) as host:
        assert host.reports(1).status_code == 401
        host.enrols(join_token(server.folder))
        assert host.reports(1).status_code == 200


def test_a_revoked_host_is_shut_out_with_its_certificate(guarded):
    server, servers, hosts = guarded
    host_id = "host-000004"
    context = context_of(servers, hosts.issue(host_id))
    with HostAt(server.url, host_id, context=context) as host:
        assert host.reports(1).status_code == 200
        with opened_fleet(server.folder) as state:
            state.enrolment.revoke(host_id, now=report(1).window.end)
        answer = host.reports(2)
    assert answer.status_code == 403
    assert host_id in answer.json()["error"]


def test_a_certificate_of_another_authority_lets_nobody_in(guarded, tmp_path):
    server, servers, _ = guarded
    stranger = Authority(tmp_path / "others", "hosts").issue(HOST)
    with (
        HostAt(server.url, context=context_of(servers, stranger)) as host,
        pytest.raises(httpx.TransportError),
    ):
        host.reports(9)


def test_who_drips_a_head_without_end_does_not_stop_others(server, host):
    place = urlsplit(server.url)
    with closing(socket.create_connection((place.hostname, place.port))) as line:
        line.sendall(b"POST /api/v1/reports HTTP/1.1\r\nHost:")
        assert host.reports(1).status_code == 200
