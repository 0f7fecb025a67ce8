"""A hostile repository changes nothing on a host, and says in one line why not.

Each attack meets a host that has taken in version 1. It must leave the line-up, the
models and the metadata folder as they should be, and not stand in the way of a good
version 2 afterwards. The numbers are those of the table of attacks that the design of
trust began with.
"""

import json
import re
import shutil
from datetime import timedelta

import pytest

from agent.errors import TrustError, UnavailableError
from tests.fakes.bench import FIRST, NOW, SECOND, Bench
from tests.fakes.onnx_files import manifest_of, sha256
from tests.fakes.signed import new_keys

TASK = "cpu-busy"
RELEASE, APPROVE = f"release-{TASK}", f"approve-{TASK}"
STRANGER = r" \(signed by [0-9a-f]{12}: unknown or no longer trusted\)"
TWICE = r" \(a key counts once, however often it signs\)"
YESTERDAY = NOW - timedelta(days=1)
WHEN = f"{YESTERDAY:%Y-%m-%d %H:%M} UTC"


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    bench.publish()
    assert len(bench.update().admitted) == 1
    yield bench
    bench.registry.close()


def standing(bench):
    """Return all that an attack must not change."""
    models = {path.name: path.read_bytes() for path in bench.folder.iterdir()}
    return bench.registry.lineups(), bench.states(), models


def check_tidy(bench):
    """Check that nothing half-written lies about in the state folder."""
    names = {
        path.relative_to(bench.cache.parent).as_posix()
        for path in bench.cache.parent.rglob("*")
        if path.is_file()
    }
    known = (
        r"forewarn\.db(-wal|-shm)?",
        r"models/\w{64}\.onnx",
        r"metadata/(root_history/\d+\.root|[a-z-]+)\.json",
    )
    strange = [n for n in names if not any(re.fullmatch(each, n) for each in known)]
    assert strange == []


def refusal(bench):
    """Return the one line in which an update tells what was wrong."""
    before = standing(bench)
    try:
        result = bench.update()
    except (TrustError, UnavailableError) as error:
        line = str(error)
    else:
        (refused,) = result.refused
        line = refused.reason
    assert standing(bench) == before
    check_tidy(bench)
    assert "\n" not in line
    return line


def check_recovers(bench):
    """Check that a good version 2 is taken in, once all is signed as it should be."""
    publisher = bench.publisher
    document = manifest_of(SECOND, task=TASK, version=2)
    publisher.sign("root", "targets", APPROVE, RELEASE, "snapshot", "timestamp")
    publisher.offer(TASK, document, SECOND, serial=100)
    (admitted,) = bench.update().admitted
    assert admitted.version == 2
    assert bench.update().refused == ()
    check_tidy(bench)


def two_keys(publisher, role=RELEASE):
    """Let a role need both of two keys; everything is signed as it should be."""
    publisher.set_keys(role, new_keys(2), threshold=2)
    publisher.sign("targets", role, "snapshot", "timestamp")
    return publisher.keys[role]


def one_of_two(publisher):
    first, _ = two_keys(publisher)
    publisher.sign(RELEASE, by=[first])
    publisher.sign("snapshot", "timestamp")


def one_key_twice(publisher):
    first, _ = two_keys(publisher)
    publisher.sign(RELEASE, by=[first])
    document = json.loads(publisher.file(RELEASE).read_bytes())
    document["signatures"] *= 2
    publisher.write(RELEASE, json.dumps(document).encode())
    publisher.sign("snapshot", "timestamp")


def one_by_another_role(publisher):
    first, _ = two_keys(publisher)
    publisher.sign(RELEASE, by=[first, *publisher.keys[APPROVE]])
    publisher.sign("snapshot", "timestamp")


def root_by_strangers(publisher):
    former = publisher.keys["root"]
    publisher.set_keys("root", new_keys(2), threshold=2)
    publisher.sign("root", by=[*former, *publisher.keys["root"]])
    publisher.sign("root", by=new_keys(1))
    # What is signed next takes this one's place.
    publisher.signed["root"].version -= 1


def timestamp_by_another_role(publisher):
    publisher.sign("timestamp", by=publisher.keys["snapshot"])


def timestamp_by_a_revoked_key(publisher):
    former = publisher.keys["timestamp"]
    publisher.set_keys("timestamp", new_keys())
    publisher.sign("root")
    publisher.sign("timestamp", by=former)


def changed_timestamp(publisher):
    document = json.loads(publisher.file("timestamp").read_bytes())
    document["signed"]["version"] += 1
    publisher.write("timestamp", json.dumps(document).encode())


def no_role_in_the_snapshot(publisher):
    del publisher.signed["snapshot"].meta[f"{RELEASE}.json"]
    publisher.sign("snapshot", "timestamp")


def another_version_than_listed(publisher):
    content = publisher.file(RELEASE).read_bytes()
    publisher.signed[RELEASE].version = 2
    publisher.write(RELEASE, content)
    publisher.sign("snapshot", "timestamp")


def another_snapshot_than_listed(publisher):
    publisher.sign("snapshot", "timestamp")
    publisher.signed["snapshot"].version -= 1
    publisher.sign("snapshot", expires=NOW + timedelta(days=5))


def expired(role):
    def attack(publisher):
        publisher.sign(role, expires=YESTERDAY)
        listing = ("snapshot", "timestamp")
        after = listing.index(role) + 1 if role in listing else 0
        publisher.sign(*listing[after:])

    return attack


def instead_of(role, content):
    """Return the attack of a server that answers something else for a new version."""

    def attack(publisher):
        publisher.sign(role)
        publisher.write(role, content)
        # What is signed next takes this one's place.
        publisher.signed[role].version -= role == "root"

    return attack


def snapshot_as_timestamp(publisher):
    publisher.write("timestamp", publisher.file("snapshot").read_bytes())


def too_few(role, *, of, got, also="", still=""):
    return (
        f"{role}: refused{still}: expected signatures of {of} of its keys, got {got} "
        f"of {of}{also}; its keepers must sign it"
    )


def late(role):
    return (
        f"{role}: expired at {YESTERDAY:%Y-%m-%d %H:%M} UTC: nothing new is taken in, "
        "what is at work goes on; its keepers must sign it anew, or the clock of this "
        "host must be set"
    )


def older(role, *, have, got):
    return (
        f"{role}: rollback attack or a restored backup: expected at least version "
        f"{have}, as was seen before, got {got}; the publisher must offer the newest "
        "metadata"
    )


def login_page(file):
    return (
        rf"{file}: not TUF metadata: a proxy or a login page\? the operator must look "
        "at what answers in the repository's place"
    )


def no_good(words):
    return rf"{words}; refused: the publisher must .*"


ATTACKS = {
    "1_one_of_two_signatures": (one_of_two, too_few(RELEASE, of=2, got=1)),
    "2_a_key_twice": (one_key_twice, too_few(RELEASE, of=2, got=1, also=TWICE)),
    "3_the_key_of_another_role": (
        one_by_another_role,
        too_few(RELEASE, of=2, got=1, also=STRANGER),
    ),
    "3_a_timestamp_by_the_key_of_the_snapshot": (
        timestamp_by_another_role,
        too_few("timestamp", of=1, got=0, also=STRANGER),
    ),
    "4_a_root_by_strangers": (
        root_by_strangers,
        too_few("root", of=2, got=0, also=STRANGER, still=", still on version 2"),
    ),
    "5_a_revoked_key": (
        timestamp_by_a_revoked_key,
        too_few("timestamp", of=1, got=0, also=STRANGER),
    ),
    "5_a_changed_timestamp": (changed_timestamp, too_few("timestamp", of=1, got=0)),
    "8_a_role_that_is_listed_no_more": (
        no_role_in_the_snapshot,
        no_good(f"repository: New snapshot is missing info for '{RELEASE}.json'"),
    ),
    "8_another_version_than_the_listed": (
        another_version_than_listed,
        no_good(f"2.{RELEASE}.json: Expected {RELEASE} v2, got v1"),
    ),
    "10_an_expired_root": (expired("root"), late("root")),
    "11_an_expired_timestamp": (expired("timestamp"), late("timestamp")),
    "12_an_expired_snapshot": (expired("snapshot"), late("snapshot")),
    "13_expired_targets": (expired("targets"), late("targets")),
    "14_an_expired_release_role": (expired(RELEASE), late(RELEASE)),
    "14_an_expired_approval_role": (expired(APPROVE), late(APPROVE)),
    "16_a_snapshot_of_other_bytes": (
        another_snapshot_than_listed,
        r"3.snapshot.json: dropped, hash mismatch: expected \w{12}, got \w{12}: .*",
    ),
    "17_an_endless_timestamp": (
        instead_of("timestamp", b"x" * 20_000),
        "timestamp.json: dropped, longer than what was signed or .*16384; the .*",
    ),
    "21_a_page_for_the_timestamp": (
        instead_of("timestamp", b"<html>Sign in</html>"),
        login_page("timestamp.json"),
    ),
    "21_a_page_for_the_next_root": (
        instead_of("root", b"<html>Sign in</html>"),
        login_page("2.root.json"),
    ),
    "21_nothing_for_the_next_root": (
        instead_of("root", b""),
        login_page("2.root.json"),
    ),
    "21_a_list_of_lists": (
        instead_of("timestamp", b"[" * 8_000),
        login_page("timestamp.json"),
    ),
    "other_json": (
        instead_of("timestamp", b"{}"),
        r"timestamp.json: malformed: KeyError\('signed'\); the publisher must act",
    ),
    "metadata_of_another_kind": (
        snapshot_as_timestamp,
        no_good("repository: Expected 'timestamp', got 'snapshot'"),
    ),
}


@pytest.mark.parametrize(("attack", "expected"), ATTACKS.values(), ids=ATTACKS)
def test_an_attack_changes_nothing_and_is_told_in_one_line(bench, attack, expected):
    attack(bench.publisher)
    assert re.fullmatch(expected, refusal(bench))
    check_recovers(bench)


def test_6_an_older_timestamp_is_not_taken(bench):
    older_one = bench.publisher.file("timestamp").read_bytes()
    bench.publisher.sign("snapshot", "timestamp")
    bench.update()
    bench.publisher.write("timestamp", older_one)
    assert refusal(bench) == older("timestamp", have=3, got=2)
    check_recovers(bench)


def test_7_nor_is_it_where_the_metadata_is_lost(bench):
    older_one = bench.publisher.file("timestamp").read_bytes()
    bench.publisher.sign("snapshot", "timestamp")
    bench.update()
    bench.publisher.write("timestamp", older_one)
    shutil.rmtree(bench.cache)
    assert refusal(bench) == older("timestamp", have=3, got=2)
    check_recovers(bench)


@pytest.mark.parametrize("is_lost", [False, True], ids=["kept", "lost"])
def test_8_an_older_role_is_not_taken(bench, is_lost):
    publisher = bench.publisher
    publisher.sign(RELEASE, "snapshot", "timestamp")
    bench.update()
    publisher.signed["snapshot"].meta[f"{RELEASE}.json"].version = 1
    publisher.sign("snapshot", "timestamp")
    if is_lost:
        shutil.rmtree(bench.cache)
    assert refusal(bench) == older(RELEASE, have=2, got=1)
    check_recovers(bench)


def test_9_who_lost_a_key_recovers_from_a_version_too_high_to_follow(bench):
    publisher = bench.publisher
    publisher.sign("timestamp", version=1_000_000)
    assert bench.update().refused == ()
    publisher.set_keys("timestamp", new_keys())
    publisher.sign("root")
    publisher.sign("timestamp", version=3)
    assert bench.update().refused == ()
    check_recovers(bench)


def test_15_a_clock_that_was_turned_back_lets_no_expired_metadata_in(bench):
    bench.update(days=20)
    bench.publisher.sign("timestamp", expires=NOW + timedelta(days=10))
    line = refusal(bench)
    assert line.startswith(f"timestamp: expired at {NOW + timedelta(days=10):%Y-%m-%d}")
    assert "; the clock of this host says " in line
    check_recovers(bench)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(
            lambda body: body[:-1] + bytes([body[-1] ^ 1]),
            r"dropped, hash mismatch: expected \w{12}, got \w{12}: not what was signed",
            id="16_other_bytes",
        ),
        pytest.param(
            lambda body: body[:-1],
            r"dropped, length mismatch: expected \d+, got \d+: not what was signed",
            id="16_fewer_bytes",
        ),
        pytest.param(
            lambda body: body * 100,
            "dropped, longer than what was signed or may be read",
            id="17_an_endless_body",
        ),
        pytest.param(lambda body: None, ".*no such file; tried again", id="gone"),
    ],
)
def test_a_model_that_is_not_the_signed_one_is_dropped(bench, change, words):
    bench.publish(SECOND, version=2)
    path = bench.publisher.target(f"models/{TASK}/2/model.onnx")
    content = change(SECOND)
    path.unlink() if content is None else path.write_bytes(content)
    assert re.match(rf"models/{TASK}/2/model.onnx: {words}", refusal(bench))
    path.write_bytes(SECOND)
    (admitted,) = bench.update().admitted
    assert admitted.version == 2
    check_tidy(bench)


@pytest.mark.parametrize(
    ("pointer", "words"),
    [
        pytest.param(
            {"sha256": "ab" * 32},
            rf"models/{TASK}/2/manifest.json: the approval is for another file: "
            r"expected sha256 abababababab of \d+ bytes, the data team signed .*",
            id="24_of_another_hash",
        ),
        pytest.param(
            {"length": 7},
            rf"models/{TASK}/2/manifest.json: the approval is for another file: .*",
            id="24_of_another_length",
        ),
        pytest.param(
            {"revoked": [sha256(SECOND)]},
            "its digest is revoked: expected .*; operations must .*",
            id="25_revoked",
        ),
        pytest.param(
            {"serial": 0},
            "channel of cpu-busy went back: expected at least serial 1, got 0; "
            "operations must approve anew",
            id="26_channel_goes_back",
        ),
    ]
    + [
        pytest.param(
            {"manifest": path},
            r"pointer of cpu-busy: manifest: expected models/cpu-busy/2/manifest.json, "
            "got .*",
            id=f"29_{path}",
        )
        for path in (
            "../../etc/passwd",
            "models/cpu-busy/%2e%2e/manifest.json",
            "models/cpu-busy/2/manifest.json?x",
            "models/cpu busy/2/manifest.json",
            "models/CPU-busy/2/manifest.json",
            "models/disk-full/2/manifest.json",
        )
    ],
)
def test_an_approval_that_does_not_fit_is_refused(bench, pointer, words):
    document = manifest_of(SECOND, task=TASK, version=2)
    bench.publisher.offer(TASK, document, SECOND, **pointer)
    assert re.fullmatch(words, refusal(bench))
    check_recovers(bench)


def manifest_with(**changes):
    document = json.loads(manifest_of(SECOND, task=TASK, version=2))
    return json.dumps(document | changes).encode()


def manifest_without(key):
    document = json.loads(manifest_of(SECOND, task=TASK, version=2))
    del document[key]
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("document", "words"),
    [
        pytest.param(manifest_with(schema=9), "schema", id="unknown_schema"),
        pytest.param(manifest_without("target"), "target", id="missing_field"),
        pytest.param(manifest_with(extra=1), "extra", id="extra_field"),
        pytest.param(manifest_with(features="x"), "features", id="wrong_type"),
        pytest.param(
            manifest_with(title="x" * 1_000_000), "at most 1000000 bytes", id="long"
        ),
        pytest.param(
            manifest_with(reference=json.loads("[" * 100 + "]" * 100)),
            "reference",
            id="deep",
        ),
        pytest.param(b"[" * 100_000, "manifest", id="deeper"),
        pytest.param(manifest_with(task="disk-full"), "task", id="28_another_task"),
    ],
)
def test_27_a_manifest_that_makes_no_sense_is_refused(bench, document, words):
    bench.publisher.offer(TASK, document, SECOND, version=2)
    assert words in refusal(bench)
    bench.publish(SECOND, version=3)
    (admitted,) = bench.update().admitted
    assert admitted.version == 3


@pytest.mark.parametrize(
    "task", ["../up", "%2e%2e", "a?b", "a b", "Upper", "-dash", "", "a\nb", "x" * 65]
)
def test_29_a_task_with_a_bad_name_is_told_and_stops_no_other(bench, task):
    publisher = bench.publisher
    publisher.delegate(f"approve-{task}", ["channels/*/*"])
    publisher.sign("targets", f"approve-{task}")
    bench.publish(SECOND, version=2)
    result = bench.update()
    assert [one.version for one in result.admitted] == [2]
    (refused,) = result.refused
    assert re.fullmatch(
        r"task '.*: bad name: expected at most 64 of .*", refused.reason
    )
    assert refused.reason.isprintable()
    check_tidy(bench)


def test_30_a_role_signs_for_its_own_paths_only(bench):
    document = manifest_of(SECOND, task=TASK, version=2)
    path = f"models/{TASK}/2/manifest.json"
    bench.publisher.put(APPROVE, path, document)
    content = {
        "schema": 1,
        "task": TASK,
        "channel": "stable",
        "serial": 2,
        "manifest": path,
        "sha256": sha256(document),
        "length": len(document),
        "version": 2,
    }
    approval = {f"channels/{TASK}/stable.json": json.dumps(content).encode()}
    bench.publisher.publish(TASK, release={}, approval=approval)
    assert refusal(bench) == (
        f"{path}: no such target was signed for task {TASK} by a role that may; the "
        "publisher must sign it"
    )
    check_recovers(bench)


def test_the_data_team_alone_gets_nothing_in(bench):
    files = {
        f"models/{TASK}/2/manifest.json": manifest_of(SECOND, task=TASK, version=2),
        f"models/{TASK}/2/model.onnx": SECOND,
    }
    bench.publisher.publish(TASK, release=files, approval={})
    result = bench.update()
    assert (result.admitted, result.refused) == ((), ())
    assert bench.states().keys() == {(TASK, 1)}
    assert bench.kept().keys() == {f"{sha256(FIRST)}.onnx"}
