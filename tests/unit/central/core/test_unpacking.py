"""Unpacking: one gzip member within a limit, and no key twice."""

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import ReportError
from central.core.unpacking import check_keys, check_values, unpacked

PACKED = gzip.compress(b"0123456789", mtime=0)


@given(st.binary(max_size=1000), st.integers(0, 1000))
def test_what_was_packed_comes_back_unless_it_is_longer_than_the_limit(content, limit):
    found = unpacked(gzip.compress(content), limit=limit)
    assert found == (content if len(content) <= limit else None)


@pytest.mark.parametrize(
    ("packed", "words"),
    [
        pytest.param(b"", "expected gzip up to its end, got 0 bytes", id="nothing"),
        pytest.param(PACKED[:-1], "up to its end, got 29 bytes", id="broken_off"),
        pytest.param(PACKED[:9], "up to its end, got 9 bytes", id="half_a_header"),
        pytest.param(PACKED + b"rest", "got 4 bytes after it", id="a_rest"),
        pytest.param(PACKED + PACKED, "one gzip member", id="two_members"),
        pytest.param(b'{"schema": 1}', "incorrect header check", id="plain"),
        pytest.param(zlib.compress(b"x"), "incorrect header check", id="bare_zlib"),
        pytest.param(PACKED[:-8] + bytes(8), "incorrect data check", id="wrong_sum"),
    ],
)
def test_what_is_no_single_whole_gzip_is_refused_with_its_reason(packed, words):
    with pytest.raises(ReportError, match=words):
        unpacked(packed, limit=100)


def test_a_bomb_is_unpacked_no_further_than_the_limit():
    bomb = gzip.compress(bytes(200_000_000), 9)
    tracemalloc.start()
    try:
        assert unpacked(bomb, limit=1_000_000) is None
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 4_000_000


@pytest.mark.parametrize(
    "document", [b'{"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]}', b"[]", b"1"]
)
def test_a_key_may_be_in_several_objects(document):
    check_keys(document)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        pytest.param(b'{"a": 1, "b": 2, "a": 1}', "a: expected once, got 2", id="top"),
        pytest.param(b'[{"b": {"c": 1, "c": 2, "c": 3}}]', "c: .* got 3", id="deep"),
        pytest.param(b'{"a": 1, "\\u0061": 2}', "a: expected once", id="escaped"),
    ],
)
def test_a_key_that_is_there_twice_in_one_object_is_refused(document, words):
    with pytest.raises(ReportError, match=words):
        check_keys(document)


def test_more_values_than_there_may_be_are_refused_before_they_are_understood():
    check_values(b"[1,2,3]", limit=2)
    with pytest.raises(ReportError, match="at most 2 values, got 3"):
        check_values(b"[1,2,3,", limit=2)


def test_what_nobody_reads_may_not_bring_the_reader_down():
    for unread in (b"9" * 5000, b"[" * 5000 + b"]" * 5000):
        with pytest.raises(ReportError, match=r"^report: "):
            check_keys(b'{"unread": ' + unread + b"}")
