"""A draft: what its author left out is filled in, what contradicts is refused."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.manifest import Golden, parse_manifest
from agent.errors import ManifestError
from central.core.draft import ModelFacts, parse_draft
from tests.fakes.onnx_files import IR, OPSET, logistic, manifest_of

MODEL = logistic()
FACTS = ModelFacts(
    sha256=hashlib.sha256(MODEL).hexdigest(), length=len(MODEL), opset=OPSET, ir=IR
)
UNREAD = ModelFacts(sha256=FACTS.sha256, length=FACTS.length, opset=None, ir=None)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
).filter(lambda value: "inf" not in repr(value).lower())


def draft(**changes):
    return parse_draft(manifest_of(MODEL, **changes))


def test_what_the_file_shows_need_not_be_written():
    for model in ({}, ..., {"input": "features"}, {"opset": OPSET}):
        document = draft(model=model).with_model(FACTS).document()
        found = parse_manifest(document).model
        assert found == parse_manifest(manifest_of(MODEL)).model


@pytest.mark.parametrize(
    ("model", "words"),
    [
        pytest.param(
            {"opset": 9},
            f"manifest: model.opset: expected {OPSET}, as the file shows, got 9",
            id="another_opset",
        ),
        pytest.param(
            {"length": 5},
            f"manifest: model.length: expected {len(MODEL)}, as the file shows, got 5",
            id="another_length",
        ),
        pytest.param([], "manifest: model: expected an object, got []", id="no_table"),
    ],
)
def test_what_contradicts_the_file_is_refused(model, words):
    with pytest.raises(ManifestError) as raised:
        draft(model=model).with_model(FACTS)
    assert str(raised.value) == words


def test_what_the_file_does_not_show_the_author_must_write():
    with pytest.raises(ManifestError, match=r"model\.opset: the file does not show it"):
        draft(model={}).with_model(UNREAD)
    written = draft(model={"opset": 17, "ir": 8}).with_model(UNREAD)
    assert parse_manifest(written.document()).model.ir == 8


def test_a_draft_says_whether_it_speaks_of_a_model():
    assert draft(model={}).has_model
    assert not parse_draft(manifest_of(None)).has_model


def test_golden_vectors_are_put_in():
    vectors = (Golden(features=(1.0, None), score=(0.5,), tolerance=0.01),)
    found = parse_manifest(draft().with_golden(vectors).document())
    assert found.golden == vectors


def test_the_same_content_is_the_same_bytes():
    content = json.loads(manifest_of(MODEL))
    turned = dict(reversed(content.items()))
    spaced = json.dumps(turned, indent=4).encode()
    first = parse_draft(manifest_of(MODEL)).document()
    assert parse_draft(spaced).document() == first
    assert parse_draft(first).document() == first
    assert first.endswith(b"}\n")


@given(st.dictionaries(st.text(), values))
def test_what_was_written_down_is_read_as_it_was(content):
    document = parse_draft(json.dumps(content).encode()).document()
    assert json.loads(document) == content
    assert parse_draft(document).document() == document


@pytest.mark.parametrize(
    ("document", "words"),
    [
        pytest.param(b"{", "manifest: Expecting property name", id="cut"),
        pytest.param(b"\xff{}", "manifest: 'utf-8' codec", id="no_text"),
        pytest.param(b"[1]", "expected a JSON object, got list", id="a_list"),
        pytest.param(
            b'{"a": {"b": 1, "b": 2}}', 'the key "b" stands twice', id="twice"
        ),
        pytest.param(b'{"a": NaN}', "expected a finite number, got NaN", id="nan"),
        pytest.param(b'{"a": 1e999}', "expected a finite number", id="too_large"),
        pytest.param(b"[" * 100_000, "recursion", id="deep"),
        pytest.param(b'{"a": 1' + b"0" * 5000 + b"}", "digits", id="long_number"),
    ],
)
def test_what_is_no_draft_is_refused(document, words):
    with pytest.raises(ManifestError, match=words):
        parse_draft(document)
