"""Whatever comes as an envelope, it is one or it is refused; nothing else happens."""

import json
import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.envelope import parse_envelope
from agent.core.moment import BASELINE
from agent.errors import ReportError
from tests.fakes.report_document import (
    ACTIVE,
    EXAMPLE,
    HOST,
    TASK,
    changed,
    spelled,
    written,
)


def refusal(document):
    """Return in which words a document is refused."""
    with pytest.raises(ReportError) as caught:
        parse_envelope(document)
    return str(caught.value)


# Numbers that are none never come in.


FLOATS = [
    ("evidence", 0, "e_value"),
    ("evidence", 0, "loss"),
    ("trials", 0, "score_every_s"),
    ("drift", 0, "effective_rows"),
    ("drift", 0, "features", 0, "psi"),
    ("events", 0, "fields", "wealth"),
    ("health", "resources", "cpu_s"),
    ("labelled", "rows", 0, 4),
    ("labelled", "rows", 0, 5, 0),
    ("labelled", "rows", 0, 7, 0),
    ("labelled", "weights", 0),
]
NO_NUMBERS = ["NaN", "nan", "Infinity", "-Infinity", "inf", "1e999", "-1e999", "1e309"]


@pytest.mark.parametrize("text", NO_NUMBERS)
@pytest.mark.parametrize("path", FLOATS, ids=str)
def test_no_spelling_of_infinity_or_nan_comes_in(path, text):
    assert refusal(spelled(*path, to=text)).startswith("report: ")


@pytest.mark.parametrize("path", [each for each in FLOATS if each[0] != "events"])
def test_a_whole_number_beyond_floats_is_out_of_range(path):
    assert "Number out of range" in refusal(spelled(*path, to="9" * 400))


def test_what_python_would_write_for_no_number_is_no_report():
    envelope = parse_envelope(written(EXAMPLE))
    (drift,) = envelope.drift
    for number in (math.nan, math.inf):
        odd = msgspec.structs.replace(drift, effective_rows=number)
        sent = msgspec.json.encode(msgspec.structs.replace(envelope, drift=(odd,)))
        assert refusal(sent) == (
            "report: Expected `float`, got `null` - at `$.drift[0].effective_rows`"
        )


# Whatever comes, it is a report or it is refused.


HOSTILE = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"null", id="null"),
    pytest.param(b"[]", id="array"),
    pytest.param(b"\0", id="nul"),
    pytest.param(b"{" * 10**6, id="braces"),
    pytest.param(b"[" * 10**6, id="brackets"),
    pytest.param(b'{"schema":' * 10**5, id="schemas"),
    pytest.param(b'{"schema":1,"a":' + b"[" * 10**6, id="deep_unknown"),
    pytest.param(b'{"schema":' + b"9" * 5000 + b"}", id="huge_schema"),
    pytest.param(b'{"schema":1,"schema":2}', id="schema_twice"),
    pytest.param(b"\xef\xbb\xbf" + written(EXAMPLE), id="byte_order_mark"),
    pytest.param(written(EXAMPLE) + b"{}", id="two_documents"),
    pytest.param(written(EXAMPLE)[:-1], id="broken_off"),
    pytest.param(json.dumps(EXAMPLE).encode("utf-16"), id="utf_16"),
    pytest.param(b'{"schema":1,"\xff\xfe":1}', id="no_utf_8_in_a_key"),
    pytest.param(
        written(EXAMPLE).replace(b"canary", b"\xed\xa0\x80"), id="surrogate_in_utf_8"
    ),
    pytest.param(written(EXAMPLE).replace(b"canary", b"\xc0\x80"), id="overlong_utf_8"),
    pytest.param(written(EXAMPLE).replace(b"canary", b"\\ud800"), id="lone_surrogate"),
    pytest.param(written(EXAMPLE).replace(b"canary", b"\\udc00"), id="low_surrogate"),
    pytest.param(written(EXAMPLE).replace(b"canary", b"\0"), id="bare_nul"),
    pytest.param(written(EXAMPLE).replace(HOST.encode(), b"db-7\\u0000x"), id="host"),
    pytest.param(spelled("sequence", to="4" * 5000), id="huge_sequence"),
    pytest.param(spelled("sequence", to="1e999"), id="endless_sequence"),
    pytest.param(spelled("events", 0, "fields", "by", to="[" * 10**6), id="deep_field"),
    pytest.param(
        spelled("events", 0, "fields", "by", to="9" * 5000), id="field_too_long_to_read"
    ),
    pytest.param(
        spelled("evidence", 0, "mood", to="[" * 10**6), id="deep_beside_evidence"
    ),
]


@pytest.mark.parametrize("document", HOSTILE)
def test_what_is_made_to_do_harm_is_refused(document):
    assert refusal(document).startswith("report: ")


def test_a_nul_that_is_spelled_out_is_a_letter_like_any_other():
    document = written(EXAMPLE).replace(b"canary", b"\\u0000")
    assert parse_envelope(document).labels["ring"] == "\0"


def is_report(document):
    """Return whether it is one; whatever else goes wrong, fails the test."""
    try:
        envelope = parse_envelope(document)
    except ReportError:
        return False
    assert parse_envelope(msgspec.json.encode(envelope)) == envelope
    assert all(map(math.isfinite, floats_of(msgspec.to_builtins(envelope))))
    return True


def floats_of(part):
    if isinstance(part, float):
        yield part
    elif isinstance(part, dict | list | tuple):
        for each in part.values() if isinstance(part, dict) else part:
            yield from floats_of(each)


def paths_of(part, before=()):
    """Yield where each value of a document stands."""
    if isinstance(part, dict | list):
        places = part if isinstance(part, dict) else range(len(part))
        for place in places:
            yield (*before, place)
            yield from paths_of(part[place], (*before, place))


EDGES = ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-03-01"]
NAMES = ["", BASELINE, "active", ACTIVE, HOST, TASK, "0.5", "\0", "é" * 600]
WORDS = st.sampled_from([*EDGES, *NAMES])
NUMBERS = st.integers() | st.sampled_from([2**53, 2**62, 2**63, 2**64, 10**400])
LEAVES = st.none() | st.booleans() | NUMBERS | st.floats() | WORDS | st.text()
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(WORDS, inner),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(list(paths_of(EXAMPLE))), VALUES)
def test_a_report_with_another_value_is_one_or_is_refused(path, value):
    is_report(written(changed(*path, to=value)))


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(list(paths_of(EXAMPLE))), st.text(max_size=9), VALUES)
def test_a_report_with_one_more_key_is_one_or_is_refused(path, key, value):
    is_report(written(changed(*path, to={key: value})))


@settings(deadline=None, max_examples=200)
@given(
    st.integers(0, len(written(EXAMPLE))),
    st.integers(0, 40),
    st.binary(max_size=8)
    | st.sampled_from([b"NaN", b"1e999", b"-", b"\\ud800", b"\0", b"[" * 2000]),
)
def test_a_report_with_other_bytes_is_one_or_is_refused(place, gone, come):
    document = written(EXAMPLE)
    is_report(document[:place] + come + document[place + gone :])


@settings(deadline=None, max_examples=100)
@given(st.binary() | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_report_or_are_refused(document):
    assert not is_report(document)


@settings(deadline=None)
@given(st.sampled_from(list(EXAMPLE)))
def test_of_a_key_that_comes_twice_the_last_counts(key):
    # Whoever takes reports in refuses such a one; here it is no way around a law.
    twice = written(EXAMPLE)[:-1] + b", " + written({key: EXAMPLE[key]})[1:]
    assert parse_envelope(twice) == parse_envelope(written(EXAMPLE))
    odd = written(EXAMPLE)[:-1] + b', "schema": 2}'
    assert refusal(odd) == "report: expected schema 1, got 2"
