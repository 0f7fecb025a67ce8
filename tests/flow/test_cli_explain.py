"""`forewarn explain`: a prediction is asked for again, and told with its reasons."""

import json
import sqlite3
from contextlib import closing
from types import SimpleNamespace

import numpy as np
import pytest

from agent.adapters.store.archive import Archive
from agent.adapters.store.rows import packed
from agent.cli import main
from agent.core.event import Event, EventName
from agent.core.lineup import LineUp
from agent.core.moment import OutcomeKind, Role, Thesis
from agent.core.release import ReleaseState
from tests.fakes.lived import ENTITIES, FEATURES, SERIES, START, STEP, TASK, Lived
from tests.fakes.onnx_files import constant, linear

WIDTH = 100
SILENT = "not yet shown to be as good as the baseline"


@pytest.fixture
def lived(tmp_path):
    return Lived(tmp_path / "state", roles=(Role.ACTIVE, Role.SHADOW, Role.STANDBY))


@pytest.fixture
def explained(lived, capsys):
    """Return what runs `explain` there; gives status, document or text, and err."""

    def explained(number, *, as_text=False):
        options = ["--state-dir", str(lived.state)] + ["--json"] * (not as_text)
        status = main(["explain", str(number), *options])
        out, err = capsys.readouterr()
        found = out if as_text or not out else json.loads(out)
        return SimpleNamespace(status=status, found=found, err=err)

    return explained


def by_role(found):
    return {each["role"]: each for each in found["answers"]}


def alter(lived, query, *values):
    with closing(sqlite3.connect(lived.path)) as connection, connection:
        connection.execute(query, values)


# --- asked again


def test_every_release_says_the_same_to_the_last_bit(lived, explained):
    lived.say(30)
    for number in (1, 2, 33, 60):
        done = explained(number)
        answers = by_role(done.found)
        assert list(answers) == ["active", "standby", "shadow", "baseline"]
        assert done.status == 0
        for role in ("active", "standby", "shadow"):
            assert answers[role]["verdict"] == "same"
            assert answers[role]["now"] == answers[role]["recorded"]
        assert answers["baseline"]["verdict"] == "not_run"
        assert (answers["active"]["version"], answers["standby"]["version"]) == (1, 3)


def test_another_score_than_the_recorded_one_is_told(lived, explained):
    lived.say(1)
    kept = "update predictions set scores = '[0.25]' where role = 'active'"
    alter(lived, kept)
    done = explained(1)
    assert done.status == 3
    answers = by_role(done.found)
    assert answers["active"]["verdict"] == "differs"
    assert answers["active"]["recorded"] == [0.25]
    assert answers["shadow"]["verdict"] == "same"
    shown = explained(1, as_text=True)
    assert shown.status == 3
    assert "! active: [0.25] then, [0." in shown.found


def test_one_bit_is_enough_to_differ(lived, explained):
    lived.say(1)
    (recorded,) = by_role(explained(1).found)["active"]["recorded"]
    nearest = float(np.nextafter(np.float32(recorded), np.float32(1)))
    query = "update predictions set scores = ? where role = 'active' and moment = 1"
    alter(lived, query, json.dumps([nearest]))
    assert explained(1).status == 3
    assert explained(2).status == 0


def test_a_file_that_is_not_the_signed_one_is_told_and_not_run(lived, explained):
    lived.say(1)
    lived.model_file(Role.ACTIVE).write_bytes(constant(0.5))
    done = explained(1)
    active = by_role(done.found)["active"]
    assert (done.status, active["verdict"], active["now"]) == (3, "tampered", None)
    assert active["reason"].startswith("model ")
    assert done.found["drivers"]["version"] == 3
    assert "! active: model " in explained(1, as_text=True).found


def test_a_manifest_that_was_changed_vouches_for_nothing(lived, explained):
    lived.say(1)
    changed = (
        "update releases set manifest = cast(manifest || ' ' as blob) where version = 1"
    )
    alter(lived, changed)
    active = by_role(explained(1).found)["active"]
    assert active["verdict"] == "tampered"
    assert active["reason"].startswith("its manifest: expected sha256 ")


def test_a_release_whose_model_is_gone_is_not_asked(lived, explained):
    lived.say(1)
    lived.line_up(active=None)
    lived.set_states(Role.ACTIVE, ReleaseState.ROLLED_BACK)
    lived.model_file(Role.ACTIVE).unlink()
    done = explained(1)
    active = by_role(done.found)["active"]
    assert (done.status, active["verdict"]) == (0, "not_run")
    assert active["reason"] == "its model is no longer kept, it is rolled_back"


def test_a_withdrawn_release_is_not_run(lived, explained):
    lived.say(1)
    lived.line_up(active=None)
    lived.set_states(Role.ACTIVE, ReleaseState.WITHDRAWN)
    done = explained(1)
    active = by_role(done.found)["active"]
    assert (done.status, active["verdict"]) == (0, "not_run")
    assert active["reason"] == "it was withdrawn"


def test_what_a_daemon_died_of_is_not_run(lived, explained):
    lived.say(1)
    fields = {"digest": lived.digests[Role.ACTIVE][:12], "crashes_of_late": 1}
    lived.record(Event(at=START, name=EventName.RELEASE_CRASHED, fields=fields))
    done = explained(1)
    active = by_role(done.found)["active"]
    assert (done.status, active["reason"]) == (0, "a daemon died of it")
    assert done.found["drivers"]["role"] == "standby"


def test_where_nothing_can_be_asked_nothing_drove_it(lived, explained):
    lived.say(1)
    for role in lived.digests:
        lived.model_file(role).unlink()
    done = explained(1)
    assert (done.status, done.found["drivers"]) == (0, None)
    text = explained(1, as_text=True).found
    assert "what drove it: unknown, no release could be asked again" in text


def test_a_prediction_of_the_baseline_alone_is_told_by_the_last_release(
    tmp_path, capsys
):
    lived = Lived(tmp_path / "state", roles=(Role.ACTIVE,))
    lived.say(1)
    alter(lived, "delete from predictions where role = 'active'")
    lived.line_up(active=None)
    lived.set_states(Role.ACTIVE, ReleaseState.ROLLED_BACK)
    assert lived.lineup == LineUp(task=TASK)
    assert main(["explain", "1", "--state-dir", str(lived.state)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("prediction 1: The processors will be busy\n")
    assert "spoke     the baseline: no active release predicted" in shown


# --- what this host made of it


def test_what_was_calibrated_is_asked_again_and_comes_to_the_same(lived, explained):
    lived.say(30, line=(0.9, -0.75, 1_234))
    done = explained(33)
    active = by_role(done.found)["active"]
    assert (done.status, active["verdict"]) == (0, "same")
    assert active["now"] == active["recorded"]
    made = active["calibration"]
    assert {**made, "said": ...} == {
        "said": ...,
        "a": 0.9,
        "b": -0.75,
        "outcomes": 1234,
    }
    assert by_role(done.found)["baseline"]["calibration"] is None
    shown = explained(33, as_text=True).found
    assert (
        f"  active: the model said {made['said']:.6g}; this host's record (1,234 "
        f"outcomes) made it {active['recorded'][0]:.6g}: log-odds"
    ) in shown
    assert max(map(len, shown.splitlines())) <= WIDTH


def test_one_outcome_is_told_as_one(lived, explained):
    lived.say(1, line=(1.0, 0.1, 1))
    assert "this host's record (1 outcome) made it" in explained(1, as_text=True).found


def test_another_answer_of_the_model_itself_differs(lived, explained):
    """Whatever was kept as its own answer: the model is asked, and the line applied."""
    lived.say(1, line=(0.9, -0.75, 12))
    kept = "[0.25,0.9,-0.75,12]"
    query = "update predictions set calibration = ? where role = 'active'"
    alter(lived, query, kept)
    done = explained(1)
    active = by_role(done.found)["active"]
    assert (done.status, active["verdict"]) == (3, "differs")
    shown = explained(1, as_text=True).found
    assert "! active: the model itself said [0.25] then, [0." in shown


def test_the_drivers_moved_what_was_said_here(lived, explained):
    lived.say(60)
    plain = explained(1).found["drivers"]["features"]
    alter(
        lived,
        "update predictions set calibration = ? where role = 'active' and moment = 1",
        "[0.5,0.5,-1.0,12]",
    )
    halved = explained(1).found["drivers"]["features"]
    assert [each["effect"] for each in halved] == pytest.approx(
        [each["effect"] / 2 for each in plain], abs=1e-5
    )


# --- what drove it


def test_the_drivers_are_a_logistic_models_own_terms(lived, explained):
    """The log-odds of version 1 are the first feature less the second."""
    lived.say(120)
    with Archive.open(lived.path) as archive:
        kept = [m.features for m, _ in archive.moments(task=TASK, entity=ENTITIES[0])]
        moment, _ = archive.moment(201)
    usual = np.median(np.array(kept), axis=0)
    drivers = explained(201).found["drivers"]
    assert (drivers["version"], drivers["unit"]) == (1, "log-odds")
    assert drivers["usual_of"] == 120
    expected = dict(zip(FEATURES, (moment.features - usual) * [1, -1], strict=True))
    assert {d["feature"]: d["effect"] for d in drivers["features"]} == pytest.approx(
        expected, abs=1e-5
    )


def test_of_many_moments_the_newest_two_hundred_say_what_is_usual(lived, explained):
    lived.say(250)
    assert explained(1).found["drivers"]["usual_of"] == 200


def test_where_few_are_known_the_training_says_what_is_usual(tmp_path, capsys):
    reference = {"rows": 10, "quantiles": [[0, 0.5, 1], [0, 0.25, 1]]}
    lived = Lived(tmp_path / "state", reference=reference)
    lived.say(3)
    assert main(["explain", "1", "--json", "--state-dir", str(lived.state)]) == 0
    features = json.loads(capsys.readouterr().out)["drivers"]["features"]
    assert {d["feature"]: d["usual"] for d in features} == dict(
        zip(FEATURES, (0.5, 0.25), strict=True)
    )


def test_without_either_no_feature_is_known_to_be_other_than_usual(lived, explained):
    lived.say(3)
    assert explained(1).found["drivers"]["features"] == []
    words = "nothing: no feature is known to be other than usual"
    assert words in explained(1, as_text=True).found


def test_of_quantiles_the_middle_one_is_explained_in_its_own_unit(tmp_path, capsys):
    target = {
        "kind": "value",
        "expression": f"last_over_time({SERIES}[10s])",
        "ahead": "10m",
        "quantiles": [0.1, 0.5, 0.9],
    }
    lived = Lived(
        tmp_path / "state",
        model=lambda version: linear([[1, 2, 3], [0, -1, 0]]),
        target=target,
        decision=...,
        golden=...,
    )
    lived.say(30)
    assert main(["explain", "1", "--json", "--state-dir", str(lived.state)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert by_role(found)["active"]["verdict"] == "same"
    assert found["drivers"]["unit"] == "the predicted value"
    effects = {d["feature"]: d for d in found["drivers"]["features"]}
    for feature, weight in zip(FEATURES, (2, -1), strict=True):
        each = effects[feature]
        expected = weight * (each["value"] - each["usual"])
        assert each["effect"] == pytest.approx(expected, abs=1e-5)


# --- the guard, the signatures, the words


def test_the_guard_is_told_as_it_was_then(lived, explained):
    lived.say(2)
    before = explained(2).found["guard"]
    lived.judge(Thesis.WORSE, Role.ACTIVE, Role.BASELINE)
    assert before == []
    (point,) = explained(2).found["guard"]
    assert point["asks"] == "is v1 worse than the baseline?"
    assert point["told"].startswith("v1: loss 0.13 vs 0.0312 for the baseline")
    alter(lived, "update evidence set at = at + 1000000000")
    assert explained(2).found["guard"] == []
    assert "the guard had no evidence yet" in explained(2, as_text=True).found


def test_a_release_is_heard_from_when_it_was_shown_to_be_good(lived, explained):
    lived.say(4)
    fields = {"task": TASK, "digest": lived.digests[Role.ACTIVE][:12]}
    at = START + STEP * 4
    lived.record(Event(at=at, name=EventName.RELEASE_HEARD, fields=fields))
    voices = [explained(number).found["voice"] for number in (1, 7)]
    assert voices == [
        f"the baseline; v1 was silent: {SILENT}",
        "v1, the active release",
    ]


def test_what_came_is_told_in_words(lived, explained):
    lived.say(1, outcome=OutcomeKind.HAPPENED)
    lived.say(1, outcome=None)
    shown = explained(1, as_text=True).found
    assert "  outcome   happened after 10 min\n" in shown
    assert "  outcome   open\n" in explained(4, as_text=True).found


def test_it_fits_a_terminal_and_speaks_of_the_entity(lived, explained):
    lived.say(60)
    lived.judge(Thesis.WORSE, Role.ACTIVE, Role.BASELINE)
    shown = explained(118, as_text=True).found
    assert max(map(len, shown.splitlines())) <= WIDTH
    assert "$entity" not in shown
    assert shown.splitlines()[:4] == [
        "prediction 118: The processors will be busy",
        "  task      cpu-busy, /var",
        f"  predicts  {SERIES.replace('$entity', '/var')} >= 0.9 within 10 min",
        "  at        2026-03-01T13:57:00Z, due 2026-03-01T14:07:00Z",
    ]
    assert "root                    1  2 of 2  2026-05-30T12:00:00Z" in shown


def test_an_unknown_number_is_told_with_those_there_are(lived, explained):
    assert explained(1).err == "Error: no prediction 1 here; there is none\n"
    lived.say(5)
    done = explained(11)
    assert (done.status, done.found) == (1, "")
    assert done.err == "Error: no prediction 11 here; there is 1 to 10\n"


def test_nothing_is_written(lived, explained):
    lived.say(3)
    files = sorted(lived.state.rglob("*"))
    before = [(file, file.stat().st_mtime_ns) for file in files]
    assert explained(1).status == 0
    after = [(file, file.stat().st_mtime_ns) for file in sorted(lived.state.rglob("*"))]
    assert after == before


def test_a_release_that_cannot_answer_any_more_differs(lived, explained):
    lived.say(1)
    gaps = packed(np.full(2, np.nan, dtype=np.float32))
    alter(lived, "update moments set features = ?", gaps)
    done = explained(1)
    assert done.status == 3
    for role in ("active", "standby", "shadow"):
        answer = by_role(done.found)[role]
        assert (answer["verdict"], answer["now"]) == ("differs", None)
        assert "expected a probability in 0..1, got nan" in answer["reason"]
