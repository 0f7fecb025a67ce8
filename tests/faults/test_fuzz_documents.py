"""Manifests and pointers of any content: understood, or refused as the publisher's."""

import json
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.manifest import Manifest, parse_manifest
from agent.core.pointer import Pointer, parse_pointer
from agent.errors import TrustError
from tests.fakes.onnx_files import SERIES, logistic, manifest_of

POINTER = {
    "schema": 1,
    "task": "cpu-busy",
    "channel": "stable",
    "serial": 41,
    "manifest": "models/cpu-busy/1/manifest.json",
    "sha256": "0" * 64,
    "length": 8123,
    "version": 1,
    "floor_version": 1,
    "revoked": ["1" * 64],
    "rollout": {"percent": 25, "salt": "s"},
    "not_before": "2026-11-24T06:00:00Z",
}
VALUE = {
    "kind": "value",
    "expression": f"last_over_time({SERIES}[1m])",
    "ahead": "10m",
    "quantiles": [0.1, 0.5],
}
EVENT_MANIFEST = json.loads(
    manifest_of(
        logistic(),
        limits={"latency_ms": 5, "memory_mb": 64},
        reference={"quantiles": [[0, 1], [0, 1]], "rows": 10},
        guard={"margin": 0.1, "block": "20m"},
        provenance={"trained_at": "2026-11-24", "rows": 3},
    )
)
MANIFESTS = [
    EVENT_MANIFEST,
    json.loads(manifest_of(None, target=VALUE)),
    json.loads(manifest_of(None)),
]

STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        [
            "",
            "0s",
            "-1s",
            "9" * 400 + "s",
            "1e999",
            "NaN",
            "../..",
            "$entity",
            "\0",
            ">= 0.9",
            ">= nan",
            "> quantile_over_time(2, system.cpu.utilization[1m])",
            f"last_over_time({SERIES}[99999d])",
            "(" * 500,
            "9999-12-31T23:59:59Z",
            10**400,
            -1,
            1e308,
            [],
            {},
            [[[[[]]]]],
        ]
    ),
).map(deepcopy)  # what is drawn is changed in place
JSON = st.recursive(
    STRANGE,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(max_size=8), inner, max_size=4),
    ),
    max_leaves=12,
)


def as_manifest(document):
    return parse_manifest(document)


def as_pointer(document):
    return parse_pointer(document, task="cpu-busy", channel="stable")


PARSERS = [as_manifest, as_pointer]


def understood(parse, document):
    """Return what was understood, None if it was refused; whatever else raises."""
    try:
        return parse(document)
    except TrustError as error:
        text = str(error)
        assert text
        return None


def text_of(content):
    """Return the content as JSON, with NaN and all that Python would write."""
    return json.dumps(content).encode("utf-8", "surrogatepass")


def places(content, path=()):
    """Yield where every value of a document stands."""
    if path:
        yield path
    pairs = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in pairs:
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))
        else:
            yield (*path, key)


@st.composite
def mutations(draw, documents):
    """Return a good document in which a few values were replaced, dropped or added."""
    content = json.loads(json.dumps(draw(st.sampled_from(documents))))
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(sorted(places(content), key=repr)))
        part = content
        for key in way:
            part = part[key]
        kind = draw(st.sampled_from(["replace", "drop", "add"]))
        if kind == "drop":
            del part[last]
        elif kind == "add" and isinstance(part, dict):
            part[draw(st.text(max_size=8))] = draw(JSON)
        else:
            part[last] = draw(JSON)
    return content


@pytest.mark.parametrize("parse", PARSERS)
@given(document=st.binary(max_size=200))
def test_any_bytes_are_refused(parse, document):
    assert understood(parse, document) is None


@pytest.mark.parametrize("parse", PARSERS)
@given(content=JSON)
def test_any_json_is_refused(parse, content):
    assert understood(parse, text_of(content)) is None


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"schema":1,"provenance":['])
@pytest.mark.parametrize("parse", PARSERS)
def test_what_is_nested_without_end_is_refused(parse, opening):
    assert understood(parse, opening * 100_000) is None


@given(content=mutations(MANIFESTS))
def test_a_changed_manifest_is_understood_or_refused(content):
    manifest = understood(as_manifest, text_of(content))
    if manifest is not None:
        assert isinstance(manifest, Manifest)
        assert manifest.outputs > 0
        assert manifest.all_series()
        assert manifest.entity_series


@given(content=mutations([POINTER]))
def test_a_changed_pointer_is_understood_or_refused(content):
    pointer = understood(as_pointer, text_of(content))
    assert pointer is None or isinstance(pointer, Pointer)


@pytest.mark.parametrize(
    ("parse", "content"),
    [*((as_manifest, m) for m in MANIFESTS), (as_pointer, POINTER)],
)
@given(data=st.data())
def test_changed_bytes_are_understood_or_refused(parse, content, data):
    document = bytearray(text_of(content))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(document) - 1))
        document[place] = data.draw(st.integers(0, 255))
    understood(parse, bytes(document))


def test_the_good_ones_are_understood():
    assert all(understood(as_manifest, text_of(content)) for content in MANIFESTS)
    assert understood(as_pointer, text_of(POINTER))
