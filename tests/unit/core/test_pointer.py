"""The channel pointer: what operations approved, for whom and from when on."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.pointer import (
    manifest_path,
    model_path,
    parse_pointer,
    pointer_path,
)
from agent.errors import TrustError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def document(**changes):
    content = {
        "schema": 1,
        "task": "cpu-busy",
        "channel": "stable",
        "serial": 1,
        "manifest": manifest_path("cpu-busy", 3),
        "sha256": "ab" * 32,
        "length": 100,
        "version": 3,
        "floor_version": 1,
        "revoked": [],
    }
    return json.dumps(content | changes).encode()


def pointer(**changes):
    return parse_pointer(document(**changes), task="cpu-busy", channel="stable")


def test_what_is_offered_of_a_task_has_its_place():
    assert manifest_path("cpu-busy", 3) == "models/cpu-busy/3/manifest.json"
    assert model_path("cpu-busy", 3) == "models/cpu-busy/3/model.onnx"
    assert pointer_path("cpu-busy", "stable") == "channels/cpu-busy/stable.json"


def test_an_approval_without_conditions_is_for_every_host_at_once():
    assert pointer().holds_back("any", now=NOW) is None


def test_an_approval_waits_until_its_time():
    later = pointer(not_before="2026-03-01T12:00:01Z")
    assert later.holds_back("any", now=NOW) is not None
    assert later.holds_back("any", now=NOW + timedelta(seconds=1)) is None


@given(percent=st.integers(0, 100))
@settings(deadline=None, max_examples=20)
def test_a_share_holds_about_so_many_hosts_and_always_the_same(percent):
    ring = pointer(rollout={"percent": percent, "salt": "spring"})
    drawn = [ring.holds_back(f"host-{n}", now=NOW) is None for n in range(500)]
    assert drawn == [ring.holds_back(f"host-{n}", now=NOW) is None for n in range(500)]
    assert sum(drawn) / 5 == pytest.approx(percent, abs=10)


def test_a_larger_share_holds_the_hosts_of_a_smaller_one():
    def ring(percent):
        found = pointer(rollout={"percent": percent, "salt": "spring"})
        return {n for n in range(300) if found.holds_back(f"host-{n}", now=NOW) is None}

    assert ring(10) < ring(40) < ring(100)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2}, "pointer of cpu-busy: schema: expected 1, got 2"),
        ({"task": "disk"}, "pointer of cpu-busy: task: expected cpu-busy, got disk"),
        ({"version": 4}, "manifest: expected models/cpu-busy/4/manifest.json, got"),
        ({"extra": 1}, "unknown field `extra`"),
        ({"sha256": "AB"}, r"at `\$.sha256`"),
    ],
)
def test_a_pointer_that_says_something_else_is_refused(changes, message):
    with pytest.raises(TrustError, match=message):
        pointer(**changes)
