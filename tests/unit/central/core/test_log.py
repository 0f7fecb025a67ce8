"""The log: whatever is changed, dropped or moved is found, and what is torn is told."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.core.log import (
    NOTHING,
    Action,
    Actor,
    Chain,
    Deed,
    Subject,
    entry_after,
    line_of,
    of_task,
    read_chain,
    repair_of,
)

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
WHO = {"user": "ann", "sudo_user": None, "at": AT}


def deed(number=1, **evidence):
    subject = Subject(task="cpu", version=number, digest="a" * 64)
    return Deed(
        action=Action.PUBLISH, subject=subject, keys=("release-1",), evidence=evidence
    )


def entries(count):
    found = []
    for number in range(1, count + 1):
        last = found[-1] if found else None
        found.append(entry_after(last, deed(number, serial=number), **WHO))
    return found


def document(found):
    return b"".join(line_of(entry) + b"\n" for entry in found)


def test_an_entry_by_hand():
    entry = entry_after(None, deed(serial=1), **WHO)
    written = json.loads(line_of(entry))
    assert written == {
        "number": 1,
        "at": "2026-03-02T12:00:00Z",
        "actor": {"user": "ann", "sudo_user": None, "keys": ["release-1"]},
        "action": "publish",
        "subject": {"task": "cpu", "version": 1, "digest": "a" * 64},
        "evidence": {"serial": 1},
        "previous": NOTHING,
        "hash": entry.hash,
    }
    del written["hash"]
    canonical = json.dumps(written, sort_keys=True, separators=(",", ":")).encode()
    assert hashlib.sha256(canonical).hexdigest() == entry.hash


def test_a_log_is_read_as_it_was_written():
    found = entries(5)
    chain = read_chain(document(found))
    assert (chain.entries, chain.broken, chain.torn) == (tuple(found), None, b"")
    assert chain.last == found[-1]
    assert chain.remarks() == ()
    assert read_chain(b"") == Chain()
    assert read_chain(b"").last is None


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.one_of(
                st.none(),
                st.booleans(),
                st.integers(-(2**53), 2**53),
                st.floats(),
                st.text(),
                st.binary(max_size=3),
                st.just(AT),
                st.just(timedelta(hours=1)),
            ),
            lambda inner: st.lists(inner, max_size=3) | st.tuples(inner),
            max_leaves=5,
        ),
    )
)
def test_any_evidence_can_be_read_back_and_verified(evidence):
    entry = entry_after(None, deed(x=evidence), **WHO)
    chain = read_chain(line_of(entry) + b"\n")
    assert (chain.entries, chain.broken) == ((entry,), None)


@given(st.integers(0, 4), st.data())
def test_a_changed_byte_is_found(line, data):
    whole = document(entries(5))
    lines = whole.split(b"\n")
    start = sum(len(each) + 1 for each in lines[:line])
    at = start + data.draw(st.integers(0, len(lines[line]) - 1))
    other = data.draw(st.integers(1, 255))
    changed = whole[:at] + bytes([whole[at] ^ other]) + whole[at + 1 :]
    assert read_chain(changed).broken.startswith(f"line {line + 1}: ")


@pytest.mark.parametrize("gone", range(1, 4))
def test_a_missing_line_is_found(gone):
    found = entries(5)
    del found[gone]
    words = f"line {gone + 1}: expected entry {gone + 1}, got {gone + 2}"
    assert read_chain(document(found)).broken == words


def test_lines_that_changed_places_are_found():
    found = entries(3)
    found[0], found[1] = found[1], found[0]
    assert read_chain(document(found)).broken == "line 1: expected entry 1, got 2"


def test_an_entry_of_another_log_is_found():
    found = entries(3)
    other = entry_after(found[0], deed(7), **WHO)
    found[1] = other
    broken = read_chain(document(found)).broken
    assert broken.startswith("line 3: expected the hash of the entry before, ")


def test_a_changed_entry_with_a_whole_line_is_found():
    found = entries(2)
    found[0] = msgspec.structs.replace(found[0], actor=Actor(user="eve"))
    chain = read_chain(document(found))
    assert chain.broken.startswith("line 1: expected hash ")
    assert len(chain.entries) == 2


def test_an_entry_that_is_written_otherwise_is_found():
    (entry,) = entries(1)
    spaced = json.dumps(json.loads(line_of(entry))).encode()
    broken = read_chain(spaced + b"\n").broken
    assert broken == "line 1: expected an entry as it was written"


@given(st.integers(1, 200))
def test_a_torn_last_line_is_told_and_then_told_of_for_good(cut):
    found = entries(3)
    whole = document(found)
    cut = min(cut, len(line_of(found[-1])))
    torn = whole[: -1 - cut]
    chain = read_chain(torn)
    assert chain.broken is None
    assert chain.entries == tuple(found[:2])
    if not chain.torn:
        return
    assert "the last line is torn" in chain.remarks()[0]
    repair = entry_after(chain.last, repair_of(chain.torn), **WHO)
    after = entry_after(repair, deed(9), **WHO)
    chain = read_chain(torn + b"\n" + document([repair, after]))
    assert chain.broken is None
    assert chain.repaired == (3,)
    assert chain.entries[-2:] == (repair, after)
    assert chain.remarks()[0].startswith("line 3 is torn: its writer was killed")


def test_a_line_that_lacks_only_its_end_counts():
    whole = document(entries(3))
    chain = read_chain(whole[:-1])
    assert (len(chain.entries), chain.broken, chain.torn) == (3, None, b"")


def test_a_repair_tells_of_just_what_is_torn():
    (entry,) = entries(1)
    repair = entry_after(entry, repair_of(b"{torn"), **WHO)
    other = document([entry]) + b"{other\n" + document([repair])
    broken = read_chain(other).broken
    assert broken == "line 2: expected an entry as it was written"
    follower = entry_after(entry, deed(2), **WHO)
    silent = document([entry]) + b"{torn\n" + document([follower])
    assert read_chain(silent).broken == broken


def test_what_was_torn_twice_is_one_repair():
    (entry,) = entries(1)
    repair = entry_after(entry, repair_of(b"{torn\n{again"), **WHO)
    chain = read_chain(document([entry]) + b"{torn\n{again\n" + document([repair]))
    assert (chain.broken, chain.repaired) == (None, (2,))


def test_the_entries_of_a_task():
    first = entry_after(None, Deed(action=Action.INIT), **WHO)
    second = entry_after(first, deed(), **WHO)
    assert of_task([first, second], "cpu") == (second,)


def test_what_is_published_and_not_logged_is_told():
    founded = entry_after(None, Deed(action=Action.INIT), **WHO)
    known = entry_after(founded, deed(1), **WHO)
    chain = Chain(entries=(founded, known))
    published = [("cpu", 1), ("cpu", 2)]
    (told,) = chain.unlogged(published=published)
    assert told.startswith("cpu version 2 is published, and the log tells of nobody")
    # A log that began later says nothing of what was before.
    assert Chain(entries=(known,)).unlogged(published=published) == ()
    assert Chain().unlogged(published=published) == ()
