"""An update: what is offered is checked, tried and taken in; on real files."""

from datetime import timedelta

import pytest

from agent.adapters.repository import UnreachableError
from agent.adapters.runtime.trial import ChildTrial
from agent.core.lineup import LineUp
from agent.core.qualify import HostFacts, Verdict
from agent.core.release import ReleaseState
from agent.errors import TrustError
from tests.fakes.bench import FIRST, HOST, NOW, SECOND, THIRD, Bench
from tests.fakes.onnx_files import SERIES, constant, logistic, manifest_of, sha256
from tests.fakes.signed import Publisher


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.registry.close()


def named(document):
    return f"{sha256(document)}.onnx"


def test_the_first_release_of_a_task_is_acted_upon_at_once(bench):
    bench.publish()
    result = bench.update()
    assert result.checked == ("cpu-busy",)
    (admitted,) = result.admitted
    assert (admitted.version, admitted.is_active) == (1, True)
    assert bench.states() == {("cpu-busy", 1): ReleaseState.PROBATION}
    assert admitted.digest == sha256(manifest_of(FIRST, task="cpu-busy", version=1))
    expected = LineUp(task="cpu-busy", active=admitted.digest)
    assert bench.registry.lineups() == (expected,)
    assert bench.kept() == {named(FIRST): 0o440}


def test_a_later_release_waits_in_the_shadow(bench):
    bench.publish()
    bench.update()
    bench.publish(SECOND, version=2)
    (admitted,) = bench.update().admitted
    assert not admitted.is_active
    assert bench.states()["cpu-busy", 2] is ReleaseState.SHADOW
    expected = LineUp(task="cpu-busy", active=bench.digest(1), shadow=bench.digest(2))
    assert bench.registry.lineups() == (expected,)


def test_a_newer_shadow_retires_the_older_one(bench):
    for version, model in enumerate((FIRST, SECOND, THIRD), 1):
        bench.publish(model, version=version)
        bench.update()
    assert bench.states() == {
        ("cpu-busy", 1): ReleaseState.PROBATION,
        ("cpu-busy", 2): ReleaseState.RETIRED,
        ("cpu-busy", 3): ReleaseState.SHADOW,
    }
    (lineup,) = bench.registry.lineups()
    assert (lineup.active, lineup.shadow) == (bench.digest(1), bench.digest(3))


def test_what_was_taken_in_is_not_taken_again(bench):
    bench.publish()
    bench.update()
    again = bench.update()
    assert (again.admitted, again.refused) == ((), ())
    assert bench.trial.tried == ["cpu-busy"]


def test_a_survey_is_taken_in_without_a_trial(bench):
    bench.publish(None, task="survey")
    (admitted,) = bench.update().admitted
    assert admitted.is_active
    assert bench.trial.tried == []
    assert bench.kept() == {}


def test_one_refused_release_stops_no_other(bench):
    bench.publish(FIRST, task="a-odd", requires={"metrics": ["system.unknown"]})
    bench.publish(SECOND, task="b-good")
    bench.publish(THIRD, task="c-odd", pointer={"sha256": "ab" * 32})
    result = bench.update()
    assert [one.task for one in result.admitted] == ["b-good"]
    assert {one.task: one.reason for one in result.refused} == {
        "a-odd": "metrics unknown to this agent: system.unknown",
        "c-odd": pytest.approx(result.refused[1].reason),
    }
    assert "the approval is for another file" in result.refused[1].reason


def test_what_is_refused_by_its_papers_is_never_downloaded(bench):
    bench.publish(requires={"agent": ">=2"})
    bench.publisher.target("models/cpu-busy/1/model.onnx").unlink()
    (refused,) = bench.update().refused
    assert refused.reason == "requires.agent: expected >=2, this agent is 1.0"


def test_a_manifest_that_cannot_be_read_is_refused(bench):
    bench.publisher.offer("cpu-busy", b'{"schema": 9, "version": 1}', None)
    (refused,) = bench.update().refused
    assert refused.reason == "manifest: expected schema 1, got 9"


def test_a_model_that_fails_its_trial_is_rejected_for_good(bench):
    bench.publish()
    bench.trial.verdicts["cpu-busy"] = Verdict(reasons=("latency: slow", "too large"))
    (refused,) = bench.update().refused
    assert refused.reason == "latency: slow; too large"
    assert bench.states() == {("cpu-busy", 1): ReleaseState.REJECTED}
    assert bench.registry.lineups() == ()
    assert bench.kept() == {}
    bench.trial.verdicts.clear()
    assert bench.update().admitted == ()
    assert bench.trial.tried == ["cpu-busy"]


def test_a_trial_that_proves_nothing_is_done_again(bench):
    bench.publish()
    bench.trial.verdicts["cpu-busy"] = Verdict(
        reasons=("trial: not over after 60 s",), is_conclusive=False
    )
    assert len(bench.update().refused) == 1
    assert bench.states() == {}
    bench.trial.verdicts.clear()
    assert len(bench.update().admitted) == 1


def test_a_model_that_cannot_be_had_is_waited_for(bench):
    bench.publish()
    path = bench.publisher.target("models/cpu-busy/1/model.onnx")
    path.rename(path.with_suffix(".away"))
    (refused,) = bench.update().refused
    assert "tried again at the next update" in refused.reason
    path.with_suffix(".away").rename(path)
    assert len(bench.update().admitted) == 1


def test_a_model_that_was_changed_on_its_way_is_refused(bench):
    bench.publish()
    path = bench.publisher.target("models/cpu-busy/1/model.onnx")
    path.write_bytes(constant(0.5)[: len(FIRST)].ljust(len(FIRST), b"\0"))
    (refused,) = bench.update().refused
    assert "not what was signed" in refused.reason
    assert bench.kept() == {}


def test_what_lies_in_the_models_place_without_a_row_is_replaced(bench):
    bench.publish()
    bench.folder.mkdir(parents=True)
    (bench.folder / named(FIRST)).write_bytes(b"of unknown origin")
    (bench.folder / f"{sha256(SECOND)}.part").write_bytes(b"half of a downl")
    bench.trial = ChildTrial(bench.folder)
    (admitted,) = bench.update().admitted
    assert admitted.digest == bench.digest()
    assert bench.kept() == {named(FIRST): 0o440}


def test_tasks_that_the_site_does_not_want_are_left_alone(bench):
    bench.publish()
    bench.publish(SECOND, task="disk-full")
    bench.host = HostFacts(agent="1", metrics=HOST.metrics, deny=("disk-*",))
    result = bench.update()
    assert result.checked == ("cpu-busy",)
    assert result.refused == ()


def test_an_approval_waits_for_its_time_and_its_share(bench):
    later = {"not_before": f"{NOW + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"}
    bench.publish(pointer=later)
    bench.publish(
        SECOND, task="disk-full", pointer={"rollout": {"percent": 0, "salt": ""}}
    )
    result = bench.update()
    assert (result.admitted, result.refused) == ((), ())
    assert [one.task for one in bench.update(days=2).admitted] == ["cpu-busy"]


def test_a_version_is_never_replaced(bench):
    bench.publish()
    bench.update()
    bench.publish(SECOND, pointer={"serial": 2})
    (refused,) = bench.update().refused
    assert refused.reason.startswith(
        "version 1 was taken in before with another digest: "
    )


def test_a_later_version_may_have_the_same_model(bench):
    bench.publish()
    bench.update()
    bench.publish(FIRST, version=2, title="The same model, another title")
    (admitted,) = bench.update().admitted
    assert admitted.digest == bench.digest(2) != bench.digest(1)


def test_a_model_that_another_release_needs_is_not_dropped_with_a_refused_one(bench):
    bench.publish()
    bench.update()
    bench.publish(FIRST, version=2, title="The same model, another title")
    bench.trial.verdicts = {"cpu-busy": Verdict(reasons=("too slow",))}
    (refused,) = bench.update().refused
    assert refused.reason == "too slow"
    assert bench.kept() == {named(FIRST): 0o440}


def test_a_repository_that_is_not_to_be_had_changes_nothing(bench):
    (bench.publisher.folder / "metadata" / "timestamp.json").unlink()
    with pytest.raises(UnreachableError):
        bench.update()
    assert bench.states() == {}


def test_a_repository_of_strangers_changes_nothing(bench, tmp_path):
    bench.publish()
    bench.publisher.root = Publisher(tmp_path / "other", now=NOW).root
    with pytest.raises(TrustError):
        bench.update()
    assert bench.states() == {}


def test_what_came_is_in_the_journal(bench, tmp_path):
    bench.publish()
    bench.publish(SECOND, task="odd", golden=[])
    bench.update()
    rows = bench.registry._connection.execute("select name from events order by id")
    assert [name for (name,) in rows] == [
        "release_admitted",
        "release_activated",
        "release_refused",
        "update_finished",
    ]


def test_of_models_that_are_over_the_two_newest_are_kept_to_be_explained(bench):
    models = [logistic([weight, -1]) for weight in range(1, 6)]
    for version, model in enumerate(models, 1):
        bench.publish(model, version=version)
        bench.update()
    first, _, third, fourth, fifth = map(named, models)
    assert bench.kept().keys() == {first, third, fourth, fifth}


def test_what_this_host_can_never_run_is_refused_before_it_takes_the_place(bench):
    nothing = f"last_over_time({SERIES}[1s] offset 15s)"
    bench.publish(features=[nothing, "hour_sin()"])
    (refused,) = bench.update().refused
    assert refused.reason == (
        f"it asks for what this host cannot read: {nothing} reads nothing: "
        "no sample lies in its range, expected a span of at least 10 s"
    )
    assert bench.registry.lineups() == ()


def test_a_release_of_a_newer_program_keeps_no_other_from_coming(bench):
    bench.registry._connection.execute(
        "insert into releases (digest, task, version, state, manifest, admitted_at)"
        " values ('newer', 'of-tomorrow', 1, 'retired', x'7b7d', 0)"
    )
    bench.publish()
    assert [one.task for one in bench.update().admitted] == ["cpu-busy"]
