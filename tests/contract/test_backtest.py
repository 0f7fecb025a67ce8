"""`forewarn backtest`: tables, one document, a page, and plainly who is worse."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from agent.cli import main
from tests.contract.test_replay_report import FETCHES, HOSTILE, read
from tests.fakes.onnx_files import constant, linear, logistic, manifest_of

CPU = "system.cpu.utilization"
START_S = 1_714_564_800
EVENT = {
    "features": [f"last_over_time({CPU}[1m])", f"avg_over_time({CPU}[10m])"],
    "golden": ...,
    "missing": "skip",
    "score_every": "5m",
    "target": {
        "kind": "event",
        "series": CPU,
        "condition": ">= 0.9",
        "within": "15m",
        "onset": True,
    },
}
VALUE = {
    **EVENT,
    "task": "cpu-next",
    "decision": ...,
    "target": {
        "kind": "value",
        "expression": f"avg_over_time({CPU}[5m])",
        "ahead": "15m",
        "quantiles": [0.1, 0.5, 0.9],
        "as": "change",
    },
}


def release(folder, model, *, version=1, **changes):
    """Write a release folder; return its path as text."""
    folder.mkdir()
    (folder / "model.onnx").write_bytes(model)
    document = manifest_of(model, **{**EVENT, "version": version, **changes})
    (folder / "manifest.json").write_bytes(document)
    return str(folder)


def host(path, *, days=4, seed=0, column=CPU):
    """Write a recorded host: now and then its load climbs to 0.95 in half an hour."""
    generator = np.random.default_rng(seed)
    load = 0.3 + 0.02 * generator.normal(size=1440 * days)
    for begin in generator.integers(60, len(load) - 60, size=4 * days).tolist():
        load[begin : begin + 30] = np.linspace(0.3, 0.95, 30)
        load[begin + 30 : begin + 40] = 0.95
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["timestamp", column])
        writer.writerows(
            (START_S + 60 * row, round(value, 4)) for row, value in enumerate(load)
        )
    return path


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """Return a folder with two recorded hosts and releases, good and bad."""
    room = tmp_path_factory.mktemp("room")
    (room / "hosts").mkdir()
    for number, name in enumerate(("web", "db")):
        host(room / "hosts" / f"{name}.csv", seed=number)
    release(room / "good", logistic([60.0, 0.0], bias=-35.0))
    release(room / "bad", logistic([-60.0, 0.0], bias=35.0), version=2)
    zeros = linear([[0.0] * 3, [0.0] * 3])
    release(room / "value", zeros, **VALUE)
    return room


def ran(room, *arguments):
    return main(["backtest", "--trace", str(room / "hosts"), *arguments])


def figures_of(room, *arguments, status, capsys):
    assert ran(room, *arguments, "--json") == status
    return json.loads(capsys.readouterr().out)


def test_a_good_release_is_ahead_and_the_status_says_so(room, capsys):
    found = figures_of(room, "--release", f"{room}/good", status=0, capsys=capsys)
    (one,) = found["releases"]
    assert (found["schema"], found["worse"], one["task"]) == (1, [], "cpu-busy")
    assert [each["scope"] for each in one["hosts"]] == ["db", "web"]
    ranks = {each["name"]: each for each in one["pooled"]["ranks"]}
    assert list(ranks) == [
        *("v1", "baseline", "current value"),
        *("predict_linear", "seasonal rate", "k-means"),
    ]
    assert ranks["v1"]["average_precision"]["value"] > 0.7
    assert one["pooled"]["skill"]["low"] > 0
    assert one["pooled"]["warned"]["warned"] > 0


def test_a_bad_release_is_told_to_be_worse_with_status_3(room, capsys):
    assert ran(room, "--release", f"{room}/bad") == 3
    told = capsys.readouterr().out
    assert "cpu-busy  v2" in told
    assert re.search(
        r"! worse than current value: average precision 0\.\d+ behind", told
    )
    assert "! worse than baseline: Brier skill" in told
    assert "no figures" not in told


def test_releases_of_a_task_are_judged_on_the_same_moments(room, capsys):
    names = ["--release", f"{room}/good", "--release", f"{room}/bad"]
    found = figures_of(room, *names, status=3, capsys=capsys)
    one, other = found["releases"]
    assert one["pooled"]["rows"] == other["pooled"]["rows"]
    assert found["worse"] == ["cpu-busy v2"]


def test_a_value_release_is_judged_by_its_errors(room, capsys):
    found = figures_of(room, "--release", f"{room}/value", status=3, capsys=capsys)
    pooled = found["releases"][0]["pooled"]
    # To say that nothing changes is persistence itself, and no band at all.
    assert pooled["gain"]["value"] == pytest.approx(0.0)
    assert pooled["pinball_gain"]["high"] < 0
    assert pooled["coverage"]["value"] < 0.1
    assert ran(room, "--release", f"{room}/value") == 3
    assert "in the band that should hold 80%" in capsys.readouterr().out


def test_many_processes_come_to_the_same_figures(room, capsys):
    names = ["--release", f"{room}/good"]
    alone = figures_of(room, *names, status=0, capsys=capsys)
    assert figures_of(room, *names, "--jobs", "2", status=0, capsys=capsys) == alone


def test_the_last_share_of_the_time_is_judged_alone(room, capsys):
    names = ["--release", f"{room}/good"]
    whole = figures_of(room, *names, status=0, capsys=capsys)["releases"][0]["pooled"]
    late = figures_of(room, *names, "--last", "0.5", status=0, capsys=capsys)
    pooled = late["releases"][0]["pooled"]
    assert late["last"] == 0.5
    assert pooled["days"] == pytest.approx(whole["days"] / 2)
    assert 0.3 * whole["rows"] < pooled["rows"] < 0.7 * whole["rows"]


def test_a_shipped_task_is_judged_by_its_name_and_too_few_events_are_told(
    tmp_path, capsys
):
    trace = host(tmp_path / "calm.csv", days=1)
    assert main(["backtest", "cpu-saturation", "--trace", str(trace)]) == 0
    told = capsys.readouterr().out
    assert "no figures: fewer than 5 episodes of the event (4)" in told


def test_all_judges_what_it_can_and_tells_what_was_left_out(room, capsys):
    assert ran(room, "--all") in {0, 3}
    done = capsys.readouterr()
    assert "cpu-saturation" in done.out
    assert "left out: memory-pressure: db (and 1 other host): needs" in done.err


def test_a_column_can_be_renamed(tmp_path, room, capsys):
    trace = host(tmp_path / "odd.csv", column="cpu")
    arguments = ["backtest", "--release", f"{room}/good", "--trace", str(trace)]
    assert main(arguments) == 78
    assert capsys.readouterr().err == (
        f"left out: cpu-busy: odd: needs {CPU}, which is not recorded\n"
        "forewarn: cpu-busy: no recorded host could be judged; expected other series, "
        "or other steps, than are recorded: cpu; --rename names a column's series\n"
    )
    assert main([*arguments, "--rename", f"cpu={CPU}"]) == 0


def test_a_host_that_cannot_be_read_is_left_out_and_told(room, tmp_path, capsys):
    host(tmp_path / "good.csv")
    (tmp_path / "torn.csv").write_text("timestamp,system.cpu.utilization\n1,zwei\n")
    arguments = ["backtest", "--release", f"{room}/good", "--trace", str(tmp_path)]
    assert main(arguments) == 0
    assert "left out: " in (told := capsys.readouterr().err)
    assert "torn.csv" in told


def test_where_no_host_could_be_read_no_other_reason_is_given(tmp_path, capsys):
    trace = tmp_path / "odd.csv"
    trace.write_text(f"time,{CPU}\n1,0.2\n2,0.3\n")
    assert main(["backtest", "cpu-saturation", "--trace", str(trace)]) == 78
    assert capsys.readouterr().err == (
        f"left out: {trace}: expected a column timestamp, got time, {CPU}\n"
        "forewarn: cpu-saturation: no recorded host could be read\n"
    )


def test_maxima_beside_the_means_are_told_of_and_can_be_judged(room, tmp_path, capsys):
    lines = host(tmp_path / "vm.csv").read_text(encoding="utf-8").splitlines()
    rows = [f"{line},{line.partition(',')[2]}" for line in lines[1:]]
    text = "\n".join([f"{lines[0]},{CPU}.max", *rows])
    (tmp_path / "vm.csv").write_text(text, encoding="utf-8")
    arguments = ["backtest", "--release", f"{room}/good", "--trace", str(tmp_path)]
    assert main(arguments) == 0
    renames = f"--rename {CPU}={CPU}.mean --rename {CPU}.max={CPU}"
    assert capsys.readouterr().err == (
        f"vm: {CPU}.max is not looked at; to judge its readings in place of the means: "
        f"{renames}\n"
    )
    assert main([*arguments, *renames.split()]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ([], 2, "expected TASK, --all or --release"),
        (["cpu-saturation", "--all"], 2, "expected --all, or TASK or --release"),
        (["--all", "--release", "{room}/good"], 2, "expected --all, or TASK or"),
        (["no-such"], 78, "expected a release folder or one of cpu-change, "),
        (["cpu-busy", "--rename", "x"], 78, "expected a release folder or one of"),
        (["cpu-saturation", "--rename", "x"], 2, "--rename: expected COLUMN=SERIES"),
        (["cpu-saturation", "--last", "0"], 2, "Invalid value for '--last'"),
        (["cpu-saturation", "--report", "/no/such/p.html"], 78, "--report: expected"),
        (["other", "--release", "{room}/good"], 2, "expected one of other, got cpu"),
        (
            ["--release", "{room}/good", "--release", "{room}/good"],
            78,
            "expected one release of cpu-busy v1, got two",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(
    arguments, status, words, room, capsys
):
    assert ran(room, *(each.format(room=room) for each in arguments)) == status
    assert words in capsys.readouterr().err


def test_a_survey_and_an_empty_folder_have_nothing_to_judge(room, tmp_path, capsys):
    survey = tmp_path / "survey"
    survey.mkdir()
    (survey / "manifest.json").write_bytes(manifest_of(None))
    assert ran(room, "--release", str(survey)) == 78
    assert "a survey has no model that could be judged" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    arguments = ["--release", f"{room}/good", "--trace", str(tmp_path / "empty")]
    assert main(["backtest", *arguments]) == 78
    assert "expected a recorded host, or a folder of some" in capsys.readouterr().err


def test_a_manifest_that_is_none_is_named(room, tmp_path, capsys):
    (tmp_path / "manifest.json").write_text("{}")
    assert ran(room, "--release", str(tmp_path)) == 1
    assert f"{tmp_path}: manifest: " in capsys.readouterr().err


def test_a_model_that_answers_nonsense_ends_it_with_its_name(room, tmp_path, capsys):
    broken = release(tmp_path / "broken", constant(7.0))
    assert ran(room, "--release", broken) == 1
    assert "expected a probability in 0..1, got 7" in capsys.readouterr().err


# The page and the document.


@pytest.fixture(scope="module")
def page(room):
    """Return the text of a page that the command has made, and the document beside."""
    path, document = room / "page.html", room / "figures.json"
    names = [f"{room}/good", f"{room}/bad", f"{room}/value"]
    arguments = [word for name in names for word in ("--release", name)]
    arguments += ["--report", str(path), "--json", str(document)]
    assert ran(room, *arguments) == 3
    first = path.read_text(encoding="utf-8")
    assert ran(room, *arguments) == 3
    assert path.read_text(encoding="utf-8") == first
    return first, json.loads(document.read_bytes())


def test_the_page_stands_alone_and_names_no_folder_of_this_machine(page, room):
    text, _ = page
    assert FETCHES.search(text) is None
    assert str(room) not in text
    reader = read(text)
    assert len(reader.names) == len(set(reader.names))
    words = " ".join(" ".join(reader.words).split())
    assert "forewarn backtest --trace hosts --release good --release bad" in words


def test_the_page_tells_of_every_release_and_of_its_losses(page):
    text, document = page
    words = " ".join(" ".join(read(text).words).split())
    for each in document["releases"]:
        assert f"{each['task']} {each['release']}" in words
    assert "worse than baseline and current value" in words
    assert "Who put the moments before an event first" in words
    assert text.count("<svg ") == 4 + 4 + 3


def test_a_page_without_a_single_event_makes_sense(room, tmp_path):
    trace = tmp_path / "short.csv"
    rows = [f"{START_S + 60 * n},0.3" for n in range(30)]
    trace.write_text("\n".join([f"timestamp,{CPU}", *rows]))
    path = tmp_path / "p.html"
    arguments = ["--release", f"{room}/good", "--release", f"{room}/value"]
    arguments += ["--trace", str(trace), "--report", str(path)]
    assert main(["backtest", *arguments]) == 0
    words = " ".join(" ".join(read(path.read_text(encoding="utf-8")).words).split())
    assert "no figures: fewer than 5 episodes of the event (0)" in words
    assert "Nothing to rank: the figures are withheld." in words


def test_no_word_of_others_becomes_markup(room, tmp_path):
    titled = release(tmp_path / "titled", logistic(), title=HOSTILE)
    trace = host(tmp_path / "a<b>&.csv", days=2)
    path = tmp_path / "p.html"
    arguments = ["--release", titled, "--trace", str(trace), "--report", str(path)]
    assert main(["backtest", *arguments]) in {0, 3}
    text = path.read_text(encoding="utf-8")
    assert FETCHES.search(text) is None
    read(text)


def test_a_document_that_cannot_be_written_is_told(room, tmp_path, capsys):
    path = tmp_path / "no" / "f.json"
    assert ran(room, "--release", f"{room}/good", "--json", str(path)) == 78
    assert f"--json: {path}: " in capsys.readouterr().err


def test_progress_is_shown_on_a_terminal_only(room, capsys, monkeypatch):
    assert ran(room, "--release", f"{room}/good") == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert ran(room, "--release", f"{room}/good") == 0
    assert "2 recorded hosts" in capsys.readouterr().err


def test_files_of_a_folder_are_named_by_where_they_lie(room, tmp_path, capsys):
    (tmp_path / "a").mkdir()
    host(tmp_path / "a" / "web.csv")
    host(tmp_path / "web.csv", seed=1)
    arguments = ["--release", f"{room}/good", "--trace", str(tmp_path), "--json"]
    assert main(["backtest", *arguments]) == 0
    (one,) = json.loads(capsys.readouterr().out)["releases"]
    names = sorted(each["scope"] for each in one["hosts"])
    assert names == [str(Path("a") / "web"), "web"]
