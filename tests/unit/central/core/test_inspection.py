"""What is said of a repository: laws of names, agreement, expiry."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from agent.core.manifest import parse_manifest
from agent.core.pointer import Pointer
from agent.core.trust import SignedRole
from central.core.inspection import (
    bad_name,
    disagreement,
    expired,
    misdirection,
    state,
)
from central.core.roles import Holder
from central.core.shelf import Issue
from tests.fakes.onnx_files import logistic, manifest_of, sha256

NOW = datetime(2026, 12, 1, 6, tzinfo=UTC)
MODEL = logistic()
DOCUMENT = manifest_of(MODEL)


def issue(**changes):
    content = {
        "task": "cpu-busy",
        "version": 1,
        "digest": sha256(DOCUMENT),
        "length": len(DOCUMENT),
        "model": sha256(MODEL),
    }
    return Issue(**content | changes)


def pointer(**changes):
    content = {
        "schema": 1,
        "task": "cpu-busy",
        "channel": "stable",
        "serial": 1,
        "manifest": "models/cpu-busy/1/manifest.json",
        "sha256": sha256(DOCUMENT),
        "length": len(DOCUMENT),
        "version": 1,
    }
    return msgspec.convert(content | changes, Pointer)


@pytest.mark.parametrize(
    "path", ["models/cpu-busy/1/model.onnx", "a", "0/a_b.c-d", "channels/t/stable.json"]
)
def test_a_good_name_is_fine(path):
    assert bad_name(path) is None


@pytest.mark.parametrize(
    "path",
    ["../a", "a//b", "/a", "a/", "", "A", "a b", "a?b", "a%2e", ".a", "-a", "ä", "a\n"],
)
def test_a_bad_name_is_named(path):
    assert bad_name(path).startswith(f'target "{path}": bad name: expected parts of')


def test_a_manifest_is_of_the_release_that_it_is_published_as():
    manifest = parse_manifest(DOCUMENT)
    assert disagreement(manifest, issue()) is None
    assert disagreement(parse_manifest(manifest_of(None)), issue(model=None)) is None
    assert disagreement(manifest, issue(version=2)) == (
        "release cpu-busy 2: its manifest is of cpu-busy 1"
    )
    assert disagreement(manifest, issue(model="ab" * 32)) == (
        f"release cpu-busy 1: its manifest asks for the model {sha256(MODEL)[:12]}, "
        "signed is the model abababababab"
    )
    assert disagreement(manifest, issue(model=None)).endswith("signed is no model")


def test_a_pointer_leads_to_what_the_data_team_signed():
    assert misdirection(pointer(), issue()) is None
    assert misdirection(pointer(), None) == (
        "pointer of cpu-busy: version 1 is not published"
    )
    assert misdirection(pointer(sha256="ab" * 32, length=5), issue()) == (
        "pointer of cpu-busy: the approval is for another file: expected sha256 "
        f"abababababab of 5 bytes, the data team signed {sha256(DOCUMENT)[:12]} of "
        f"{len(DOCUMENT)}"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({}, "approved", id="approved"),
        pytest.param({"revoked": [sha256(MODEL)]}, "revoked", id="model_revoked"),
        pytest.param({"revoked": [sha256(DOCUMENT)]}, "revoked", id="revoked"),
        pytest.param({"floor_version": 2}, "below the floor 2", id="floor"),
        pytest.param(
            {"not_before": (NOW + timedelta(hours=1)).isoformat()},
            "approved from 2026-12-01 07:00 UTC on",
            id="later",
        ),
        pytest.param({"not_before": NOW.isoformat()}, "approved", id="now"),
    ],
)
def test_an_approval_stands_as_its_pointer_says(changes, words):
    assert state(pointer(**changes), issue(), now=NOW) == words


def test_an_approval_of_nothing_is_still_told():
    assert state(pointer(), None, now=NOW) == "approved"


def test_a_role_is_expired_from_its_last_instant_on():
    def role(name, hours):
        return SignedRole(
            name=name,
            version=1,
            expires=NOW + timedelta(hours=hours),
            keyids=(),
            signed_by=(),
            threshold=1,
        )

    roles = [role("root", 1), role("targets", 0), role("x", -1)]
    alice = Holder(name="alice", key_id="ab" * 32)
    found = expired(roles, now=NOW, keepers={"x": (alice,)})
    assert list(found) == [
        "targets: expired at 2026-12-01 06:00 UTC; its keepers must sign it anew",
        f"x: expired at 2026-12-01 05:00 UTC; its keepers ({alice}) must sign it anew",
    ]
