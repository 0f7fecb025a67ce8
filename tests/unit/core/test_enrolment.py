"""Enrolment: the root that all trust begins with is the one that was named."""

import hashlib
import json
import tomllib

import pytest

from agent.core.enrolment import check_root, fragment, short
from agent.errors import ConfigError

ROOT = json.dumps(
    {"signed": {"_type": "root", "version": 1}, "signatures": [{"keyid": "a"}]}
).encode()
DIGEST = hashlib.sha256(ROOT).hexdigest()


@pytest.mark.parametrize("sha256", [None, DIGEST, f" {DIGEST.upper()}\n"])
def test_the_named_root_is_taken(sha256):
    assert check_root(ROOT, sha256=sha256, source="x") == DIGEST


def test_another_root_than_was_named_is_refused():
    with pytest.raises(
        ConfigError, match=f"^stick: expected a root with sha256 {'0' * 64}, got "
    ):
        check_root(ROOT, sha256="0" * 64, source="stick")


@pytest.mark.parametrize("document", [b"", b"<html>", b"{}", b"\xff", b"[" * 5_000])
def test_what_is_no_metadata_is_refused(document):
    with pytest.raises(ConfigError, match=r"^x: expected the root metadata"):
        check_root(document, sha256=None, source="x")


def test_another_role_is_no_root():
    with pytest.raises(
        ConfigError, match=r'^x: expected _type "root", got "timestamp"'
    ):
        check_root(ROOT.replace(b'"root"', b'"timestamp"'), sha256=None, source="x")


def test_the_fragment_is_toml():
    text = fragment({"url": '"https://x"', "token": '{ file = "/t" }'}).decode()
    assert tomllib.loads(text) == {
        "central": {"url": "https://x", "token": {"file": "/t"}}
    }


def test_each_central_has_files_of_its_own():
    assert len({short("https://a"), short("https://b"), short("https://a/")}) == 3
