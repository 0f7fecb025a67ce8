"""What operations said before stands: a channel does not go back by itself."""

import json
from dataclasses import replace

import pytest

from agent.core.channel import Channel, step_back, withdrawals
from agent.core.manifest import parse_manifest
from agent.core.pointer import Pointer
from agent.core.release import Release, ReleaseState
from tests.fakes.onnx_files import logistic, manifest_of, sha256

TASK = "cpu-busy"
KEYIDS = ("k1", "k2")
MODEL = logistic()
HEARD = Channel(task=TASK, serial=7, sha256="a" * 64, keyids=KEYIDS)


def pointer(*, version=2, serial=7, sha256="a" * 64, **changes):
    return Pointer(
        schema=1,
        task=TASK,
        channel="stable",
        serial=serial,
        manifest=f"models/{TASK}/{version}/manifest.json",
        sha256=sha256,
        length=1,
        version=version,
        **changes,
    )


def release(version, *, has_model=True):
    document = json.loads(manifest_of(MODEL, task=TASK, version=version))
    if not has_model:
        for key in ("model", "decision", "golden"):
            document.pop(key, None)
    content = json.dumps(document).encode()
    manifest = parse_manifest(content)
    return Release(
        digest=sha256(content), manifest=manifest, state=ReleaseState.PROBATION
    )


@pytest.mark.parametrize(
    ("now", "channel"),
    [
        pytest.param(pointer(), Channel(task=TASK), id="nothing_was_heard_before"),
        pytest.param(pointer(), HEARD, id="the_same_again"),
        pytest.param(pointer(serial=8, sha256="b" * 64), HEARD, id="a_later_one"),
        pytest.param(
            pointer(serial=1),
            replace(HEARD, keyids=("k3",)),
            id="other_keys_begin_anew",
        ),
    ],
)
def test_what_may_be_said(now, channel):
    assert step_back(now, channel=channel, keyids=KEYIDS) is None


@pytest.mark.parametrize(
    ("now", "words"),
    [
        pytest.param(
            pointer(serial=6),
            "channel of cpu-busy went back: expected at least serial 7, got 6; "
            "operations must approve anew",
            id="an_older_one",
        ),
        pytest.param(
            pointer(sha256="b" * 64),
            "channel of cpu-busy: serial 7 was seen before with release aaaaaaaaaaaa, "
            "now it names bbbbbbbbbbbb; operations must approve anew",
            id="another_by_the_same_serial",
        ),
    ],
)
def test_what_is_a_step_back(now, words):
    assert step_back(now, channel=HEARD, keyids=KEYIDS) == words


def taken_back(now, live, *, is_meant=True):
    found = withdrawals(now, live=live, is_meant=is_meant)
    return [(one.manifest.version, reason) for one, reason in found]


def test_what_is_approved_or_older_goes_on():
    assert taken_back(pointer(version=2), [release(1), release(2)]) == []


def test_a_revoked_digest_ends_work_on_every_host():
    now = pointer(revoked=(release(2).digest,))
    live = [release(1), release(2)]
    assert taken_back(now, live, is_meant=False) == [(2, "revoked")]


def test_a_revoked_model_ends_every_release_that_has_it():
    now = pointer(version=3, revoked=(sha256(MODEL),))
    live = [release(1), release(2), release(3, has_model=False)]
    assert taken_back(now, live) == [(1, "revoked"), (2, "revoked")]


def test_what_is_below_the_floor_ends_work_on_every_host():
    now = pointer(version=3, floor_version=2)
    live = [release(1), release(2, has_model=False)]
    assert taken_back(now, live, is_meant=False) == [(1, "below the floor 2")]


def test_going_back_ends_newer_work_only_where_it_is_meant():
    live = [release(1), release(2), release(3)]
    now = pointer(version=1)
    assert taken_back(now, live, is_meant=False) == []
    assert taken_back(now, live) == [
        (2, "operations went back to version 1"),
        (3, "operations went back to version 1"),
    ]
