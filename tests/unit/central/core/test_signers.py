import pytest

from agent.errors import ConfigError
from central.core.signers import (
    HEADER,
    Entry,
    added_text,
    checked_new,
    parse_signers,
    twin_of,
)

ALICE = Entry(
    name="alice",
    key_id="aa11",
    keytype="ed25519",
    scheme="ed25519",
    public="0f",
    uri="file2:keys/alice.pem",
)
BOB = Entry(
    name="bob",
    key_id="bb22",
    keytype="rsa",
    scheme="rsassa-pss-sha256",
    public='-----BEGIN\n"\\ ä\n-----END\n',
)


def test_signers_that_were_added_are_read_back():
    text = added_text(added_text("", entry=ALICE), entry=BOB)
    assert text.startswith(HEADER)
    assert parse_signers(text.encode(), source="x") == (ALICE, BOB)


def test_what_people_wrote_into_the_list_is_kept():
    text = added_text("# ours\n", entry=ALICE)
    assert text.startswith("# ours\n\n[[signer]]\n")


def test_an_empty_list():
    assert parse_signers(b"", source="x") == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"[[signer]]\nname = 1\n", "signers.toml: Expected `str`, got `int`"),
        (b"[[signer]]\nnick = 'a'\n", "unknown field `nick`"),
        (b"[[signer]", "signers.toml: "),
        (b"\xff", "signers.toml: "),
    ],
)
def test_a_list_that_cannot_be_understood(text, words):
    with pytest.raises(ConfigError, match=words):
        parse_signers(text, source="signers.toml")


@pytest.mark.parametrize(
    ("name", "key_id"), [("alice", "cc33"), ("carol", "aa11"), ("alice", "aa11")]
)
def test_no_two_signers_have_one_name_or_key(name, key_id):
    other = Entry(
        name=name, key_id=key_id, keytype="ed25519", scheme="ed25519", public="0f"
    )
    text = added_text(added_text("", entry=ALICE), entry=other)
    with pytest.raises(ConfigError, match="expected a name and a key of its own"):
        parse_signers(text.encode(), source="x")
    assert twin_of(other, [BOB, ALICE]) == ALICE


def test_a_new_signer_is_added_once():
    assert checked_new(BOB, listed=[ALICE])
    assert not checked_new(ALICE, listed=[BOB, ALICE])


@pytest.mark.parametrize(("name", "key_id"), [("alice", "cc33"), ("carol", "aa11")])
def test_a_signer_that_is_half_another_is_refused(name, key_id):
    other = Entry(
        name=name, key_id=key_id, keytype="ed25519", scheme="ed25519", public="0f"
    )
    with pytest.raises(ConfigError, match=r"got those of alice \(aa11…\)"):
        checked_new(other, listed=[ALICE])
