"""The fetcher over HTTP: bounded, never misled, and it goes on where it was cut off.

python-tuf's own client drives it wherever an attack is about what was signed.
"""

import hashlib
import json
import os
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from tuf.api import exceptions
from tuf.api.serialization import DeserializationError
from tuf.ngclient import Updater

from agent.adapters.clock import SystemClock
from agent.adapters.http.fetcher import HttpFetcher
from agent.adapters.http.proxy import is_direct
from agent.adapters.http.staging import Staging
from agent.errors import ConfigError, StateError
from tests.fakes import http
from tests.fakes.certificates import Authority
from tests.fakes.http import proxying, scripted
from tests.fakes.signed import Publisher

TARGET = "models/cpu-busy/1/model.onnx"
MODEL = hashlib.shake_256(b"model").digest(1_500_000)
CUT = 900_000
# python-tuf reads the host's clock itself.
NOW = SystemClock().now()


@pytest.fixture(scope="module")
def publisher(tmp_path_factory):
    publisher = Publisher(tmp_path_factory.mktemp("repository"), now=NOW)
    publisher.publish("cpu-busy", release={TARGET: MODEL}, approval={})
    return publisher


@pytest.fixture
def server(publisher):
    with scripted(publisher.folder) as server:
        server.script["model.onnx"] = http.ranged
        yield server


@pytest.fixture
def poll(publisher, server, tmp_path):
    """Return a function that polls as the courier does and returns the model."""

    def poll(*, url=None, to=tmp_path / "model", **given):
        (tmp_path / "cache").mkdir(exist_ok=True)
        given = {"staging": Staging(tmp_path / "staging", now=NOW), **given}
        with closing(HttpFetcher(**given)) as fetcher:
            updater = Updater(
                str(tmp_path / "cache"),
                f"{url or server.url}/metadata/",
                target_base_url=f"{url or server.url}/targets/",
                fetcher=fetcher,
                bootstrap=publisher.root,
            )
            updater.refresh()
            signed = updater.get_targetinfo(TARGET)
            updater.download_target(signed, filepath=str(to))
        return to.read_bytes()

    return poll


@pytest.fixture
def parts(tmp_path):
    """Return a function that returns the sizes of what waits for its rest."""
    return lambda: [path.stat().st_size for path in (tmp_path / "staging").iterdir()]


def fetch(url, **given):
    with closing(HttpFetcher(**given)) as fetcher:
        return fetcher.download_bytes(url, 100_000)


@pytest.fixture
def failure(server):
    """Return a function that fetches a short file and returns what is said."""

    def failure(kind=exceptions.DownloadError, *, url=None, **given):
        with pytest.raises(kind) as caught:
            fetch(f"{url or server.url}/metadata/timestamp.json", **given)
        return str(caught.value)

    return failure


def asked_ranges(server):
    return [visit.headers.get("Range") for visit in server.visits_to("model.onnx")]


# --- what was signed comes through


@pytest.mark.parametrize("is_staged", [True, False])
def test_a_model_comes_through_and_leaves_no_part(poll, parts, is_staged):
    assert poll() == MODEL if is_staged else poll(staging=None) == MODEL
    assert not is_staged or parts() == []


def test_metadata_never_touches_the_disk_on_its_way(server, tmp_path):
    staging = Staging(tmp_path / "staging", now=NOW)
    expected = (server.folder / "metadata" / "timestamp.json").read_bytes()
    assert fetch(f"{server.url}/metadata/timestamp.json", staging=staging) == expected


def test_nothing_is_asked_for_packed(server):
    fetch(f"{server.url}/metadata/timestamp.json")
    assert server.visits[0].headers["Accept-Encoding"] == "identity"


def test_a_token_goes_along(server):
    fetch(f"{server.url}/metadata/timestamp.json", token="s3cret")  # noqa: S106
    assert server.visits[0].headers["Authorization"] == "Bearer s3cret"


@pytest.mark.parametrize("token", ["", "two\nlines", "caf\u00e9"])
def test_a_token_that_no_header_can_hold_is_the_operators(token):
    with pytest.raises(ConfigError) as refused:
        HttpFetcher(token=token)
    assert str(refused.value) == (
        "central.token: expected one line of ASCII, got another text"
    )


def test_the_plain_interface_of_the_client_works_too(server):
    with closing(HttpFetcher()) as fetcher:
        expected = (server.folder / "metadata" / "timestamp.json").read_bytes()
        url = f"{server.url}/metadata/timestamp.json"
        assert b"".join(fetcher.fetch(url)) == expected
        with pytest.raises(exceptions.DownloadHTTPError):
            fetcher.fetch(f"{server.url}/nowhere")


# --- the attacks, by their rows in the design


def test_16_wrong_bytes_are_dropped_and_the_next_poll_is_clean(poll, server, parts):
    server.script["model.onnx"] = http.other
    with pytest.raises(exceptions.LengthOrHashMismatchError):
        poll()
    assert parts() == []
    server.script["model.onnx"] = http.ranged
    assert poll() == MODEL
    assert asked_ranges(server) == [None, None]


@pytest.mark.parametrize("is_staged", [True, False])
def test_17_an_endless_model_ends_at_its_signed_length(poll, server, parts, is_staged):
    server.script["model.onnx"] = http.endless
    with pytest.raises(
        exceptions.DownloadLengthMismatchError,
        match=r"model.onnx: expected at most 1500000 bytes, got \d+",
    ):
        poll(**({} if is_staged else {"staging": None}))
    assert not is_staged or parts() == []


def test_17_an_endless_timestamp_ends_at_its_bound(poll, server):
    server.script["timestamp.json"] = http.endless
    with pytest.raises(
        exceptions.DownloadLengthMismatchError,
        match=r"timestamp.json: expected at most 16384 bytes, got \d+",
    ):
        poll()


def test_17_a_longer_file_is_refused_by_what_is_told_of_it(poll, server, parts):
    server.script["model.onnx"] = http.longer
    with pytest.raises(
        exceptions.DownloadLengthMismatchError,
        match=r"model.onnx: expected at most 1500000 bytes, got 1500001",
    ):
        poll()
    assert parts() == []


def test_18_a_slow_drip_is_given_up_and_resumed_at_the_next_poll(poll, server, parts):
    server.script["model.onnx"] = http.dripping(100, first=CUT)
    with pytest.raises(
        exceptions.SlowRetrievalError,
        match=r"model.onnx: too slow, not over after 0.5 s, got 90\d+ bytes",
    ):
        poll(deadline_s=0.5)
    (size,) = parts()
    assert CUT <= size < len(MODEL)
    server.script["model.onnx"] = http.ranged
    assert poll() == MODEL
    assert asked_ranges(server) == [None, f"bytes={size}-"]
    assert parts() == []


@pytest.mark.parametrize("answer", [http.dripping(1), http.silent])
def test_18_a_slow_timestamp_is_given_up(server, failure, answer):
    server.script["timestamp.json"] = answer
    message = failure(exceptions.SlowRetrievalError, deadline_s=0.3)
    assert "timestamp.json: too slow, no" in message


def test_18_silence_is_given_up(server, failure):
    server.script["timestamp.json"] = http.silent
    message = failure(exceptions.SlowRetrievalError, timeout_s=0.2)
    assert message.endswith("too slow, no byte came in time (ReadTimeout)")


def test_18_all_files_of_a_poll_share_one_deadline(server):
    url = f"{server.url}/metadata/timestamp.json"
    server.script["timestamp.json"] = http.dripping(100, first=200, tick_s=0.4)
    with closing(HttpFetcher(poll_s=0.6, deadline_s=9)) as fetcher:
        with pytest.raises(exceptions.SlowRetrievalError, match=r"after 0.6 s"):
            [fetcher.download_bytes(url, 16_384) for _ in range(9)]
        visits = len(server.visits)
        with pytest.raises(
            exceptions.SlowRetrievalError, match=r"after 0.6 s, got 0 bytes"
        ):
            fetcher.download_bytes(url, 16_384)
        assert len(server.visits) == visits


@pytest.mark.parametrize("name", ["timestamp.json", "model.onnx"])
def test_19_a_gzip_bomb_is_refused_unread(poll, server, name):
    server.script[name] = http.gzip_bomb
    with pytest.raises(
        exceptions.DownloadError,
        match=f"{name}: expected a plain body, got an encoded one; .* refused: gzip",
    ):
        poll()


@pytest.mark.parametrize(
    ("code", "got"),
    [
        (302, "302 Found"),
        (410, "410 Gone"),
        (500, "500 Internal Server Error"),
        (206, "206 Partial Content"),
        (599, "599"),
    ],
)
def test_20_a_next_root_with_another_status_stops_the_poll(poll, server, code, got):
    elsewhere = {"Location": f"{server.url}/metadata/1.root.json"}
    server.script["root.json"] = http.status(code, **elsewhere)
    with pytest.raises(exceptions.DownloadHTTPError) as refused:
        poll(url=server.url.replace("//", "//user:secret@"))
    message = f"{server.url}/metadata/2.root.json: expected status 200, got {got}"
    assert str(refused.value) == message
    assert refused.value.status_code == code
    assert len(server.visits) == 1


@pytest.mark.parametrize("code", [403, 404])
def test_20_a_next_root_that_is_not_there_is_none(poll, server, code):
    server.script["2.root.json"] = http.status(code)
    assert poll() == MODEL


def test_20_a_query_may_be_a_secret_and_is_not_shown(server):
    with pytest.raises(exceptions.DownloadHTTPError) as refused:
        fetch(f"{server.url}/nowhere?token=s3cret#more")
    assert str(refused.value) == (
        f"{server.url}/nowhere: expected status 200, got 404 Not Found"
    )


@pytest.mark.parametrize("name", ["timestamp.json", "2.root.json"])
def test_21_a_page_in_the_place_of_metadata_is_no_metadata(poll, server, name):
    server.script[name] = http.page
    with pytest.raises(DeserializationError):
        poll()


# --- going on where it was cut off


def test_22_only_the_rest_is_asked_for_after_a_cut(poll, server, parts):
    server.script["model.onnx"] = http.cut_after(CUT)
    with pytest.raises(exceptions.DownloadError, match=r"model.onnx: expected an ans"):
        poll()
    assert parts() == [CUT]
    server.script["model.onnx"] = http.ranged
    assert poll() == MODEL
    assert asked_ranges(server) == [None, f"bytes={CUT}-"]
    sent = [visit.sent_bytes for visit in server.visits_to("model.onnx")]
    assert sent == [CUT, len(MODEL) - CUT]
    assert parts() == []


def test_a_model_that_is_cut_at_every_poll_comes_at_last(poll, server, tmp_path):
    def cut_short(handler, content):
        since = int(handler.headers.get("Range", "bytes=0-")[6:-1])
        told = f"bytes {since}-{len(content) - 1}/{len(content)}"
        code = 206 if since else 200
        handler.begin(code, length=len(content) - since, Content_Range=told)
        handler.body(content[since : since + 400_000])
        handler.close_connection = True

    server.script["model.onnx"] = cut_short
    for _ in range(3):
        with pytest.raises(exceptions.DownloadError):
            poll()
    assert poll() == MODEL
    assert sum(v.sent_bytes for v in server.visits_to("model.onnx")) == len(MODEL)


@pytest.fixture
def cut(poll, server):
    """Leave a part of a model behind."""
    server.script["model.onnx"] = http.cut_after(CUT)
    with pytest.raises(exceptions.DownloadError):
        poll()
    server.visits.clear()


@pytest.mark.parametrize(
    ("answer", "ranges"),
    [
        pytest.param(http.whole, ["900000"], id="server_without_ranges"),
        pytest.param(http.rest_told_as(None), ["900000", ""], id="no_content_range"),
        pytest.param(
            http.rest_told_as("bytes 0-1499999/1500000"), ["900000", ""], id="other"
        ),
        pytest.param(http.rest_told_as("x" * 9999), ["900000", ""], id="no_range"),
    ],
)
@pytest.mark.usefixtures("cut")
def test_a_server_that_cannot_resume_gives_all_anew(poll, server, answer, ranges):
    server.script["model.onnx"] = answer
    assert poll() == MODEL
    assert asked_ranges(server) == [f"bytes={n}-" if n else None for n in ranges]


@pytest.mark.usefixtures("cut")
def test_a_rest_that_is_not_there_is_asked_for_as_a_whole(poll, server):
    def out_of_range(handler, content):
        code = 416 if "Range" in handler.headers else 200
        handler.begin(code, length=len(content))
        handler.body(content)

    server.script["model.onnx"] = out_of_range
    assert poll() == MODEL
    assert asked_ranges(server) == [f"bytes={CUT}-", None]


@pytest.mark.usefixtures("cut")
def test_a_failing_server_leaves_the_part(poll, server, parts):
    server.script["model.onnx"] = http.status(500)
    with pytest.raises(
        exceptions.DownloadHTTPError, match="expected status 200 or 206, got 500"
    ):
        poll()
    assert parts() == [CUT]


@pytest.mark.usefixtures("cut")
def test_a_rest_that_is_longer_than_signed_is_dropped_with_its_part(
    poll, server, parts
):
    server.script["model.onnx"] = http.rest_told_as("bytes 900000-1499999/1500000")
    with pytest.raises(exceptions.DownloadLengthMismatchError, match="got 2400000"):
        poll()
    assert parts() == []


@pytest.mark.usefixtures("cut")
def test_a_poisoned_part_is_resumed_once(poll, server, parts, tmp_path):
    (part,) = (tmp_path / "staging").iterdir()
    part.write_bytes(b"x" * CUT)
    server.script["model.onnx"] = http.ranged
    with pytest.raises(exceptions.LengthOrHashMismatchError):
        poll()
    assert parts() == []
    assert poll() == MODEL


@pytest.mark.parametrize("size", [1_500_000, 1_500_001])
@pytest.mark.usefixtures("cut")
def test_a_part_of_another_length_is_not_asked_about(poll, server, tmp_path, size):
    (part,) = (tmp_path / "staging").iterdir()
    part.write_bytes((MODEL + b"x")[:size])
    server.script["model.onnx"] = http.ranged
    assert poll() == MODEL
    assert asked_ranges(server) == ([] if size == len(MODEL) else [None])


def test_a_model_that_could_not_be_put_away_is_not_fetched_again(
    poll, server, parts, tmp_path
):
    with pytest.raises(IsADirectoryError):
        poll(to=tmp_path)
    assert parts() == [len(MODEL)]
    assert poll() == MODEL
    assert asked_ranges(server) == [None]


def test_without_staging_a_cut_model_is_fetched_anew(poll, server):
    server.script["model.onnx"] = http.cut_after(CUT)
    with pytest.raises(exceptions.DownloadError):
        poll(staging=None)
    server.script["model.onnx"] = http.ranged
    assert poll(staging=None) == MODEL
    assert asked_ranges(server) == [None, None]


# --- what waits


def test_parts_are_for_this_user_only(poll, server, tmp_path):
    server.script["model.onnx"] = http.cut_after(CUT)
    with pytest.raises(exceptions.DownloadError):
        poll()
    (part,) = (tmp_path / "staging").iterdir()
    assert part.stat().st_mode & 0o777 == 0o600
    assert part.parent.stat().st_mode & 0o777 == 0o700


def test_a_part_is_no_way_to_write_elsewhere(tmp_path):
    (tmp_path / "secret").write_bytes(b"kept")
    name = hashlib.sha256(b"http://x/").hexdigest()
    staging = Staging(tmp_path / "staging", now=NOW)
    (tmp_path / "staging" / f"{name}.part").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic links"), staging.part("http://x/"):
        pass
    assert (tmp_path / "secret").read_bytes() == b"kept"


def staged(folder, name, *, size, age):
    path = folder / f"{name}.part"
    path.write_bytes(b"x" * size)
    at = (NOW - age).timestamp()
    os.utime(path, (at, at))


def test_what_nobody_comes_back_for_goes(tmp_path):
    staged(tmp_path, "new", size=60, age=timedelta(hours=1))
    staged(tmp_path, "middle", size=60, age=timedelta(days=1))
    staged(tmp_path, "small", size=10, age=timedelta(days=6))
    staged(tmp_path, "old", size=10, age=timedelta(days=8))
    Staging(tmp_path, now=NOW)
    assert {path.stem for path in tmp_path.iterdir()} == {"new", "middle", "small"}
    Staging(tmp_path, now=NOW, kept_bytes=100)
    assert {path.stem for path in tmp_path.iterdir()} == {"new"}


def test_what_is_no_part_goes_at_once(tmp_path):
    (tmp_path / "kept").write_bytes(b"kept")
    (tmp_path / "folder.part" / "below").mkdir(parents=True)
    (tmp_path / "link.part").symlink_to(tmp_path / "kept")
    (tmp_path / "dangling.part").symlink_to("nothing")
    (tmp_path / "linked_folder.part").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "fifo.part")
    staged(tmp_path, "part", size=1, age=timedelta(hours=1))
    Staging(tmp_path, now=NOW + timedelta(minutes=1))
    assert {path.name for path in tmp_path.iterdir()} == {"kept", "part.part"}
    assert (tmp_path / "kept").read_bytes() == b"kept"


def test_a_folder_that_cannot_be_is_the_operators(tmp_path):
    (tmp_path / "staging").write_bytes(b"in the way")
    with pytest.raises(StateError, match=r"staging: .*got: File exists"):
        Staging(tmp_path / "staging", now=NOW)


# --- who is at the other end


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates") / "ours")


@pytest.fixture
def secure(publisher, authority):
    """Return a function that starts a server that speaks TLS."""

    def secure(**given):
        return scripted(publisher.folder, context=authority.server_context(**given))

    return secure


def test_a_server_of_our_authority_is_trusted(secure, authority, poll):
    with secure() as server:
        assert poll(url=server.url, context=authority.client_context()) == MODEL


def test_a_client_shows_its_certificate(secure, authority, poll):
    with secure(wants_client=True) as server:
        context = authority.client_context("host-1")
        assert poll(url=server.url, context=context) == MODEL


REFUSED = "expected a certificate that central.ca_file or the system vouches for, got: "


def test_a_client_without_certificate_is_told_so(secure, authority, failure):
    with secure(wants_client=True) as server:
        message = failure(url=server.url, context=authority.client_context())
    assert "expected to be let in, with central.client_cert if the server" in message
    assert "certificate required" in message


@pytest.mark.parametrize(
    ("issued", "got"),
    [
        pytest.param(
            {"ends_in": timedelta(days=-1)}, "certificate has expired", id="expired"
        ),
        pytest.param(
            {"host": x509.DNSName("other.example")},
            "IP address mismatch, certificate is not valid for '127.0.0.1'",
            id="other_host",
        ),
    ],
)
def test_a_certificate_that_does_not_fit_is_refused(
    secure, authority, failure, issued, got
):
    with secure(**issued) as server:
        message = failure(url=server.url, context=authority.client_context())
    assert REFUSED in message
    assert got in message
    assert server.visits == []


def test_a_server_of_a_foreign_authority_is_refused(secure, failure, tmp_path):
    foreign = Authority(tmp_path / "foreign", name="somebody else")
    with secure() as server:
        for context in (foreign.client_context(), None):
            message = failure(url=server.url, context=context)
            assert REFUSED in message
            assert "unable to get local issuer certificate" in message
        assert server.visits == []


def test_a_server_that_is_not_there_is_told_of(failure):
    message = failure(url="http://127.0.0.1:9")
    assert message == (
        "http://127.0.0.1:9/metadata/timestamp.json: expected an answer, got: "
        "[Errno 111] Connection refused"
    )


def test_a_server_that_speaks_something_else_is_told_of(server, failure):
    message = failure(url=server.url.replace("http", "https"))
    assert "expected an answer, got: [SSL: " in message


# --- by which way


def test_a_proxy_is_gone_through(server, secure, authority):
    with proxying() as proxy, secure() as tls:
        fetch(f"{server.url}/metadata/timestamp.json", proxy=proxy.url)
        context = authority.client_context()
        fetch(f"{tls.url}/metadata/timestamp.json", proxy=proxy.url, context=context)
    assert proxy.asked == [
        f"GET {server.url}/metadata/timestamp.json",
        f"CONNECT 127.0.0.1:{tls.server_port}",
    ]


def test_a_proxy_may_speak_tls_of_our_authority(server, authority, failure):
    with proxying(context=authority.server_context()) as proxy:
        context = authority.client_context()
        url = f"{server.url}/metadata/timestamp.json"
        fetch(url, proxy=proxy.url, context=context)
        assert proxy.asked == [f"GET {url}"]
        assert REFUSED in failure(proxy=proxy.url)


def test_a_proxy_sees_no_token_of_an_encrypted_server(secure, authority):
    with proxying() as proxy, secure() as tls:
        fetch(
            f"{tls.url}/metadata/timestamp.json",
            proxy=proxy.url,
            context=authority.client_context(),
            token="s3cret",  # noqa: S106
        )
        assert "s3cret" not in str(proxy.visits)
        assert "s3cret" in str(tls.visits)


def test_a_model_is_resumed_through_a_tunnel(secure, authority, poll, parts):
    with proxying() as proxy, secure() as tls:
        given = {
            "url": tls.url,
            "proxy": proxy.url,
            "context": authority.client_context(),
        }
        tls.script["model.onnx"] = http.cut_after(CUT)
        with pytest.raises(exceptions.DownloadError):
            poll(**given)
        assert parts() == [CUT]
        tls.script["model.onnx"] = http.ranged
        assert poll(**given) == MODEL
    assert asked_ranges(tls) == [None, f"bytes={CUT}-"]


def test_a_proxy_that_refuses_is_told_of(failure, secure, authority):
    with proxying(refusal=407) as proxy, secure() as tls:
        message = failure(exceptions.DownloadHTTPError, proxy=proxy.url)
        assert "expected status 200, got 407 Proxy Authentication Required" in message
        context = authority.client_context()
        message = failure(url=tls.url, proxy=proxy.url, context=context)
        assert message.endswith(
            "expected a proxy that lets this host through, got: "
            "407 Proxy Authentication Required"
        )


@pytest.fixture
def environment(monkeypatch):
    """Set the proxies of the environment, and no others."""

    def environment(**variables):
        for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return environment


def test_the_environments_proxy_is_used_where_none_is_configured(server, environment):
    url = f"{server.url}/metadata/timestamp.json"
    with proxying() as theirs, proxying() as ours:
        environment(http_proxy=theirs.url)
        fetch(url)
        assert len(theirs.visits) == 1
        fetch(url, proxy=ours.url)
        assert (len(theirs.visits), len(ours.visits)) == (1, 1)
        environment(http_proxy=theirs.url, no_proxy="127.0.0.1")
        fetch(url)
        assert len(theirs.visits) == 1


@pytest.mark.parametrize("is_configured", [True, False])
def test_no_proxy_goes_past_every_proxy(server, environment, is_configured):
    url = f"{server.url}/metadata/timestamp.json"
    with proxying() as proxy:
        environment(http_proxy=proxy.url)
        given = {"proxy": proxy.url} if is_configured else {}
        fetch(url, no_proxy=("127.0.0.0/8",), **given)
        assert proxy.visits == []
        fetch(url, no_proxy=("db.example",), **given)
        assert len(proxy.visits) == 1


def test_a_proxy_that_cannot_be_is_the_operators(environment):
    environment(http_proxy="ftp://user:secret@proxy.example")
    with pytest.raises(ConfigError, match=r"proxy: expected an http:// or") as refused:
        HttpFetcher()
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("entry", "direct", "proxied"),
    [
        ("*", ["db.example", "10.0.0.1", "::1"], []),
        (
            "db.example",
            ["db.example", "DB.Example", "a.db.example"],
            ["example", "otherdb.example", "db.example.com"],
        ),
        (".example", ["db.example", "a.db.example"], ["example", "dbexample"]),
        ("*.example", ["db.example"], ["example"]),
        ("10.0.0.0/8", ["10.1.2.3"], ["11.0.0.1", "db.example", "::a"]),
        ("10.0.0.1/8", ["10.1.2.3"], []),
        ("10.1.2.3", ["10.1.2.3"], ["10.1.2.30"]),
        ("fd00::/8", ["fd12::1"], ["fe80::1", "10.0.0.1"]),
        ("localhost", ["localhost"], ["127.0.0.1"]),
    ],
)
def test_what_no_proxy_covers(entry, direct, proxied):
    assert all(is_direct(host, ["other.test", entry]) for host in direct)
    assert not any(is_direct(host, ["other.test", entry]) for host in proxied)


# --- what it costs


def test_a_long_model_never_lies_in_memory(tmp_path):
    model = hashlib.shake_256(b"long").digest(20_000_000)
    publisher = Publisher(tmp_path / "repository", now=NOW)
    publisher.publish("cpu-busy", release={TARGET: model}, approval={})
    root = tmp_path / "repository" / "metadata" / "1.root.json"
    here = Path(__file__)
    with scripted(publisher.folder) as server:
        done = subprocess.run(  # noqa: S603
            [
                sys.executable,
                str(here.with_name("download_child.py")),
                *(server.url, str(root), str(tmp_path), TARGET),
            ],
            cwd=here.parents[2],
            env={**os.environ, "PYTHONPATH": str(here.parents[2])},
            capture_output=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    peak = json.loads(done.stdout)
    assert peak["after"] - peak["before"] < len(model) / 4
    assert (tmp_path / "model").read_bytes() == model
