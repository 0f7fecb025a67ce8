"""Whether this host takes a release: decided from documents alone."""

import hashlib
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.manifest import parse_manifest
from agent.core.pointer import Pointer, Rollout, parse_pointer
from agent.core.qualify import (
    HostFacts,
    Offer,
    is_allowed,
    meets,
    refusal,
    shortcomings,
)
from agent.core.release import Release, ReleaseState
from agent.errors import TrustError
from tests.fakes.onnx_files import SERIES, logistic, manifest_of, sha256

MODEL = logistic()
HOST = HostFacts(agent="1.4.2", metrics=frozenset({SERIES}))
REVOKED = (
    "its digest is revoked: expected one that the approval does not revoke itself, got "
    "{}; operations must approve another release"
)
NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)


def offer(document=None, **pointer):
    document = manifest_of(MODEL) if document is None else document
    content = {
        "schema": 1,
        "task": "cpu-busy",
        "channel": "stable",
        "serial": 1,
        "manifest": "models/cpu-busy/1/manifest.json",
        "sha256": hashlib.sha256(document).hexdigest(),
        "length": len(document),
        "version": 1,
        **pointer,
    }
    return Offer(
        pointer=msgspec.convert(content, Pointer),
        document=document,
        manifest=parse_manifest(document),
    )


def test_a_fitting_release_is_taken():
    assert refusal(offer(), host=HOST) is None


def test_a_survey_is_taken():
    survey = offer(manifest_of(None))
    assert refusal(survey, host=HOST) is None
    assert shortcomings(survey.manifest, host=HOST) == ()


def test_every_shortcoming_of_a_manifest_is_named():
    document = manifest_of(
        MODEL, golden=[], requires={"agent": ">=2", "metrics": ["system.unknown"]}
    )
    assert shortcomings(parse_manifest(document), host=HOST) == (
        "metrics unknown to this agent: system.unknown",
        "requires.agent: expected >=2, this agent is 1.4.2",
        "golden: expected a vector to try the model with",
    )


def model(**changes):
    content = {
        "sha256": hashlib.sha256(MODEL).hexdigest(),
        "length": len(MODEL),
        "opset": 17,
        "ir": 8,
    }
    return {"model": content | changes}


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        ({"task": "other"}, "task: the approval is for cpu-busy, the manifest is of"),
        ({"version": 2}, "version: the approval is for 1, the manifest is of 2"),
        (
            {"requires": {"metrics": ["system.gpu.heat", SERIES]}},
            "metrics unknown to this agent: system.gpu.heat",
        ),
        (
            {
                "features": [
                    "avg_over_time(system.b[1m])",
                    "avg_over_time(system.a[1m])",
                ]
            },
            "metrics unknown to this agent: system.a, system.b",
        ),
        ({"requires": {"agent": ">=1.5"}}, "expected >=1.5, this agent is 1.4.2"),
        ({"requires": {"agent": ">=1, <1.4"}}, "expected >=1, <1.4, this agent is"),
        ({"requires": {"agent": "new"}}, 'expected comparisons such as ">=1.2", got'),
        (
            {"requires": {"agent": ">=" + "1" * 90}},
            'expected comparisons such as ">=1.2", got',
        ),
        (model(length=64_000_001), "model.length: expected at most 64.0 MB, got"),
        (model(opset=28), "model.opset: expected at most 27, got 28"),
        (model(ir=14), "model.ir: expected at most 13, got 14"),
        ({"golden": []}, "golden: expected a vector to try the model with"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused_with_the_reason(manifest, reason):
    assert reason in refusal(offer(manifest_of(MODEL, **manifest)), host=HOST)


@pytest.mark.parametrize(
    ("pointer", "reason"),
    [
        (
            {"floor_version": 2},
            (
                "version 1 is below the floor: expected at least 2, as the approval "
                "itself says; operations must approve a newer one"
            ),
        ),
        ({"revoked": [sha256(MODEL)]}, REVOKED.format(sha256(MODEL)[:12])),
        (
            {"revoked": [sha256(manifest_of(MODEL))]},
            REVOKED.format(sha256(manifest_of(MODEL))[:12]),
        ),
    ],
)
def test_an_approval_that_was_taken_back_is_refused(pointer, reason):
    assert refusal(offer(**pointer), host=HOST) == reason


def release(document, digest):
    return Release(
        digest=digest, manifest=parse_manifest(document), state=ReleaseState.SHADOW
    )


def test_a_version_stands_for_one_digest():
    before = release(manifest_of(MODEL), "ab" * 32)
    assert offer().known_as([before]) is None
    assert refusal(offer(), known=[before], host=HOST) == (
        "version 1 was taken in before with another digest: expected abababababab, got "
        f"{offer().digest[:12]}; the publisher must offer another version"
    )


def test_a_release_is_known_by_its_manifest():
    before = release(manifest_of(MODEL), offer().digest)
    assert offer().known_as([before]) is before


@pytest.mark.parametrize(
    ("allow", "deny", "is_taken"),
    [
        (("*",), (), True),
        ((), (), False),
        (("cpu-*", "disk-*"), (), True),
        (("disk-*",), (), False),
        (("*",), ("cpu-*",), False),
        (("cpu-busy",), ("cpu-bus[yz]",), False),
    ],
)
def test_the_site_decides_which_tasks_run(allow, deny, is_taken):
    host = HostFacts(agent="1", metrics=HOST.metrics, allow=allow, deny=deny)
    assert host.allows("cpu-busy") is is_taken
    assert is_allowed("cpu-busy", allow=allow, deny=deny) is is_taken
    assert refusal(offer(), host=host) == (
        None
        if is_taken
        else "task cpu-busy is not allowed on this host: expected one that tasks.allow "
        "names and tasks.deny does not; the operator may allow it"
    )


VERSIONS = st.lists(st.integers(0, 30), min_size=1, max_size=4)


@given(VERSIONS, VERSIONS)
def test_versions_are_compared_as_numbers(left, right):
    have, want = (".".join(map(str, version)) for version in (left, right))
    width = max(len(left), len(right))
    padded = [version + [0] * (width - len(version)) for version in (left, right)]
    assert meets(have, requirement=f">={want}") == (padded[0] >= padded[1])
    assert meets(have, requirement=f"<{want}") == (padded[0] < padded[1])
    assert meets(have, requirement=f"=={want}") == (padded[0] == padded[1])
    assert meets(have, requirement=f"!={want}") != (padded[0] == padded[1])


def test_a_development_version_counts_as_what_it_becomes():
    assert meets("1.2.0.dev3", requirement=">=1.2, <=1.2")
    assert not meets("unknown", requirement=">0")


def test_a_version_of_endless_digits_is_no_crash():
    assert meets("1.4.2", requirement=">=" + "1" * 5000) is False


def test_an_approval_begins_at_its_time():
    pointer = offer(not_before="2026-11-24T06:00:00Z").pointer
    assert pointer.holds_back("host", now=NOW) is None
    assert pointer.holds_back("host", now=NOW - timedelta(seconds=1)) is not None


@given(st.text(max_size=20), st.text(max_size=20), st.integers(0, 99))
def test_a_rollout_only_grows(host_id, salt, percent):
    smaller, larger = (
        msgspec.structs.replace(
            offer().pointer, rollout=Rollout(percent=share, salt=salt)
        )
        for share in (percent, percent + 1)
    )
    if smaller.holds_back(host_id, now=NOW) is None:
        assert larger.holds_back(host_id, now=NOW) is None


def test_a_rollout_reaches_about_its_share_and_in_the_end_all():
    def share(percent):
        rollout = Rollout(percent=percent, salt="autumn")
        pointer = msgspec.structs.replace(offer().pointer, rollout=rollout)
        return sum(
            pointer.holds_back(f"host-{n}", now=NOW) is None for n in range(2000)
        )

    assert share(0) == 0
    assert share(25) == pytest.approx(500, abs=80)
    assert share(100) == 2000


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema": 2}, "schema: expected 1, got 2"),
        ({"task": "other"}, "task: expected cpu-busy, got other"),
        ({"channel": "beta"}, "channel: expected stable, got beta"),
        ({"manifest": "models/cpu-busy/2/manifest.json"}, "manifest: expected models/"),
        ({"manifest": "../secret"}, "manifest: expected models/"),
        ({"surprise": 1}, "surprise"),
        ({"version": 0}, "version"),
        ({"sha256": "AB"}, "sha256"),
        ({"revoked": ["x"]}, "revoked"),
        ({"rollout": {"percent": 101, "salt": ""}}, "percent"),
        ({"not_before": "2026-11-24T06:00:00"}, "not_before"),
        ({"length": 1.5}, "length"),
    ],
)
def test_a_pointer_is_read_strictly(change, reason):
    good = msgspec.to_builtins(offer().pointer)
    document = msgspec.json.encode(good | change)
    with pytest.raises(TrustError, match="pointer of cpu-busy: ") as refused:
        parse_pointer(document, task="cpu-busy", channel="stable")
    assert reason in str(refused.value)


@given(st.binary(max_size=200))
def test_a_pointer_of_random_bytes_is_a_trust_error(document):
    with pytest.raises(TrustError):
        parse_pointer(document, task="cpu-busy", channel="stable")


def test_a_pointer_nested_without_end_is_a_trust_error():
    with pytest.raises(TrustError):
        parse_pointer(b"[" * 100_000, task="cpu-busy", channel="stable")


@pytest.mark.parametrize(
    ("pointer", "is_taken_back"),
    [
        ({}, False),
        ({"revoked": [sha256(MODEL)]}, True),
        ({"revoked": [sha256(manifest_of(MODEL))]}, True),
        ({"revoked": ["ab" * 32]}, False),
        ({"floor_version": 2}, True),
        ({"floor_version": 1}, False),
    ],
)
def test_an_approval_may_take_back_what_it_names(pointer, is_taken_back):
    assert offer(**pointer).is_taken_back is is_taken_back
