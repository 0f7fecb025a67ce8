"""What the commands say of a ledger, as people and as programs read it."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent.adapters.clock import SystemClock
from agent.adapters.store.registry import SqliteRegistry
from agent.cli import main
from agent.core.channel import Channel
from agent.core.event import Event, EventName
from agent.core.moment import Role, Thesis
from agent.core.release import ReleaseState
from agent.core.trust import SignedRole, Trust
from tests.fakes.commands import ROOT, START_S, counts, rows_of, trace_file
from tests.fakes.lived import TASK, Lived

WIDTH = 120
TASKS = ["cpu-saturation", "filesystem-full", "memory-pressure"]
NOT_RUNNING = "the daemon is not running: nothing is sampled or predicted"
START = datetime.fromtimestamp(START_S, UTC)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Return the state folder of a recorded host that lived through three tasks."""
    folder = tmp_path_factory.mktemp("kept")
    trace = trace_file(folder / "t.csv", rows=1_000)
    releases = [word for task in TASKS for word in ("--release", task)]
    kept = ("--keep", str(folder / "state"))
    assert main(["replay", str(trace), *releases, *kept]) == 0
    return folder / "state"


@pytest.fixture
def asked(kept, capsys):
    """Return what runs a command on that folder; gives its stdout."""

    def asked(*arguments, status=0, words=""):
        found = main([*map(str, arguments), "--state-dir", str(kept)])
        out, err = capsys.readouterr()
        assert (found, err) == (status, words)
        return out

    return asked


@pytest.fixture
def document(asked):
    def document(*arguments, status=0, words=""):
        return json.loads(asked(*arguments, "--json", status=status, words=words))

    return document


def columns(text):
    """Return a table's rows by the words of its header, split at the gutters."""
    header, *lines = text.splitlines()
    names = re.split(r" {2,}", header.strip())
    rows = [re.split(r" {2,}", line.strip()) for line in lines]
    assert {len(row) for row in rows} <= {len(names)}
    return [dict(zip(names, row, strict=True)) for row in rows]


# --- status


def test_status_agrees_with_sqlite(document, kept):
    found = document("status", status=3)
    assert {key: found["ledger"][key] for key in counts(kept)} == counts(kept)
    assert found["ledger"]["samples"] == 1_000
    assert sum(found["ledger"]["outcomes"].values()) > 1_000
    last = datetime.fromisoformat(found["ledger"]["last_sample_at"])
    assert last == START + timedelta(seconds=9_990)
    assert (found["is_well"], found["is_running"], found["cost"]) == (
        False,
        False,
        None,
    )
    assert found["findings"] == [NOT_RUNNING]
    assert found["state_dir"] == str(kept)
    assert found["trust"]["state"] == "unknown"


def test_the_scorecards_add_up_to_the_outcomes(document, kept):
    found = document("status", status=3)
    resolved = rows_of(
        kept,
        "select m.task, o.kind, count(*) from outcomes as o"
        " join moments as m on m.id = o.moment group by 1, 2",
    )
    happened = {task: n for task, kind, n in resolved if kind == "happened"}
    for card in found["scorecards"]:
        task, skill = card["task"], card["skill"]
        assert skill["happened"] == happened.get(task, 0)
        assert skill["resolved"] == sum(n for of, _, n in resolved if of == task)
        assert 0 <= skill["brier"] <= 1
    roles = [(card["task"], card["role"]) for card in found["scorecards"]]
    assert roles == [(task, role) for task in TASKS for role in ("active", "baseline")]


def test_status_for_people_says_first_what_is_not_well(asked):
    lines = asked("status", status=3).splitlines()
    assert re.fullmatch(r"forewarn \S+: not well", lines[0])
    assert lines[1:3] == [f"  ! {NOT_RUNNING}", ""]
    assert re.fullmatch(
        r"ledger: 1,000 samples, the last at 2024-05-01T14:46:30Z; [\d,]+ predictions, "
        r"\d+ open; [\d,]+ did not, [\d,]+ happened; [\d.]+ kB",
        lines[-4],
    )
    assert lines[-3:] == [
        "trust: the repository was not asked yet",
        "reports: summaries, 0 wait",
        "daemon: not running",
    ]


def test_the_score_table_fits_a_terminal(asked):
    parts = asked("status", status=3).split("\n\n")
    (scores,) = [part for part in parts if "Brier" in part]
    assert max(map(len, scores.splitlines())) <= WIDTH
    rows = columns(scores)
    assert [row["task"] for row in rows] == [task for task in TASKS for _ in range(2)]
    active, baseline = (row for row in rows if row["task"] == "filesystem-full")
    assert (baseline["release"], baseline["vs base"]) == ("baseline", "-")
    assert re.fullmatch(r"-?[\d.]+ %", active["vs base"])
    assert re.fullmatch(r"\d+ (min|s)|-", active["lead"])


def test_what_a_column_means_is_in_the_help(capsys):
    assert main(["status", "--help"]) == 0
    shown = capsys.readouterr().out
    for column in ("Brier", "vs base", "calib.", "prec.", "recall", "lead"):
        assert re.search(rf"^ +{re.escape(column)}  ", shown, re.MULTILINE)


# --- tasks, releases


def test_tasks_say_what_is_predicted(document, asked):
    found = document("tasks")
    assert [task["task"] for task in found] == TASKS
    (cpu, disk, _) = found
    assert cpu["predicts"] == "system.cpu.utilization >= 0.9 for 30 s within 2 min"
    assert (cpu["entity"], cpu["horizon_s"], cpu["score_every_s"]) == ("host", 120, 10)
    assert (cpu["standby"], cpu["shadow"]) == (None, None)
    assert disk["predicts"].startswith(
        'system.filesystem.utilization{mountpoint="$entity"} >= 0.95'
    )
    rows = columns(asked("tasks"))
    assert [row["task"] for row in rows] == TASKS
    assert rows[1]["of each"] == "mountpoint"
    # The entity has a column; the series need not name it again.
    assert rows[1]["predicts"].startswith("system.filesystem.utilization >= 0.95")


def test_releases_have_state_and_role(document, asked, kept):
    found = document("releases")
    assert [(one["task"], one["digest"]) for one in found] == rows_of(
        kept, "select task, digest from releases order by task"
    )
    assert {(one["state"], one["role"]) for one in found} == {("probation", "active")}
    assert all(one["model"]["sha256"] and one["provenance"] for one in found)
    rows = columns(asked("releases"))
    assert [row["release"] for row in rows] == [one["digest"][:12] for one in found]


# --- predictions, outcomes


def test_predictions_are_the_newest_of_the_ledger(document, kept):
    found = document("predictions", "--limit", 7)
    newest = rows_of(kept, "select id from moments order by id desc limit 7")
    assert [one["id"] for one in found] == [number for (number,) in newest]
    first = found[0]
    assert [role["role"] for role in first["predictions"]] == ["active", "baseline"]
    scores = rows_of(
        kept,
        f"select role, scores from predictions where moment = {first['id']}",  # noqa: S608
    )
    assert {p["role"]: p["scores"] for p in first["predictions"]} == {
        role: json.loads(text) for role, text in scores
    }
    assert first["outcome"] is None


def test_outcomes_are_those_of_the_ledger(document, kept):
    found = document("outcomes", "--limit", 1_000_000)
    rows = rows_of(kept, "select moment, kind from outcomes order by moment desc")
    assert [(one["id"], one["outcome"]["kind"]) for one in found] == rows


def test_the_filters_narrow(document):
    assert {one["task"] for one in document("predictions", "--task", TASKS[0])} == {
        TASKS[0]
    }
    assert {one["entity"] for one in document("outcomes", "--entity", "/var")} == {
        "/var"
    }
    since = START + timedelta(hours=2)
    found = document("predictions", "--since", since.isoformat(), "--limit", 10_000)
    assert min(datetime.fromisoformat(one["at"]) for one in found) >= since
    naive = since.replace(tzinfo=None).isoformat()  # taken as UTC
    assert found == document("predictions", "--since", naive, "--limit", 10_000)
    long_ago = document("predictions", "--since", "999999999d", "--limit", 5)
    assert len(long_ago) == 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--since", "2h"], "no {} that these filters let through\n"),
        (["--entity", "/nix"], "no {} that these filters let through\n"),
        (["--task", "nix"], f'no task "nix" here; there is {", ".join(TASKS)}\n'),
    ],
)
@pytest.mark.parametrize("command", ["prediction", "outcome"])
def test_nothing_found_is_told_on_stderr(command, arguments, words, asked, document):
    words = words.format(command)
    assert asked(f"{command}s", *arguments, words=words) == ""
    assert document(f"{command}s", *arguments, words=words) == []


def test_predictions_for_people(asked):
    rows = columns(asked("predictions", "--limit", 20))
    assert len(rows) == 20
    assert {row["task"] for row in rows} == set(TASKS)
    first = rows[0]
    assert first["at"] == "2024-05-01T14:46:30Z"
    assert (first["entity"], first["outcome"]) == ("-", "open")


def test_outcomes_for_people_say_what_came_and_when(asked):
    rows = columns(asked("outcomes", "--limit", 5_000))
    words = {row["outcome"] for row in rows}
    assert "did not" in words
    assert "happened after 1 min" in words
    assert max(map(len, words)) < 30


# --- the guard


@pytest.fixture
def lived(tmp_path):
    return Lived(tmp_path / "state", roles=(Role.ACTIVE, Role.SHADOW, Role.STANDBY))


@pytest.fixture
def told(lived, capsys):
    """Return what runs a command on a guarded host; gives its text or document."""

    def told(command, *options):
        main([command, *options, "--state-dir", str(lived.state)])
        out = capsys.readouterr().out
        return json.loads(out) if options else out

    return told


def test_tasks_tell_who_stands_by_and_who_is_heard(lived, told):
    (row,) = columns(told("tasks"))
    assert (row["version"], row["standby"], row["shadow"]) == ("1", "3", "2")
    assert row["voice"] == "silent"
    lived.judge(
        Thesis.WORSE, Role.ACTIVE, Role.BASELINE, heard=[lived.digests[Role.ACTIVE]]
    )
    lived.line_up(is_pinned=True, standby=None)
    (row,) = columns(told("tasks"))
    assert row["voice"] == "heard, pinned"
    assert "standby" not in row
    (task,) = told("tasks", "--json")
    assert (task["is_heard"], task["is_pinned"]) == (True, True)
    assert (task["standby_version"], task["shadow_version"]) == (None, 2)


def test_where_the_baseline_speaks_nobody_is_silent(lived, told):
    lived.line_up(active=None)
    assert columns(told("tasks"))[0]["voice"] == "-"
    assert "silent" not in told("status")


def test_status_has_what_each_test_has_come_to(lived, told):
    point = lived.judge(Thesis.WORSE, Role.ACTIVE, Role.BASELINE)
    (tested,) = told("status", "--json")["guard"]
    assert tested["asks"] == "is v1 worse than the baseline?"
    evidence = tested["evidence"]
    assert (evidence["e_value"], evidence["threshold"]) == (point.e_value, 20)
    (part,) = [p for p in told("status").split("\n\n") if "the guard asks" in p]
    *lines, silent = part.splitlines()
    (row,) = columns("\n".join(lines))
    assert (row["evidence"], row["needs"]) == (f"{point.e_value:.4g}", "20")
    assert (row["over"], row["episodes"]) == ("40", "2")
    assert silent == (
        "silent, as not yet shown to be as good as the baseline: cpu-busy v1"
    )
    assert max(map(len, lines)) <= 100


def test_a_test_of_a_release_that_left_is_over(lived, told):
    lived.judge(Thesis.WORSE, Role.SHADOW, Role.ACTIVE)
    assert told("status", "--json")["guard"] != []
    lived.line_up(shadow=None)
    assert told("status", "--json")["guard"] == []


def rolled_back(lived, *, at, **fields):
    digest = lived.digests[Role.ACTIVE]
    facts = {
        "task": TASK,
        "version": 1,
        "digest": digest[:12],
        "reason": "it was worse",
    }
    name = EventName.RELEASE_ROLLED_BACK
    return Event(at=at, name=name, fields={**facts, **fields})


def test_a_rollback_is_a_finding_for_a_week_or_until_it_is_cleared(lived, told):
    def findings():
        return [f for f in told("status", "--json")["findings"] if "rolled" in f]

    now = SystemClock().now()
    lived.line_up(active=None)
    lived.set_states(Role.ACTIVE, ReleaseState.ROLLED_BACK)
    lived.record(rolled_back(lived, at=now - timedelta(days=8)))
    assert findings() == []
    at = now - timedelta(minutes=5)
    lived.record(rolled_back(lived, at=at))
    assert findings() == [
        f"cpu-busy: version 1 was rolled back at {at:%Y-%m-%dT%H:%M:%SZ}: it was worse"
    ]
    lived.set_states(Role.ACTIVE, ReleaseState.RETIRED)
    assert findings() == []


def test_a_verdict_that_a_pin_holds_is_a_finding(lived, told):
    def findings():
        return [f for f in told("status", "--json")["findings"] if "pinned" in f]

    at = SystemClock().now() - timedelta(days=30)
    held = replace(
        rolled_back(lived, at=at, would="roll_back"), name=EventName.VERDICT_HELD
    )
    lived.record(held)
    assert findings() == []
    lived.line_up(is_pinned=True)
    expected = (
        "cpu-busy: version 1 is pinned, but the guard would roll it back since "
        f"{at:%Y-%m-%dT%H:%M:%SZ}: it was worse"
    )
    assert findings() == [expected]
    lived.record(replace(held, fields={**held.fields, "would": "promote"}))
    assert findings() == [expected]
    lived.record(replace(held, name=EventName.RELEASE_PINNED))
    assert findings() == []


# --- an empty ledger, another one's marks


@pytest.fixture
def registry(tmp_path):
    with SqliteRegistry.open(tmp_path / "state" / "forewarn.db") as registry:
        yield registry


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("predictions", "no prediction yet\n"),
        ("outcomes", "no outcome yet\n"),
        ("tasks", "no task yet: no release was taken in\n"),
        ("releases", "no release was taken in yet\n"),
    ],
)
def test_an_empty_ledger_is_told_on_stderr(command, words, registry, tmp_path, capsys):
    folder = ["--state-dir", str(tmp_path / "state")]
    assert main([command, *folder]) == 0
    assert capsys.readouterr() == ("", words)
    assert main([command, *folder, "--json"]) == 0
    assert capsys.readouterr() == ("[]\n", words)


def test_the_status_of_an_empty_ledger(registry, tmp_path, capsys):
    assert main(["status", "--state-dir", str(tmp_path / "state")]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == [
        f"  ! {NOT_RUNNING}",
        "  ! no release was taken in yet: nothing is predicted",
        "",
        "no outcome yet",
        "",
        lines[-4],
        "trust: the repository was not asked yet",
        "reports: summaries, 0 wait",
        "daemon: not running",
    ]
    assert lines[-4].startswith("ledger: 0 samples; 0 predictions, 0 open; ")


def test_an_update_that_failed_is_a_finding_until_one_is_done(
    registry, tmp_path, capsys
):
    now = SystemClock().now()

    def findings():
        main(["status", "--json", "--state-dir", str(tmp_path / "state")])
        return json.loads(capsys.readouterr().out)["findings"][2:]

    stale = "trust is stale, so nothing new is taken in; what is here goes on: "
    registry.set_trust(Trust().failed("central is not to be had", now=now))
    assert findings() == [f"{stale}central is not to be had"]
    later = now + timedelta(days=1)
    role = SignedRole(
        name="timestamp",
        version=1,
        expires=later,
        keyids=("a",),
        signed_by=("a",),
        threshold=1,
    )
    registry.set_trust(Trust().verified([role], now=now))
    assert findings() == []
    registry.set_trust(Trust().verified([replace(role, expires=now)], now=now))
    assert findings() == [f"{stale}timestamp expired at {now:%Y-%m-%dT%H:%M:%SZ}"]
    registry.set_trust(Trust().verified([role], now=later - timedelta(hours=1)))
    (finding,) = findings()
    assert finding.startswith("the clock of this host says")


def test_an_offer_that_is_not_taken_is_a_finding(registry, tmp_path, capsys):
    registry.set_channel(Channel(task="cpu-busy", refusal="version 2 is too new"))
    main(["status", "--json", "--state-dir", str(tmp_path / "state")])
    found = json.loads(capsys.readouterr().out)["findings"]
    assert "cpu-busy: not taken in: version 2 is too new" in found


def test_an_error_is_a_finding_for_an_hour(registry, tmp_path, capsys):
    now = SystemClock().now()
    for minutes, reason in ((90, "long ago"), (30, "full"), (10, "still full")):
        at = now - timedelta(minutes=minutes)
        fields = {"reason": reason}
        registry.record(Event(at=at, name=EventName.COMMIT_FAILED, fields=fields))
    main(["status", "--json", "--state-dir", str(tmp_path / "state")])
    told = json.loads(capsys.readouterr().out)["findings"][2:]
    at = now - timedelta(minutes=10)
    assert told == [f"commit_failed at {at:%Y-%m-%dT%H:%M:%SZ}: reason=still full"]


# --- in a pipe


def piped(*arguments, **streams):
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "agent", *map(str, arguments)],
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
        cwd=ROOT,
        **streams,
    )


@pytest.mark.parametrize(
    "arguments", [["predictions", "--limit", 100_000], ["outcomes", "--json"]]
)
def test_a_reader_that_leaves_is_no_noise(arguments, kept):
    read, write = os.pipe()
    os.close(read)
    done = piped(*arguments, "--state-dir", kept, stdout=write)
    os.close(write)
    assert done.stderr == b""
    assert done.returncode in {1, -signal.SIGPIPE}


def test_the_text_is_whole_where_the_locale_is_c(kept):
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0"}
    done = piped("status", "--state-dir", kept, stdout=subprocess.PIPE, env=environment)
    assert (done.returncode, done.stderr) == (3, b"")
    assert done.stdout.isascii()
