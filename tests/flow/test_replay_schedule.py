"""Replays with a schedule: offers, an operator's wishes, and what the guard does."""

import csv
import math
from pathlib import Path

import pytest

from agent.adapters.store.archive import Archive
from agent.cli import main
from agent.core.event import AUDIT
from tests.fakes.commands import START_S
from tests.fakes.onnx_files import SERIES, logistic, manifest_of

ROWS = 3_000
FEATURES = [f"last_over_time({SERIES}[10s])", f"delta({SERIES}[60s])"]
TARGET = {"kind": "event", "series": SERIES, "condition": ">= 0.9", "within": "60s"}
# A guard in a hurry: what takes weeks on a host takes an hour here.
HURRY = ("judge_for=10m", "episodes=2", "min_blocks=1", "promotion=3", "alpha=0.1")
# How well each release knows that what rises goes on to rise.
MODELS = {
    1: logistic([1.0, 0.0], bias=-1.5),
    2: logistic([6.0, 12.0], bias=-6.5),
    3: logistic([-6.0, -12.0], bias=6.0),
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Return a folder with a recorded host and three releases of one task."""
    monkeypatch.chdir(tmp_path)
    with Path("host.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["timestamp", SERIES])
        for n in range(ROWS):
            busy = 0.6 + 0.35 * math.sin(n / 9)
            writer.writerow([START_S + 10 * n, round(busy, 4)])
    for version, model in MODELS.items():
        folder = Path(f"v{version}")
        folder.mkdir()
        (folder / "model.onnx").write_bytes(model)
        manifest = manifest_of(
            model,
            version=version,
            features=FEATURES,
            target=TARGET,
            missing="skip",
            score_every="10s",
        )
        (folder / "manifest.json").write_bytes(manifest)
    return tmp_path


@pytest.fixture
def replayed(here, capsys):
    """Return what replays the host; gives the life of its releases, oldest first."""

    def replayed(*options, guard=HURRY):
        settings = [part for pair in guard for part in ("--guard", pair)]
        status = main(["replay", "host.csv", *options, *settings, "--keep", "kept"])
        assert status in {0, 3}, capsys.readouterr()
        with Archive.open(Path("kept/forewarn.db")) as archive:
            return archive.history(names=AUDIT)[::-1]

    return replayed


def told(events):
    return [(event.name, event.fields.get("version")) for event in events]


def refused(capsys, *options):
    status = main(["replay", "host.csv", *options])
    return status, capsys.readouterr().err.splitlines()[-1]


def test_the_first_release_of_a_task_is_acted_upon_and_a_later_one_waits(replayed):
    events = replayed("--release", "v1", "--release", "v2@100", guard=())
    assert told(events) == [
        ("release_admitted", 1),
        ("release_activated", 1),
        ("release_admitted", 2),
    ]
    assert [event.at.timestamp() - START_S for event in events] == [0, 0, 1_000]


def test_an_offer_takes_the_place_of_the_shadow_before_it(replayed):
    replayed(*(f"--release=v{n}@{2_600 + 100 * n}" for n in MODELS), guard=())
    with Archive.open(Path("kept/forewarn.db")) as archive:
        states = {each.version: each.state for each in archive.releases()}
        (lineup,) = archive.lineups()
        digests = {each.digest: each.version for each in archive.releases()}
    assert states == {1: "probation", 2: "retired", 3: "shadow"}
    assert (digests[lineup.active], digests[lineup.shadow]) == (1, 3)


def test_a_better_release_is_promoted_by_the_guard_alone(replayed):
    events = told(replayed("--release", "v1", "--release", "v2@200"))
    assert ("release_promoted", 2) in events
    assert ("release_rolled_back", 2) not in events


def test_a_bad_release_that_is_forced_to_work_goes_once_nothing_holds_it(replayed):
    events = told(
        replayed(
            *("--release", "v2", "--release", "v3@1000"),
            *("--at", "1001:pin:cpu-busy:3", "--at", "2500:unpin:cpu-busy"),
        )
    )
    life = [each for each in events if each[1] == 3]
    assert [name for name, _ in life] == [
        "release_admitted",
        "release_promoted",
        "release_pinned",
        "verdict_held",
        "release_unpinned",
        "release_rolled_back",
    ]


def test_an_operator_rolls_back_and_clears(replayed):
    events = replayed(
        *("--release", "v2", "--at", "50:rollback:cpu-busy"),
        *("--at", "60:clear:cpu-busy:2"),
        guard=(),
    )
    assert told(events)[2:] == [("release_rolled_back", 2), ("release_cleared", 2)]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param(["--release", "v1@3000"], "expected a row", id="after_the_end"),
        pytest.param(
            ["--release", "v2", "--release", "v1@9"],
            "expected a version above 2 at row 9, got 1",
            id="older_version",
        ),
        pytest.param(
            ["--release", "v1", "--release", "v2"],
            "expected one release a task, got two of cpu-busy",
            id="two_at_once",
        ),
        pytest.param(
            ["--at", "5:pin:cpu-busy"], 'got "5:pin:cpu-busy"', id="no_version"
        ),
        pytest.param(["--at", "x:unpin:cpu-busy"], "got", id="no_row"),
        pytest.param(["--at", "5:label:cpu-busy"], "expected one of", id="no_verb"),
        pytest.param(["--at", "5:unpin:disk"], "expected a task of cpu-", id="no_task"),
        pytest.param(["--at", "9999:unpin:cpu-busy"], "0 to 2999, got", id="too_late"),
        pytest.param(["--guard", "alpha"], "expected KEY=VALUE", id="no_value"),
        pytest.param(["--guard", "alfa=1"], 'did you mean "alpha"?', id="no_key"),
    ],
)
def test_a_schedule_that_cannot_be_is_a_wrong_command_line(
    here, capsys, options, words
):
    first = [] if options[0] == "--release" else ["--release", "v1"]
    status, line = refused(capsys, *first, *options)
    assert status == 2
    assert words in line


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("alpha=2", "guard.alpha: expected 1e-9 to below 1, got 2.0"),
        ("block=fast", "guard.block: expected a number and a unit"),
        ("strict=perhaps", "guard.strict: expected true or false"),
    ],
)
def test_a_guard_that_cannot_be_is_a_wrong_configuration(here, capsys, pair, words):
    status, line = refused(capsys, "--release", "v1", "--guard", pair)
    assert status == 78
    assert words in line


def test_a_folder_may_have_an_at_in_its_name(here, replayed):
    Path("v1").rename("v@1")
    assert told(replayed("--release", "v@1", guard=()))[0] == ("release_admitted", 1)
