"""The repository: what was signed comes through, and nothing else."""

import errno
import json
import os
import shutil
import tempfile
from datetime import timedelta
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest
from msgspec.structs import replace
from tuf.api.exceptions import (
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
)

import agent.adapters.repository as package
from agent.adapters.clock import SystemClock
from agent.adapters.http.fetcher import HttpFetcher
from agent.adapters.repository import (
    FolderFetcher,
    TufRepository,
    UnreachableError,
)
from agent.core.manifest import parse_manifest
from agent.errors import StateError, TrustError
from tests.fakes.http import serving
from tests.fakes.onnx_files import logistic, manifest_of, sha256
from tests.fakes.signed import Publisher, new_keys

MODEL = logistic()
MANIFEST = manifest_of(MODEL)
# python-tuf reads the host's clock itself.
NOW = SystemClock().now()


@pytest.fixture
def publisher(tmp_path):
    publisher = Publisher(tmp_path / "repository", now=NOW)
    publisher.offer("cpu-busy", MANIFEST, MODEL)
    return publisher


@pytest.fixture(params=["folder", "file_url", "http"])
def poll(request, publisher, tmp_path):
    """Return a function that polls the repository in one of the ways there are."""
    with serving(publisher.folder) as url:
        source = {
            "folder": str(publisher.folder),
            "file_url": publisher.folder.as_uri(),
            "http": url,
        }[request.param]

        def poll(fetcher=None):
            is_http = request.param == "http"
            fetcher = HttpFetcher(deadline_s=5) if is_http else FolderFetcher()
            repository = TufRepository(
                source, cache=tmp_path / "cache", root=publisher.root, fetcher=fetcher
            )
            try:
                repository.refresh()
            finally:
                if is_http:
                    request.addfinalizer(fetcher.close)
            return repository

        yield poll


def test_what_was_signed_comes_through(poll, tmp_path):
    repository = poll()
    assert repository.tasks() == ("cpu-busy",)
    pointer = repository.pointer("cpu-busy")
    assert pointer.version == 1
    document = repository.manifest(pointer)
    assert document == MANIFEST
    repository.download(parse_manifest(document), to=tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == MODEL


def test_a_later_poll_sees_what_was_published_since(poll, publisher):
    assert poll().pointer("cpu-busy").version == 1
    publisher.offer("cpu-busy", manifest_of(MODEL, version=2), MODEL)
    publisher.offer("disk-full", manifest_of(MODEL, task="disk-full"), MODEL)
    later = poll()
    assert later.tasks() == ("cpu-busy", "disk-full")
    assert later.pointer("cpu-busy").version == 2


def test_a_file_that_is_gone_is_waited_for(poll, publisher):
    publisher.target("models/cpu-busy/1/manifest.json").unlink()
    repository = poll()
    with pytest.raises(UnreachableError, match=r"manifest.json.*next update"):
        repository.manifest(repository.pointer("cpu-busy"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d[:-1] + b"\0", "models/.*model.onnx: .*not what was signed"),
        (lambda d: d + b"\0", "model.onnx: .*longer than what was signed"),
        (lambda d: d[:-1], "model.onnx: .*not what was signed"),
    ],
)
def test_other_bytes_than_the_signed_ones_are_dropped(
    poll, publisher, tmp_path, change, reason
):
    path = publisher.target("models/cpu-busy/1/model.onnx")
    path.write_bytes(change(MODEL))
    with pytest.raises(TrustError, match=reason):
        poll().download(parse_manifest(MANIFEST), to=tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_an_approval_for_another_file_is_refused(poll, publisher):
    publisher.offer("cpu-busy", MANIFEST, MODEL, sha256="ab" * 32)
    repository = poll()
    with pytest.raises(TrustError, match="the approval is for another file: expected"):
        repository.manifest(repository.pointer("cpu-busy"))


def test_a_manifest_for_another_model_is_refused(poll, tmp_path):
    other = parse_manifest(manifest_of(logistic([3, 3])))
    with pytest.raises(TrustError, match="the manifest is for another file: expected"):
        poll().download(other, to=tmp_path / "model")


def test_every_role_that_was_verified_is_told(poll, publisher):
    repository = poll()
    top = ["root", "timestamp", "snapshot", "targets"]
    assert [role.name for role in repository.roles()] == top
    repository.manifest(repository.pointer("cpu-busy"))
    roles = {role.name: role for role in repository.roles()}
    assert roles.keys() == {*top, "approve-cpu-busy", "release-cpu-busy"}
    for name, role in roles.items():
        keyids = tuple(key.public_key.keyid for key in publisher.keys[name])
        assert (role.keyids, role.signed_by, role.threshold) == (keyids, keyids, 1)
        assert (role.version, role.expires) == (
            publisher.signed[name].version,
            publisher.signed[name].expires,
        )


def test_only_valid_signatures_of_keys_that_may_count(poll, publisher):
    one, other = new_keys(2)
    publisher.set_keys("approve-cpu-busy", [one, other])
    publisher.sign("targets")
    publisher.sign("approve-cpu-busy", by=[one, *new_keys()])
    publisher.sign("snapshot", "timestamp")
    repository = poll()
    repository.pointer("cpu-busy")
    roles = {role.name: role for role in repository.roles()}
    role = roles["approve-cpu-busy"]
    keyids = {one.public_key.keyid, other.public_key.keyid}
    assert (set(role.keyids), role.signed_by) == (keyids, (one.public_key.keyid,))
    assert list(role.keyids) == sorted(keyids)


def test_a_bundle_of_provenance_comes_along_where_it_was_signed(poll, publisher):
    manifest = parse_manifest(MANIFEST)
    assert poll().provenance(manifest) is None
    path = "models/cpu-busy/1/model.sig"
    publisher.publish("cpu-busy", release={path: b"bundle"}, approval={})
    assert poll().provenance(manifest) == b"bundle"
    publisher.publish("cpu-busy", release={path: b"x" * 65_537}, approval={})
    with pytest.raises(TrustError, match="expected at most 65536 bytes, got 65537"):
        poll().provenance(manifest)


def test_a_release_role_that_is_no_good_does_not_stand_in_a_withdrawals_way(
    poll, publisher
):
    publisher.sign("release-cpu-busy", by=new_keys())
    publisher.sign("snapshot", "timestamp")
    repository = poll()
    pointer = repository.pointer("cpu-busy")
    with pytest.raises(TrustError, match="release-cpu-busy: refused: expected"):
        repository.manifest(pointer)


def test_a_survey_has_no_model(poll, tmp_path):
    document = json.loads(MANIFEST)
    for key in ("model", "decision", "golden"):
        document.pop(key, None)
    survey = parse_manifest(json.dumps(document).encode())
    with pytest.raises(TrustError, match="a survey has no model"):
        poll().download(survey, to=tmp_path / "model")


@pytest.mark.parametrize(
    "path",
    [
        "models/../../etc/passwd",
        "models/%2e%2e/1/manifest.json",
        "models/cpu-busy/1/manifest.json?x",
        "models/cpu busy/1/manifest.json",
        "models/CPU/1/manifest.json",
        "models//1/manifest.json",
        "models/cpu-busy/1/manifest.json\n",
    ],
)
def test_a_bad_name_is_never_asked_for(poll, path):
    repository = poll()
    pointer = replace(repository.pointer("cpu-busy"), manifest=path)
    with pytest.raises(TrustError, match=r"^'models/.*': bad name: expected only a-z"):
        repository.manifest(pointer)


def test_no_half_model_stays_where_the_disk_fails(poll, tmp_path, monkeypatch):
    copy = shutil.copyfileobj

    def full(source, target, *given):
        if getattr(target, "name", "") != str(tmp_path / "model"):
            return copy(source, target, *given)  # the server's own
        target.write(source.read(10))
        target.flush()
        raise OSError(errno.ENOSPC, "No space left on device")

    repository = poll()
    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(StateError, match=r"model.onnx: No space left .*ENOSPC"):
        repository.download(parse_manifest(MANIFEST), to=tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_folder_is_read_without_surprises(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "fifo")
    fetcher = FolderFetcher()
    for path, reason in (
        (tmp_path / "loop", "Too many levels of symbolic links"),
        (tmp_path / "fifo", "expected a regular file"),
        (tmp_path, "expected a regular file"),
        (Path("/proc/self/mem"), "Input/output error within its 0 bytes"),
    ):
        with pytest.raises(DownloadError, match=f"^{path}: {reason}"):
            fetcher.download_bytes(str(path), 100)
    with pytest.raises(DownloadHTTPError, match="no such file") as missing:
        fetcher.download_bytes(f"{tmp_path}/nothing/below", 100)
    assert missing.value.status_code == 404


def test_a_file_of_a_folder_is_copied_before_it_is_checked(tmp_path, monkeypatch):
    (tmp_path / "spool").mkdir()
    (tmp_path / "model").write_bytes(MODEL * 1000)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
    fetcher = FolderFetcher(spool=tmp_path / "spool")
    path, length = str(tmp_path / "model"), len(MODEL) * 1000
    with fetcher.download_file(path, length) as file:
        (tmp_path / "model").write_bytes(b"another")
        assert file.read() == MODEL * 1000
        assert list((tmp_path / "spool").iterdir()) == []
    with (
        pytest.raises(DownloadLengthMismatchError, match=f"^{path}: expected no more"),
        fetcher.download_file(path, len("another") - 1),
    ):
        pass


@pytest.mark.parametrize(
    "hashes",
    [
        {"sha256": "ab\0cd"},
        {"sha256": "../../secret"},
        {"sha256": sha256(MODEL).upper()},
        {"sha256": sha256(MODEL) + "\n"},
        {"sha512": "ab" * 64},
        {"sha512": "../../secret", "sha256": sha256(MODEL)},
        {"sha256": sha256(MODEL), "sha512": "ab" * 64},
    ],
)
@pytest.mark.parametrize("role", ["release-cpu-busy", "approve-cpu-busy"])
def test_a_target_is_named_by_its_sha256_alone(publisher, tmp_path, role, hashes):
    for target in publisher.signed[role].targets.values():
        target.hashes = hashes
    publisher.sign(role, "snapshot", "timestamp")
    repository = TufRepository(
        str(publisher.folder),
        cache=tmp_path / "cache",
        root=publisher.root,
        fetcher=FolderFetcher(),
        documents=tmp_path / "documents",
    )
    repository.refresh()
    with pytest.raises(
        TrustError,
        match=r"json: bad hashes: expected sha256 alone, of 64 digits 0-9 a-f, got "
        r".*; the publisher must sign it anew",
    ) as refused:
        repository.manifest(repository.pointer("cpu-busy"))
    assert str(refused.value).isprintable()
    if role.startswith("release"):
        with pytest.raises(TrustError, match=r"model\.onnx: bad hashes: "):
            repository.download(parse_manifest(MANIFEST), to=tmp_path / "model")


def test_the_package_has_what_it_names_and_nothing_else():
    assert all(getattr(package, name) for name in package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        package.Nothing  # noqa: B018


def test_a_repository_without_delegations_offers_nothing(poll, publisher):
    publisher.signed["targets"].delegations = None
    publisher.sign("targets", "snapshot", "timestamp")
    repository = poll()
    assert repository.tasks() == ()
    assert repository.pointer("cpu-busy") is None


def test_a_task_without_approval_has_no_pointer(poll, publisher):
    publisher.publish("later", release={}, approval={})
    repository = poll()
    assert repository.tasks() == ("cpu-busy", "later")
    assert repository.pointer("later") is None


def test_the_data_team_alone_can_not_approve(poll, publisher):
    publisher.publish(
        "cpu-busy", release={"channels/other/stable.json": b"{}"}, approval={}
    )
    assert poll().pointer("other") is None


def test_strangers_sign_for_nobody(poll, publisher, tmp_path):
    stranger = Publisher(tmp_path / "stranger", now=NOW)
    ours = publisher.folder / "metadata" / "timestamp.json"
    ours.write_bytes((stranger.folder / "metadata" / "timestamp.json").read_bytes())
    with pytest.raises(
        TrustError, match=r"timestamp: refused: .*got 0 of 1 \(signed by"
    ):
        poll()


def test_older_metadata_than_was_seen_is_refused(poll, publisher):
    path = publisher.folder / "metadata" / "timestamp.json"
    older = path.read_bytes()
    publisher.offer("cpu-busy", manifest_of(MODEL, version=2), MODEL)
    poll()
    path.write_bytes(older)
    with pytest.raises(TrustError, match=r"timestamp: rollback attack .* got 2"):
        poll()


def test_metadata_that_has_expired_is_refused(poll, publisher):
    publisher.now = NOW - timedelta(days=31)
    publisher.offer("cpu-busy", manifest_of(MODEL, version=2), MODEL)
    with pytest.raises(TrustError, match=r"timestamp: expired at 2\d.*keepers"):
        poll()


def test_a_page_in_the_place_of_metadata_is_no_metadata(poll, publisher):
    (publisher.folder / "metadata" / "timestamp.json").write_text("<html>")
    with pytest.raises(TrustError, match="not TUF metadata: a proxy or a login page"):
        poll()


def test_a_damaged_cache_heals(poll, tmp_path):
    poll()
    for path in (tmp_path / "cache").glob("*.json"):
        path.unlink()
        path.write_bytes(b"")
    assert poll().pointer("cpu-busy").version == 1


def test_a_cache_that_cannot_be_written_is_the_operators(publisher, tmp_path):
    (tmp_path / "cache").write_bytes(b"in the way")
    repository = TufRepository(
        str(publisher.folder),
        cache=tmp_path / "cache",
        root=publisher.root,
        fetcher=FolderFetcher(),
    )
    with pytest.raises(StateError, match=r"File exists.*state folder must be writable"):
        repository.refresh()


def test_a_repository_that_is_not_there_is_waited_for(publisher, tmp_path):
    for source, fetcher in (
        (str(tmp_path / "nowhere"), FolderFetcher()),
        ("http://127.0.0.1:9", HttpFetcher(timeout_s=2)),
    ):
        repository = TufRepository(
            source, cache=tmp_path / "cache", root=publisher.root, fetcher=fetcher
        )
        with pytest.raises(UnreachableError, match="tried again at the next update"):
            repository.refresh()
    fetcher.close()
    assert UnreachableError.exit_status == 69


def answering(status, headers, body=b"x" * 50):
    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


@pytest.mark.parametrize(
    ("handler", "error", "reason"),
    [
        (answering(302, {"Location": "/x"}), UnreachableError, "200, got 302"),
        (answering(500, {}), UnreachableError, "expected status 200, got 500"),
        (
            answering(200, {"Content-Encoding": "gzip"}),
            UnreachableError,
            "encoded body refused: gzip",
        ),
        (answering(200, {}, b"x" * 600_000), TrustError, "longer than what was signed"),
    ],
)
def test_answers_that_are_no_file_are_refused(
    publisher, tmp_path, handler, error, reason
):
    fetcher = HttpFetcher(deadline_s=5)
    with serving(tmp_path, handler) as url:
        repository = TufRepository(
            url.replace("//", "//user:secret@"),
            cache=tmp_path / "cache",
            root=publisher.root,
            fetcher=fetcher,
        )
        with pytest.raises(error, match=reason) as refused:
            repository.refresh()
    fetcher.close()
    assert "secret" not in str(refused.value)


def test_a_drip_is_not_waited_for(publisher, tmp_path):
    fetcher = HttpFetcher(deadline_s=0.0)
    with serving(publisher.folder) as url:
        repository = TufRepository(
            url, cache=tmp_path / "cache", root=publisher.root, fetcher=fetcher
        )
        with pytest.raises(UnreachableError, match="not over after 0 s"):
            repository.refresh()
    fetcher.close()
