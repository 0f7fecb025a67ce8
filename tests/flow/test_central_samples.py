"""`forewarn-central samples`: from reports to files, and how many there are."""

import json
from datetime import timedelta

import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pytest.importorskip("sqlalchemy", reason="sqlalchemy is not installed")

from central.cli import main
from central.wiring.dataset import opened_dataset
from central.wiring.fleet import opened_fleet
from tests.fakes.central import central_folder
from tests.fakes.told import START, TASK, arrival, labelled, report


@pytest.fixture
def folder(tmp_path):
    return central_folder(tmp_path / "central")


@pytest.fixture
def run(folder, capsys):
    def run(*arguments):
        status = main(["samples", *arguments, "--dir", str(folder)])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


def arrive(folder, *, reports=3, samples=4):
    """Store reports with samples, all of one day."""
    with opened_fleet(folder) as fleet:
        for number in range(1, reports + 1):
            sent = report(
                number, labelled=labelled(samples, at=START + timedelta(hours=number))
            )
            fleet.reports.store_many([arrival(sent)])


def test_nothing_to_learn_from_is_told(run):
    status, out, err = run()
    assert (status, out) == (0, "")
    assert "no samples yet" in err


def test_samples_come_from_reports_into_files(folder, run):
    arrive(folder)
    assert run("shelve") == (0, "12 samples put into files\n", "")
    assert run("shelve") == (0, "0 samples put into files\n", "")
    status, out, _ = run("--json")
    (stock,) = json.loads(out)
    assert status == 0
    assert (stock["task"], stock["rows"], stock["hosts"]) == (TASK, 12, 1)
    assert (stock["days"], stock["first"]) == (1, "2026-03-01")


def test_days_that_are_over_become_one_file(folder, run):
    for number in range(3):
        with opened_fleet(folder) as fleet:
            at = START + timedelta(hours=number)
            sent = report(number + 1, labelled=labelled(4, at=at))
            fleet.reports.store_many([arrival(sent)])
        run("shelve")
    assert opened_dataset(folder).stock()[0].files == 3
    assert run("compact", "--json") == (0, '{\n  "files": 3\n}\n', "")
    assert opened_dataset(folder).stock()[0].rows == 12
    header, line = run()[1].splitlines()
    assert header.split() == [
        *("task", "rows", "events", "hosts", "releases"),
        *("days", "first", "last", "files", "size"),
    ]
    assert line.split()[:2] == [TASK, "12"]


def test_a_folder_that_is_not_centrals_is_named(tmp_path, capsys):
    assert main(["samples", "--dir", str(tmp_path)]) == 78
    assert "expected central's folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_dataset_lies_where_fleet_toml_says(folder, run, tmp_path, monkeypatch):
    monkeypatch.setenv("SAMPLES_AT", str(tmp_path / "elsewhere"))
    (folder / "fleet.toml").write_text('[dataset]\nurl = "$SAMPLES_AT"\n')
    arrive(folder, reports=1)
    run("shelve")
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == [
        f"task={TASK}"
    ]
