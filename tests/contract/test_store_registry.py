"""What the courier changes in the state database: all of it, or nothing."""

import hashlib
import re
import sqlite3
from contextlib import closing
from datetime import timedelta

import numpy as np
import pytest

from agent.adapters.store import schema
from agent.adapters.store.archive import Archive
from agent.adapters.store.ledger import SqliteLedger
from agent.adapters.store.registry import SqliteRegistry
from agent.core.channel import Channel
from agent.core.event import Event, EventName
from agent.core.lineup import LineUp
from agent.core.release import LIVES, ReleaseState
from agent.core.trust import Floor, SignedRole, Trust
from agent.errors import (
    IllegalTransitionError,
    ManifestError,
    StateError,
    TamperedError,
    TrustError,
)
from tests.fakes.ledger import START, manifest

FIRST, SECOND = "1" * 64, "2" * 64


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
def registry(path):
    with closing(SqliteRegistry.open(path)) as opened:
        yield opened


def test_a_release_is_taken_in_staged_and_byte_for_byte(registry):
    document = manifest(version=3)
    registry.admit(digest=FIRST, manifest=document, at=START)
    (found,) = registry.releases()
    assert (found.digest, found.state) == (FIRST, ReleaseState.STAGED)
    assert (found.manifest.task, found.manifest.version) == ("disk-full", 3)
    assert registry.manifest_of(FIRST) == document


def test_releases_come_by_task_and_version(registry):
    for digest, task, version in (
        ("a" * 64, "b", 1),
        ("b" * 64, "a", 10),
        ("c" * 64, "a", 2),
    ):
        registry.admit(digest=digest, manifest=manifest(task, version), at=START)
    found = [(r.manifest.task, r.manifest.version) for r in registry.releases()]
    assert found == [("a", 2), ("a", 10), ("b", 1)]


def test_a_release_is_taken_in_once(registry, path):
    registry.admit(digest=FIRST, manifest=manifest(), at=START)
    message = (
        f"{path}: admitting release 111111111111: "
        "UNIQUE constraint failed: releases.digest"
    )
    with pytest.raises(StateError, match=f"^{re.escape(message)}$"):
        registry.admit(digest=FIRST, manifest=manifest(version=2), at=START)
    assert registry.manifest_of(FIRST) == manifest()


def test_a_version_belongs_to_one_digest(registry):
    registry.admit(digest=FIRST, manifest=manifest(), at=START)
    message = (
        "release disk-full 1: expected digest 111111111111, "
        "as it was taken in before, got 222222222222"
    )
    with pytest.raises(TrustError, match=f"^{re.escape(message)}$"):
        registry.admit(digest=SECOND, manifest=manifest(), at=START)
    assert len(registry.releases()) == 1


def test_a_manifest_that_is_not_understood_is_not_taken_in(registry):
    with pytest.raises(ManifestError):
        registry.admit(digest=FIRST, manifest=b"{}", at=START)
    assert registry.releases() == ()


@pytest.mark.parametrize("before", ReleaseState)
@pytest.mark.parametrize("state", ReleaseState)
def test_a_state_follows_only_where_the_table_leads(registry, before, state):
    registry.admit(digest=FIRST, manifest=manifest(), at=START)
    registry._connection.execute("update releases set state = ?", (before,))
    leads = any(key[0] is before and end is state for key, end in LIVES.items())
    if leads or before is state:
        registry.set_state(FIRST, state)
        assert registry.releases()[0].state is state
    else:
        message = f"^no release that is {before} becomes {state}$"
        with pytest.raises(IllegalTransitionError, match=message):
            registry.set_state(FIRST, state)
        assert registry.releases()[0].state is before


def test_an_unknown_release_is_an_error(registry, path):
    message = f"^{re.escape(str(path))}: no release 111111111111$"
    with pytest.raises(StateError, match=message):
        registry.set_state(FIRST, ReleaseState.SHADOW)
    with pytest.raises(StateError, match=message):
        registry.manifest_of(FIRST)


def test_a_task_has_one_lineup_and_the_newest_counts(registry):
    for version, digest in enumerate((FIRST, SECOND), start=1):
        registry.admit(digest=digest, manifest=manifest(version=version), at=START)
    registry.set_lineup(LineUp(task="disk-full", active=FIRST))
    newest = LineUp(task="disk-full", standby=FIRST, shadow=SECOND)
    registry.set_lineup(newest)
    registry.set_lineup(LineUp(task="an-empty-one"))
    assert registry.lineups() == (LineUp(task="an-empty-one"), newest)


def test_a_line_up_keeps_its_pin_until_the_next_one(registry, path):
    registry.admit(digest=FIRST, manifest=manifest(), at=START)
    for is_pinned in (True, False):
        lineup = LineUp(task="disk-full", active=FIRST, is_pinned=is_pinned)
        registry.set_lineup(lineup)
        assert registry.lineups() == (lineup,)
        with Archive.open(path) as archive:
            assert archive.lineups() == (lineup,)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"active": SECOND}, id="unknown release"),
        pytest.param({"active": FIRST, "standby": FIRST}, id="active is standby"),
        pytest.param({"active": FIRST, "shadow": FIRST}, id="active is shadow"),
        pytest.param({"standby": FIRST, "shadow": FIRST}, id="standby is shadow"),
    ],
)
def test_a_faulty_lineup_leaves_the_one_that_was(registry, wrong):
    registry.admit(digest=FIRST, manifest=manifest(), at=START)
    right = LineUp(task="disk-full", active=FIRST)
    registry.set_lineup(right)
    with pytest.raises(StateError, match=r"line-up of disk-full: .* constraint failed"):
        registry.set_lineup(LineUp(task="disk-full", **wrong))
    assert registry.lineups() == (right,)


def test_a_transaction_that_raises_leaves_no_trace(registry, path):
    event = Event(at=START, name=EventName.RELEASE_ADMITTED)

    def take_in():
        registry.admit(digest=FIRST, manifest=manifest(), at=START)
        registry.set_state(FIRST, ReleaseState.SHADOW)
        registry.set_lineup(LineUp(task="disk-full", shadow=FIRST))
        registry.record(event)
        registry.set_state(FIRST, ReleaseState.CONFIRMED)

    with pytest.raises(IllegalTransitionError), registry.transaction():
        take_in()
    assert registry.releases() == ()
    assert registry.lineups() == ()
    with Archive.open(path) as archive:
        assert archive.events() == []


def test_nobody_sees_a_transaction_before_its_end(registry, path):
    with SqliteRegistry.open(path) as other:
        with registry.transaction():
            registry.admit(digest=FIRST, manifest=manifest(), at=START)
            assert other.releases() == ()
        assert len(other.releases()) == 1


def test_an_event_is_kept_with_its_fields(registry, path):
    fields = {"task": "disk-full", "latency_ms": 0.25, "version": 3, "left": None}
    registry.record(Event(at=START, name=EventName.RELEASE_ADMITTED, fields=fields))
    with Archive.open(path) as archive:
        (found,) = archive.events()
    assert (found.at, found.level, found.name) == (START, "info", "release_admitted")
    assert found.fields == fields


def role(name="timestamp", version=3, keyids=("a", "b")):
    return SignedRole(
        name=name,
        version=version,
        expires=START,
        keyids=keyids,
        signed_by=keyids[:1],
        threshold=1,
    )


def test_a_release_keeps_the_chain_that_vouched_for_it(registry, path):
    chain = (role("root"), role("release-disk-full"))
    registry.admit(digest=FIRST, manifest=manifest(), at=START, chain=chain)
    with closing(Archive.open(path)) as archive:
        assert archive.chain_of(FIRST) == chain


def test_floors_replace_those_of_the_same_role(registry):
    first = (
        Floor(role="root", keyids=("a",), version=1),
        Floor(role="timestamp", keyids=("b",), version=7),
    )
    registry.set_floors(first)
    assert registry.floors() == first
    higher = Floor(role="timestamp", keyids=("c",), version=2)
    registry.set_floors([higher])
    assert registry.floors() == (first[0], higher)


def test_a_channel_is_empty_before_it_is_heard_of(registry, path):
    assert registry.channel("disk-full") == Channel(task="disk-full")
    heard = Channel(
        task="disk-full", serial=4, sha256=FIRST, keyids=("a",), refusal="too new"
    )
    registry.set_channel(heard)
    assert registry.channel("disk-full") == heard
    assert registry.channel("other") == Channel(task="other")
    with closing(Archive.open(path)) as archive:
        assert archive.channels() == [heard]


def test_trust_is_empty_before_the_first_update(registry, path):
    assert registry.trust() == Trust()
    trust = Trust().verified([role()], now=START).failed("no route", now=START)
    registry.set_trust(trust)
    assert registry.trust() == trust
    with closing(Archive.open(path)) as archive:
        assert archive.trust() == trust


def test_crashes_are_counted_by_digest_and_time(registry):
    later = START + timedelta(minutes=30)
    for minutes in (0, 10, 20, 60):
        registry.add_crash(FIRST, at=START + timedelta(minutes=minutes))
    assert (
        registry.crashes(FIRST, since=START + timedelta(minutes=10), until=later) == 2
    )
    assert registry.crashes(SECOND, since=START, until=later) == 0


def test_a_manifest_that_was_changed_in_the_database_is_no_releases(registry, path):
    document = manifest()
    digest = hashlib.sha256(document).hexdigest()
    registry.admit(digest=digest, manifest=document, at=START)
    with SqliteLedger.open(path) as ledger:
        assert ledger.release(digest).manifest.task == "disk-full"
        registry._connection.execute("update releases set manifest = x'7b7d'")
        with pytest.raises(TamperedError, match="its manifest in the database was"):
            ledger.release(digest)


def test_a_state_of_a_newer_program_hides_the_release(registry):
    registry.admit(digest=FIRST, manifest=manifest(), at=START)
    registry._connection.execute("update releases set state = 'of tomorrow'")
    assert registry.releases() == ()


def steps_until(number, *, path, monkeypatch):
    """Make the file that a program of an older schema would have made."""
    with monkeypatch.context() as older:
        older.setattr(schema, "_STEPS", schema._STEPS[:number])
        older.setattr(schema, "VERSION", number)
        schema.migrate(path)


def test_a_file_from_before_the_guard_keeps_everything(path, monkeypatch):
    steps_until(2, path=path, monkeypatch=monkeypatch)
    features = np.array([1.5, np.nan], dtype=np.float32)
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement, row in (
            (
                "insert into releases values (?, 'disk-full', 1, 'shadow', ?, 0, '[]')",
                (FIRST, manifest()),
            ),
            ("insert into lineups values ('disk-full', ?, null, null)", (FIRST,)),
            (
                "insert into moments values (1, 'disk-full', '', 0, 60, 0.9, 0, 4, ?)",
                (features.tobytes(),),
            ),
            ("insert into outcomes values (1, 'did_not', 60, null, null, null)", ()),
        ):
            connection.execute(statement, row)
    with SqliteLedger.open(path) as ledger:
        assert ledger.lineups() == (LineUp(task="disk-full", active=FIRST),)
        assert [release.digest for release in ledger.releases()] == [FIRST]
        found, outcome = ledger.resolved(1)
        assert (found.id, found.state, found.wagers) == (1, 4, ())
        np.testing.assert_array_equal(found.features, features)
        assert outcome.kind == "did_not"
        assert ledger.requests() == ()
        assert ledger.next_moment_id() == 2
    with Archive.open(path) as archive:
        assert archive.evidence() == archive.requests() == []
