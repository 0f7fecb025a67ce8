"""Enrolment: what is written lets a host in; what fails changes nothing."""

import hashlib
import json
import stat

import pytest

from agent.adapters.clock import SystemClock
from agent.adapters.identity import host_id
from agent.cli import main as forewarn
from agent.config import load
from tests.fakes.central_http import CentralServer, says
from tests.fakes.certificates import Authority
from tests.fakes.signed import Publisher


@pytest.fixture(scope="module")
def publisher(tmp_path_factory):
    return Publisher(tmp_path_factory.mktemp("repository"), now=SystemClock().now())


@pytest.fixture
def central(publisher):
    with CentralServer(publisher.folder) as server:
        yield server


class Site:
    """A host's configuration folder, and what an operator types."""

    def __init__(self, folder, publisher, capsys):
        self.folder = folder / "etc"
        self.folder.mkdir()
        self.config = self.folder / "config.toml"
        self.config.write_text(f'[agent]\nstate_dir = "{folder / "state"}"\n')
        self.join = folder / "join"
        self.join.write_text("join-me\n")
        self.root = folder / "carried.json"
        self.root.write_bytes(publisher.root)
        self._capsys = capsys

    def enroll(self, url, *options, join=True):
        given = ["--join-token-file", self.join] if join else []
        arguments = ["enroll", url, *given, *options, "--config", self.config]
        status = forewarn([str(each) for each in arguments])
        printed = self._capsys.readouterr()
        return status, printed.out, printed.err

    def files(self):
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in paths}

    @property
    def central(self):
        return load(self.config).config.central


@pytest.fixture
def site(tmp_path, publisher, capsys):
    return Site(tmp_path, publisher, capsys)


def digest_of(publisher):
    return hashlib.sha256(publisher.root).hexdigest()


def test_a_host_gets_a_token_and_a_configuration_that_holds(site, central, publisher):
    status, out, words = site.enroll(central.url, "--root", site.root)
    assert (status, words) == (0, "")
    assert out.startswith(f"host {host_id()} enrolled with {central.url}\n")
    found = site.central
    assert found.url == central.url
    assert found.trust_root.read_bytes() == publisher.root
    with open(found.token.name) as token:  # noqa: PTH123 - a name it is
        assert {token.read().strip()} == central.tokens
    mode = stat.S_IMODE((site.folder / found.token.name).stat().st_mode)
    assert mode == 0o600
    (visit,) = central.visits
    assert visit.path == "/api/v1/enroll"


def test_enrolling_again_changes_nothing_and_asks_nobody(site, central):
    site.enroll(central.url, "--root", site.root)
    before = site.files()
    status, out, _ = site.enroll(central.url, "--root", site.root, "--json")
    assert (status, json.loads(out)["files"]) == (0, [])
    assert (site.files(), len(central.visits)) == (before, 1)
    for how in (("--trust-on-first-use",), ("--root-sha256", _root(out))):
        status, out, _ = site.enroll(central.url, *how)
        assert (status, "already" in out) == (0, True)
    assert len(central.visits) == 1


def _root(out):
    return json.loads(out)["root_sha256"]


def test_another_token_is_to_be_had_by_asking_for_it(site, central):
    site.enroll(central.url, "--root", site.root)
    before = site.files()
    (token,) = central.tokens
    assert site.enroll(central.url, "--root", site.root, "--anew")[0] == 0
    assert [each.get("token") for each in central.asked] == [None, token]
    changed = {
        name for name, content in site.files().items() if before[name] != content
    }
    assert len(changed) == 1
    assert changed.pop().endswith(".token")


@pytest.mark.parametrize("how", ["pinned", "blind"])
def test_the_root_is_fetched_where_it_is_pinned_or_trusted_blindly(
    site, central, publisher, how
):
    digest = digest_of(publisher)
    option = {"pinned": ("--root-sha256", digest), "blind": ("--trust-on-first-use",)}
    status, _, words = site.enroll(central.url, *option[how])
    assert status == 0
    assert site.central.trust_root.read_bytes() == publisher.root
    told = f"trusted as it came: root sha256 {digest}; compare it\n"
    assert words == (told if how == "blind" else "")


def test_another_root_than_was_named_changes_nothing_and_spends_no_token(site, central):
    before = site.files()
    status, _, words = site.enroll(central.url, "--root-sha256", "0" * 64)
    assert (status, f"expected a root with sha256 {'0' * 64}" in words) == (78, True)
    assert (site.files(), central.tokens) == (before, set())


@pytest.mark.parametrize("options", [(), ("--root", "x", "--trust-on-first-use")])
def test_where_the_root_comes_from_must_be_said(site, central, options):
    status, _, words = site.enroll(central.url, *options)
    assert (status, "expected one of --root FILE" in words) == (2, True)
    assert central.visits == []


def test_a_wrong_join_token_is_refused_and_not_repeated(site, central):
    site.join.write_text("s3cret\n")
    before = site.files()
    status, _, words = site.enroll(central.url, "--root", site.root)
    assert status == 78
    assert "expected to be enrolled, got 403 Forbidden: no host joins by ..." in words
    assert "s3cret" not in words
    assert site.files() == before


def test_who_is_enrolled_already_is_told_who_must_act(site, central, monkeypatch):
    site.enroll(central.url, "--root", site.root)
    (token,) = central.tokens
    before = site.files()
    answer = says(409, {"error": f"enrolled already, not by {token} and join-me"})
    monkeypatch.setattr("tests.fakes.central_http._Central._enrol", answer)
    status, _, words = site.enroll(central.url, "--root", site.root, "--anew")
    assert status == 78
    assert "409 Conflict: enrolled already, not by ... and ...; ask whoever" in words
    assert f"for a join token for host {host_id()} alone" in words
    assert site.files() == before


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (says(429, {"error": "too many"}), 69),
        (says(503), 69),
        (says(200, {"token": "two\nlines"}), 69),
        (says(200, {}), 69),
        (says(404), 78),
    ],
)
def test_a_central_that_gives_no_token_changes_nothing(
    site, central, answer, status, monkeypatch
):
    handler = "tests.fakes.central_http._Central._enrol"
    monkeypatch.setattr(handler, answer)
    before = site.files()
    assert site.enroll(central.url, "--root", site.root)[0] == status
    assert site.files() == before


def test_a_central_that_is_not_there_is_69(site):
    status, _, words = site.enroll("http://127.0.0.1:9", "--root", site.root)
    assert (status, "expected an answer" in words) == (69, True)


def test_a_repository_without_a_root_is_told(site):
    with CentralServer() as empty:
        status, _, words = site.enroll(empty.url, "--trust-on-first-use")
    assert (status, "bring it by --root" in words) == (69, True)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("/srv/repository", "expected https:// or http://"),
        ("ftp://x", "expected an https://"),
        ("https://me:secret@x", "without user, password or query"),
    ],
)
def test_only_a_server_enrols(site, url, words):
    status, _, told = site.enroll(url, "--root", site.root)
    assert (status, words in told, "secret@" in told) == (2, True, False)


def test_the_join_token_is_read_from_stdin_where_nobody_can_be_asked(
    site, central, monkeypatch
):
    with site.join.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert site.enroll(central.url, "--root", site.root, join=False)[0] == 0


@pytest.mark.parametrize("content", ["", "two\nlines", "caf\u00e9"])
def test_a_join_token_that_is_none_is_not_sent(site, central, content):
    site.join.write_text(content)
    status, _, words = site.enroll(central.url, "--root", site.root)
    assert (status, "expected one line of ASCII" in words) == (78, True)
    assert central.visits == []


def test_a_private_authority_vouches_for_central(site, publisher, tmp_path):
    authority = Authority(tmp_path / "ca")
    with CentralServer(publisher.folder, context=authority.server_context()) as server:
        status, _, words = site.enroll(server.url, "--root", site.root)
        assert (status, "central.ca_file or the system vouches" in words) == (69, True)
        ca_file = ("--ca-file", authority.ca_file)
        assert site.enroll(server.url, "--root", site.root, *ca_file)[0] == 0
    assert site.central.ca_file == authority.ca_file


def test_another_central_takes_the_place_of_the_first_at_one_stroke(
    site, central, publisher
):
    site.enroll(central.url, "--root", site.root)
    first = site.central
    with CentralServer(publisher.folder) as other:
        assert site.enroll(other.url, "--root", site.root)[0] == 0
    assert site.central.url == other.url
    assert site.central.token != first.token
