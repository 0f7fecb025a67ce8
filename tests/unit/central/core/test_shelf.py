"""The releases that a role signs for, and which version may come next."""

import pytest

from agent.errors import ConfigError, TrustError
from central.core.roles import Target, UnknownNameError
from central.core.shelf import (
    Issue,
    approve_role,
    check_is_newer,
    check_task,
    issue_of,
    issues,
    release_role,
    revocable,
    task_of,
)


def sha(letter):
    return letter * 64


def target(letter, length=10):
    return Target(length=length, sha256=sha(letter))


TARGETS = {
    "models/cpu/10/manifest.json": target("c", 7),
    "models/cpu/2/model.onnx": target("a"),
    "models/cpu/2/manifest.json": target("b"),
    "models/cpu/2/model.sig": target("d"),
    "models/cpu/3/model.onnx": target("e"),
    "models/cpu/x/manifest.json": target("f"),
    "models/other/4/manifest.json": target("f"),
    "channels/cpu/stable.json": target("f"),
}
TWO = Issue(task="cpu", version=2, digest=sha("b"), length=10, model=sha("a"))
TEN = Issue(task="cpu", version=10, digest=sha("c"), length=7, model=None)


def test_a_task_has_two_roles():
    assert (release_role("cpu"), approve_role("cpu")) == ("release-cpu", "approve-cpu")


def test_the_releases_of_a_task_are_those_with_a_manifest():
    assert issues("cpu", TARGETS) == (TWO, TEN)
    assert issues("cpu", {}) == ()


def test_a_release_can_be_revoked_by_its_manifest_and_by_its_model():
    assert TWO.digests == {sha("a"), sha("b")}
    assert TEN.digests == {sha("c")}


def test_a_version_that_is_not_there_is_named_with_those_that_are():
    assert issue_of(10, among=(TWO, TEN), task="cpu") == TEN
    with pytest.raises(TrustError) as raised:
        issue_of(3, among=(TWO, TEN), task="cpu")
    assert str(raised.value) == "cpu: version 3 is not published; published: 2, 10"
    with pytest.raises(TrustError, match="published: none"):
        issue_of(3, among=(), task="cpu")


def test_a_version_or_a_digest_can_be_revoked():
    assert revocable("2", among=(TWO, TEN), task="cpu") == sha("b")
    assert revocable(sha("9"), among=(), task="cpu") == sha("9")
    with pytest.raises(TrustError, match="version 5 is not published"):
        revocable("5", among=(TWO,), task="cpu")
    with pytest.raises(ConfigError, match='a digest of 64 digits, got "v2"'):
        revocable("v2", among=(TWO,), task="cpu")


def test_versions_only_grow():
    check_is_newer(1, than=(), task="cpu", is_pending=False)
    check_is_newer(11, than=(TWO, TEN), task="cpu", is_pending=True)
    for version in (1, 2, 9, 10):
        with pytest.raises(
            TrustError, match=f"newest that is published; got {version}"
        ):
            check_is_newer(version, than=(TWO, TEN), task="cpu", is_pending=False)
    with pytest.raises(
        TrustError, match="`sign --discard release-cpu` drops it; got 2"
    ):
        check_is_newer(2, than=(TWO,), task="cpu", is_pending=True)


def test_a_task_without_roles_is_refused_with_the_nearest_and_the_way_to_make_it():
    check_task("cpu", known=("cpu",))
    with pytest.raises(UnknownNameError) as raised:
        check_task("dsk", known=("cpu", "disk"))
    assert raised.value.exit_status == 1
    assert str(raised.value) == (
        "dsk: no such task in this repository; did you mean disk? (known: cpu, disk); "
        "`forewarn-central task add dsk` makes it"
    )
    with pytest.raises(UnknownNameError, match="repository \\(known: none\\)"):
        check_task("disk", known=())


@pytest.mark.parametrize(
    ("roles", "task"),
    [
        ((), None),
        (("root", "targets"), None),
        (("release-cpu", "snapshot"), "cpu"),
        (("release-cpu", "approve-cpu"), "cpu"),
        (("release-cpu", "approve-disk"), None),
    ],
)
def test_the_one_task_that_roles_are_of(roles, task):
    assert task_of(roles) == task
