"""The repository that a host makes for itself: made once, kept fresh, never half."""

import re
from datetime import timedelta

import pytest

from agent.adapters.clock import SystemClock
from agent.adapters.local_repository import prepare
from agent.adapters.repository import FolderFetcher, TufRepository
from agent.errors import StateError, TrustError
from tests.fakes.onnx_files import logistic, manifest_of

MODEL = logistic()
MANIFEST = manifest_of(MODEL)
NOW = SystemClock().now()


@pytest.fixture
def starters(tmp_path):
    return ship(tmp_path / "starters", "cpu-busy", MANIFEST, MODEL)


def ship(starters, task, manifest, model):
    folder = starters / task
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_bytes(manifest)
    if model is not None:
        (folder / "model.onnx").write_bytes(model)
    return starters


def local(folder, tmp_path):
    repository = TufRepository(
        str(folder),
        cache=tmp_path / "cache",
        root=(folder / "metadata" / "1.root.json").read_bytes(),
        fetcher=FolderFetcher(),
    )
    repository.refresh()
    return repository


def test_a_prepared_repository_offers_the_starters(starters, tmp_path):
    ship(starters, "survey", manifest_of(None, task="survey"), None)
    folder = tmp_path / "state" / "repository"
    done = prepare(folder, starters, now=NOW)
    assert done.is_new
    assert done.offered == ("cpu-busy", "survey")
    assert local(folder, tmp_path).tasks() == ("cpu-busy", "survey")
    assert local(folder, tmp_path).pointer("survey").rollout.percent == 100


def test_the_keys_are_this_users_alone(starters, tmp_path):
    prepare(tmp_path / "repository", starters, now=NOW)
    keys = tmp_path / "repository" / "keys"
    names = {path.stem: path.stat().st_mode & 0o777 for path in keys.iterdir()}
    top = {"root", "targets", "snapshot", "timestamp"}
    assert names == dict.fromkeys({*top, "release-cpu-busy", "approve-cpu-busy"}, 0o600)
    assert keys.stat().st_mode & 0o777 == 0o700


def test_a_second_call_does_nothing(starters, tmp_path):
    prepare(tmp_path / "repository", starters, now=NOW)
    before = snapshot(tmp_path / "repository")
    done = prepare(tmp_path / "repository", starters, now=NOW)
    assert (done.is_new, done.offered, done.signed) == (False, (), ())
    assert snapshot(tmp_path / "repository") == before


def snapshot(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_newer_starter_is_offered_and_an_older_one_is_not(starters, tmp_path):
    folder = tmp_path / "repository"
    prepare(folder, starters, now=NOW)
    local(folder, tmp_path)
    ship(starters, "cpu-busy", manifest_of(MODEL, version=3), MODEL)
    ship(starters, "disk", manifest_of(MODEL, task="disk"), MODEL)
    assert prepare(folder, starters, now=NOW).offered == ("cpu-busy", "disk")
    pointer = local(folder, tmp_path).pointer("cpu-busy")
    assert (pointer.version, pointer.serial) == (3, 2)
    ship(starters, "cpu-busy", manifest_of(MODEL, version=2), MODEL)
    assert prepare(folder, starters, now=NOW).offered == ()
    assert local(folder, tmp_path).pointer("cpu-busy").version == 3


def test_roles_are_signed_anew_when_less_than_half_of_their_life_is_left(
    starters, tmp_path
):
    folder = tmp_path / "repository"

    def signed_after(days):
        return prepare(folder, starters, now=NOW + timedelta(days=days)).signed

    prepare(folder, starters, now=NOW)
    assert signed_after(14) == ()
    assert signed_after(16) == ("timestamp",)
    assert signed_after(46) == ("snapshot", "timestamp")
    assert {"root", "targets", "release-cpu-busy"} < set(signed_after(2000))
    assert local(folder, tmp_path).pointer("cpu-busy").version == 1


def test_a_host_that_was_off_for_years_signs_anew_and_goes_on(starters, tmp_path):
    folder = tmp_path / "repository"
    prepare(folder, starters, now=NOW - timedelta(days=8000))
    with pytest.raises(TrustError, match="expired"):
        local(folder, tmp_path)
    prepare(folder, starters, now=NOW)
    assert local(folder, tmp_path).pointer("cpu-busy").version == 1


@pytest.mark.parametrize(
    ("damage", "error", "reason"),
    [
        (
            lambda f: (f / "metadata/timestamp.json").write_text("{"),
            StateError,
            "begin",
        ),
        (
            lambda f: (f / "metadata/1.targets.json").unlink(),
            StateError,
            "No such file",
        ),
        (
            lambda f: (f / "keys/timestamp.pem").unlink(),
            StateError,
            "timestamp.pem is not the key that was made for it",
        ),
        (
            lambda f: (f / "keys/timestamp.pem").write_text("x"),
            StateError,
            "expected a private key in PEM",
        ),
        (lambda f: (f / "metadata/timestamp.json").unlink(), StateError, "not empty"),
    ],
)
def test_a_damaged_repository_is_told(starters, tmp_path, damage, error, reason):
    folder = tmp_path / "repository"
    prepare(folder, starters, now=NOW)
    damage(folder)
    with pytest.raises(error, match=reason):
        prepare(folder, starters, now=NOW + timedelta(days=16))


def test_a_starter_that_is_not_what_it_says_is_never_signed(starters, tmp_path):
    model = starters / "cpu-busy" / "model.onnx"
    model.write_bytes(MODEL + b"\0")
    with pytest.raises(TrustError, match=re.escape(f"{model}: expected sha256")):
        prepare(tmp_path / "repository", starters, now=NOW)
    ship(starters, "cpu-busy", manifest_of(MODEL, task="other"), MODEL)
    with pytest.raises(TrustError, match="expected task cpu-busy, got other"):
        prepare(tmp_path / "repository", starters, now=NOW)
    assert not (tmp_path / "repository").exists()
