"""Packing: the same document, the same bytes; another number changes nothing else."""

import gzip

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.packing import packed, renumbered, unpacked

WORDS = st.dictionaries(st.text(max_size=8), st.integers() | st.text(), max_size=5)


@given(st.binary())
def test_what_is_packed_is_gzip_and_comes_back(document):
    assert gzip.decompress(packed(document)) == document
    assert unpacked(packed(document)) == document


def test_no_time_goes_in():
    assert packed(b"{}") == packed(b"{}")
    assert packed(b"{}")[4:8] == bytes(4)


def test_what_is_no_gzip_is_said_to_be_none():
    with pytest.raises(ValueError, match=r"^expected gzip, got: "):
        unpacked(b"{}")


@given(WORDS, st.integers(1, 2**53))
def test_another_number_changes_the_number_alone(words, sequence):
    before = {**words, "sequence": 7}
    body = renumbered(packed(msgspec.json.encode(before)), sequence=sequence)
    assert msgspec.json.decode(unpacked(body)) == before | {"sequence": sequence}


def test_numbers_stay_as_they_were_written():
    document = b'{"sequence":1,"psi":0.10000000000000000555,"at":1e3}'
    body = renumbered(packed(document), sequence=2)
    assert unpacked(body) == document.replace(b'"sequence":1', b'"sequence":2')


def test_a_number_given_back_is_the_same_report():
    body = packed(b'{"schema":1,"sequence":41,"labels":{}}')
    assert renumbered(renumbered(body, sequence=99), sequence=41) == body
