"""Carried reports: what a receipt acknowledges, and what it does not."""

import json

import pytest

from agent.core.carriage import acknowledged, digest, load, parse_receipt
from agent.errors import ReportError

HOST = "0123456789abcdef"
WAITING = [load(41, b"a"), load(42, b"b"), load(44, b"d")]


def receipt(*received, host_id=HOST):
    rows = [{"sequence": n, "sha256": digest(body)} for n, body in received]
    return parse_receipt(json.dumps({"host_id": host_id, "received": rows}).encode())


def test_a_report_is_known_by_its_packed_bytes():
    """FIPS 180-4, the digest of "abc"."""
    assert load(7, b"abc").sha256.startswith("ba7816bf8f01cfea414140de5dae2223")
    assert load(7, b"abc").file == "7.json.gz"


def test_what_is_named_and_waits_is_acknowledged_once():
    given = receipt((44, b"d"), (41, b"a"), (41, b"a"))
    assert acknowledged(given, WAITING, host_id=HOST) == [41, 44]


def test_what_was_deleted_before_is_passed_over():
    assert acknowledged(receipt((40, b"x"), (43, b"y")), WAITING, host_id=HOST) == []


def test_another_hosts_receipt_is_refused():
    with pytest.raises(
        ReportError, match=f"^receipt: expected one for this host, {HOST}, got other$"
    ):
        acknowledged(receipt(host_id="other"), WAITING, host_id=HOST)


def test_one_digest_that_differs_refuses_the_whole_receipt():
    with pytest.raises(
        ReportError, match=r"^receipt: report 42: expected digest 3e23e8160039, got "
    ):
        acknowledged(receipt((41, b"a"), (42, b"B")), WAITING, host_id=HOST)


@pytest.mark.parametrize(
    "document", [b"", b"{}", b"[]", b"\xff", b'{"host_id": 1}', b"[" * 5_000]
)
def test_what_is_no_receipt_is_said_to_be_none(document):
    with pytest.raises(ReportError, match=r"^receipt: .*; bring it anew from central$"):
        parse_receipt(document)


def test_a_receipt_may_say_more_than_is_asked():
    said = {"host_id": HOST, "received": [], "by": "central", "at": "2026-03-01"}
    assert parse_receipt(json.dumps(said).encode()).received == ()
