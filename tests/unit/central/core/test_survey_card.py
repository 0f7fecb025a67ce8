"""The card of a survey tells who was better, and by how much."""

import numpy as np
import pytest

from agent.core.figures import ValueFigures
from agent.core.judged import Judged
from central.core.heard import AGAIN, PUT_RIGHT, RELEASE, heard, verdicts
from central.core.platt import Line
from central.core.pupils import LeftOut
from central.core.survey_card import PICTURE, comparison, lines
from central.core.surveys import UNUSUAL
from tests.fakes.pupils import lived_pupil

MANIFEST = UNUSUAL[0].rehearsed()


def marks(*, is_good=True, is_again=True, threshold=0.5, step_s=1500.0):
    pupils = [lived_pupil(host, seed=n, step_s=step_s) for n, host in enumerate("ab")]
    right = [pupil.rows.features[:, 0].astype(np.float64) for pupil in pupils]
    said = tuple(each if is_good else 1 - each for each in right)
    found = LeftOut(
        said=said,
        again=said if is_again else (),
        line=Line(slope=1.0, shift=0.0),
        threshold_said=said[0],
        threshold_came=pupils[0].rows.outcome > 0,
    )
    hosts = heard(pupils, found, manifest=MANIFEST)
    return verdicts(hosts, manifest=MANIFEST, threshold=threshold, clear=0.3)


def test_everybody_stands_in_the_table_and_every_host_has_its_line():
    text = "\n".join(lines(marks()))
    for name in (RELEASE, PUT_RIGHT, AGAIN):
        assert f"| **{name}** |" in text
    for name in ("baseline", "current value", "predict_linear", "seasonal rate"):
        assert f"| {name} |" in text
    assert "| a | 300 |" in text
    assert "| b | 300 |" in text
    assert f"]({PICTURE})" in text
    assert "It is worse than" not in text


def test_a_release_that_is_worse_says_so():
    text = "\n".join(lines(marks(is_good=False)))
    assert "- It is worse than baseline: " in text


def test_one_that_never_alarms_has_no_lead_time():
    text = "\n".join(lines(marks(threshold=1.0)))
    assert "It warns of 0.00 of" in text.replace("At its threshold it", "It")
    assert "episodes, - ahead" in text


def test_without_a_second_teaching_its_column_is_empty():
    line = next(line for line in lines(marks(is_again=False)) if line[:4] == "| a ")
    assert line.split("|")[6].strip() == "-"


def test_programs_read_the_same_figures():
    found = comparison(marks())
    assert set(found) == {RELEASE, PUT_RIGHT, AGAIN}
    first = found[RELEASE]
    assert 0 < first["rate"] < 1
    assert set(first["average_precision"]) >= {RELEASE, "baseline", "k-means"}
    low, high = first["skill"][1:]
    assert low < first["skill"][0] < high
    assert first["per_host"]["Brier skill"] > 0
    assert (first["rows"], set(first["hosts"])) == (600, {"a", "b"})
    assert first["alarms"]["warned"] <= first["alarms"]["episodes"]


def test_programs_read_who_is_ahead_on_all_hosts_and_on_each():
    first = comparison(marks(is_good=False))[RELEASE]
    value, low, high = first["lead"]["baseline"]
    assert low <= value <= high < 0
    assert RELEASE not in first["lead"]
    host = first["hosts"]["a"]
    assert host["average_precision"]["baseline"] > host["average_precision"][RELEASE]
    assert (host["rows"], host["skill"] < 0) == (300, True)


def test_of_a_few_days_there_are_no_bounds():
    line = next(each for each in lines(marks(step_s=300.0)) if RELEASE in each)
    assert "[" not in line


def test_where_too_little_happened_the_card_says_so_and_withholds_figures():
    pupils = [lived_pupil("a", seed=1)]
    pupils[0].rows.outcome[:] = 0
    pupils[0].rows.happened_s[:] = np.nan
    said = (np.full(1000, 0.1),)
    found = LeftOut(
        said=said,
        again=(),
        line=Line(slope=1.0, shift=0.0),
        threshold_said=said[0],
        threshold_came=pupils[0].rows.outcome > 0,
    )
    hosts = heard(pupils, found, manifest=MANIFEST)
    told = verdicts(hosts, manifest=MANIFEST, threshold=0.5, clear=0.3)
    text = "\n".join(lines(told))
    assert "No figures: fewer than 5 episodes of the event (0)" in text
    assert "## Host by host" not in text
    first = comparison(told)[RELEASE]
    assert first["skill"] == [None, None, None]
    assert (first["alarms"], first["hosts"]) == (None, {"a": None})


def test_figures_of_a_value_are_not_these():
    other = Judged(
        task="t",
        title="t",
        release="r",
        is_event=False,
        pooled=ValueFigures(scope="all", rows=0, days=0.0),
        hosts=(),
        means={},
        left_out={},
    )
    with pytest.raises(TypeError, match="figures of an event, got ValueFigures"):
        comparison({RELEASE: other})
