"""`forewarn-central retrain`: its exit statuses, its files and what it writes down."""

import json
from datetime import UTC, datetime
from itertools import groupby

import pytest

pytest.importorskip("lightgbm", reason="lightgbm is not installed")
pytest.importorskip("matplotlib", reason="matplotlib is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pytest.importorskip("sqlalchemy", reason="sqlalchemy is not installed")

from agent.core.envelope import LabelledRow
from central.ports.dataset import Batch, InboxRow
from central.wiring.dataset import opened_dataset
from central.wiring.log import opened_log
from tests.fakes.fleet import TASK, Fleet
from tests.fakes.onnx_files import sha256
from tests.fakes.truth import truth

GATE = "min_rows = 100\nmin_events = 10\nmin_gain = -1.0\nmax_latency = '1s'\n"


@pytest.fixture
def fleet(tmp_path, capsys):
    fleet = Fleet(tmp_path, capsys)
    assert fleet.publish(None).status == 0
    return fleet


@pytest.fixture
def taught(fleet, tmp_path):
    """Return a central with samples, and a gate that they are enough for."""
    paper = fleet.target(f"models/{TASK}/1/manifest.json").read_bytes()
    known = truth(release=sha256(paper), hosts=6, moments=1500, days=3)
    dataset = opened_dataset(fleet.central)
    for number, (day, rows) in enumerate(groupby(rows_of(known.samples), day_of)):
        dataset.add(Batch(id=number, task=TASK, day=day, rows=tuple(rows)))
    (tmp_path / "gate.toml").write_text(GATE)
    return fleet


def day_of(row):
    return row.row.at.date()


def rows_of(samples):
    """Yield samples as reports brought them."""
    for place in range(len(samples)):
        yield InboxRow(
            host_id=str(samples.host[place]),
            sequence=1,
            place=place,
            row=LabelledRow(
                task=TASK,
                release=str(samples.release[place]),
                entity="",
                at=datetime.fromtimestamp(samples.at[place], UTC),
                label=float(samples.label[place]),
                baseline=tuple(samples.baseline[place].tolist()),
                active=(),
                features=tuple(samples.features[place].tolist()),
            ),
            weight=float(samples.weight[place]),
        )


def retrain(fleet, tmp_path, *options):
    gate = tmp_path / "gate.toml"
    return fleet.on_desk("retrain", TASK, "--trials", 1, "--gate", gate, *options)


def test_what_passes_is_published_and_an_agent_takes_it(taught, tmp_path):
    done = retrain(taught, tmp_path, "--json")
    assert done.status == 0, done
    said = json.loads(done.out)
    paper = taught.target(f"models/{TASK}/2/manifest.json").read_bytes()
    assert said["publication"]["digest"] == said["digest"] == sha256(paper)
    folder = taught.central / "releases" / TASK / "2"
    assert (folder / "manifest.json").read_bytes() == paper
    assert (folder / "card.md").is_file()
    assert taught.on_desk("approve", TASK, 2).status == 0
    assert taught.on_desk("verify").status == 0
    assert taught.update_host().status == 0
    assert taught.host_releases()[2] == "probation"


def test_it_is_written_down_on_which_evidence(taught, tmp_path):
    assert retrain(taught, tmp_path).status == 0
    entry = opened_log(taught.central).chain().entries[-1]
    assert (entry.action, entry.subject.version) == ("publish", 2)
    assert len(entry.evidence["data_sha256"]) == 64
    assert all(check["is_kept"] for check in entry.evidence["gate"])


def test_what_is_refused_is_told_with_every_reason(taught, tmp_path):
    (tmp_path / "gate.toml").write_text(GATE + "min_skill = 0.99\nmax_size = '1B'\n")
    done = retrain(taught, tmp_path)
    assert done.status == 3
    assert done.out == f"{TASK} version 2: refused by the gate\n"
    reasons = done.err.splitlines()
    assert [line.split("(")[-1] for line in reasons] == ["min_skill)", "max_size)"]


def test_too_few_samples_are_to_be_tried_again_later(fleet):
    done = fleet.on_desk("retrain", TASK)
    assert done.status == 75
    assert done.out == f"{TASK}: too few samples yet\n"
    assert "got 0" in done.err


def test_a_dry_run_writes_its_files_where_it_is_told_and_signs_nothing(
    taught, tmp_path
):
    out = tmp_path / "out"
    done = retrain(taught, tmp_path, "--dry-run", "--out", out)
    assert done.status == 0, done
    assert "passed the gate; nothing was signed" in done.out
    assert {"card.md", "manifest.json", "model.onnx"} < {p.name for p in out.iterdir()}
    card = json.loads((out / "manifest.json").read_bytes())["provenance"]["card"]
    assert card == "card.md"
    assert not (taught.repository / "targets/models" / TASK / "2").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("min_skil = 1", "min_skil"),
        ("min_skill = 'a'", "min_skill"),
        ("[", "gate.toml"),
    ],
)
def test_a_gate_that_says_what_cannot_be_is_refused(text, words, fleet, tmp_path):
    (tmp_path / "gate.toml").write_text(text)
    done = retrain(fleet, tmp_path)
    assert done.status == 78
    assert words in done.err


def test_a_gate_that_is_not_there_is_refused(fleet, tmp_path):
    assert retrain(fleet, tmp_path).status == 78


def test_a_budget_is_a_duration(fleet):
    assert fleet.on_desk("retrain", TASK, "--budget", "soon").status == 2


def test_a_folder_that_is_none_is_left_as_it_was(fleet, tmp_path):
    folder = tmp_path / "nothing"
    folder.mkdir()
    assert fleet.run("retrain", TASK, "--dir", folder).status == 78
    assert not list(folder.iterdir())


def test_a_task_that_nobody_knows_is_told(fleet):
    done = fleet.on_desk("retrain", "cpu-bussy")
    assert done.status == 1
    assert TASK in done.err
