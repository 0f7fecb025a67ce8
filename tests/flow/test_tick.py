"""A tick: what is predicted, what comes of it, what is kept, whatever goes wrong."""

import math
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest

from agent.core.event import EventName
from agent.core.manifest import parse_manifest
from agent.core.moment import BASELINE, OutcomeKind, Role, Void
from agent.core.policy import Policy
from agent.core.release import ReleaseState
from agent.errors import (
    AnswerError,
    ModelError,
    StateError,
    TamperedError,
    TrustError,
)
from agent.flows.memory import Memory
from tests.fakes.host import ScriptedHost
from tests.fakes.life import (
    ACTIVE,
    CPU,
    INTERVAL_S,
    LEDGERS,
    SHADOW,
    STANDBY,
    InSqlite,
    Life,
    at,
    disk_manifest,
    kinds,
    manifest_of,
    recounted,
    value_manifest,
    walk,
)
from tests.fakes.models import FixedModels, logistic
from tests.fakes.vouchers import FixedVoucher

NAN = math.nan
UPTIME = "system.uptime"


@pytest.fixture(params=LEDGERS)
def bench(request, tmp_path):
    made = request.param(tmp_path)
    yield made
    made.close()


def cpu(*values):
    return ScriptedHost.of_columns({CPU: values})


def with_active(bench, host=None, *, document=None, **options):
    """Return a life whose one task has one active release."""
    document = document or manifest_of()
    bench.take_in(document, ACTIVE)
    bench.line_up(task=parse_manifest(document).task, active=ACTIVE)
    return Life(bench, host or cpu(0.5), **options)


def scored(life):
    return [number for number, result in enumerate(life.results) if result.moments]


def by_role(moment):
    return {prediction.role: prediction.values for prediction in moment.predictions}


# What is predicted.


def test_the_first_tick_predicts_and_then_every_score_every(bench):
    life = with_active(bench)
    life.ticks(*range(8))
    assert scored(life) == [0, 3, 6]


def test_score_every_is_counted_in_slots_so_a_tick_that_comes_late_changes_nothing(
    bench,
):
    life = with_active(bench)
    for number, late_s in enumerate((0, 1, 2, 4, 0, 0, -4, 0, 0, 3)):
        life.tick_at(at(number) + timedelta(seconds=late_s))
    assert scored(life) == [0, 3, 6, 9]


def test_moments_are_numbered_one_by_one_over_all_tasks(bench):
    for digest, task in ((ACTIVE, "a"), (STANDBY, "b")):
        bench.take_in(manifest_of(task=task), digest)
        bench.line_up(task=task, active=digest)
    life = Life(bench, cpu(0.5))
    life.ticks(*range(7))
    moments = [moment for result in life.results for moment in result.moments]
    assert [moment.id for moment in moments] == [1, 2, 3, 4, 5, 6]
    assert [moment.task for moment in moments] == ["a", "b"] * 3


def test_a_moment_says_what_was_seen_and_when_it_is_due(bench):
    life = with_active(bench, models=FixedModels({ACTIVE: 0.25}))
    (moment,) = life.tick(0).moments
    assert (moment.at, moment.due_at) == (at(0), at(6))
    assert (moment.limit, moment.origin) == (float(np.float32(0.9)), 0.5)
    np.testing.assert_array_equal(moment.features, np.float32([0.5, NAN]))
    assert by_role(moment)[Role.ACTIVE] == (0.25,)
    assert bench.moments()[0][0].features.tobytes() == moment.features.tobytes()


@pytest.mark.parametrize(("onset", "expected"), [(True, [0, 4]), (False, [0, 3])])
def test_a_condition_that_holds_already_is_no_onset(bench, onset, expected):
    document = manifest_of(target={"onset": onset})
    life = with_active(bench, cpu(0.5, 0.5, 0.5, 0.95, 0.5), document=document)
    life.ticks(*range(5))
    assert scored(life) == expected
    skipped = {"holds already": 1} if onset else {}
    assert life.ticker.tasks["cpu-busy"].skipped == skipped


def test_what_is_unknown_now_is_not_predicted_but_asked_again_at_the_next_tick(bench):
    life = with_active(bench, cpu(NAN, NAN, 0.5))
    life.ticks(*range(4))
    assert scored(life) == [2]
    assert life.ticker.tasks["cpu-busy"].skipped == {"unknown now": 2}


@pytest.mark.parametrize(("missing", "expected"), [("skip", [2, 5]), ("nan", [0, 3])])
def test_missing_skip_waits_until_no_feature_is_a_gap(bench, missing, expected):
    life = with_active(bench, document=manifest_of(missing=missing))
    life.ticks(*range(6))
    assert scored(life) == expected


def test_all_entities_of_a_task_are_scored_in_one_call(bench):
    models = FixedModels({ACTIVE: logistic})
    mounts = {
        f'system.filesystem.utilization{{mountpoint="/{n}"}}': n / 10 for n in range(4)
    }
    life = with_active(
        bench, ScriptedHost([mounts]), document=disk_manifest(), models=models
    )
    moments = life.tick(0).moments
    assert [moment.entity for moment in moments] == ["/0", "/1", "/2", "/3"]
    assert [moment.id for moment in moments] == [1, 2, 3, 4]
    (given,) = models.given[ACTIVE]
    np.testing.assert_array_equal(given[:, 0], np.float32([0.0, 0.1, 0.2, 0.3]))
    assert [by_role(m)[Role.ACTIVE][0] for m in moments] == pytest.approx(
        [1 / (1 + math.exp(-n / 10)) for n in range(4)]
    )


def test_only_the_entities_that_are_asked_about_reach_the_model(bench):
    models = FixedModels()
    mounts = {
        f'system.filesystem.utilization{{mountpoint="/{name}"}}': value
        for name, value in {"full": 0.99, "gone": NAN, "half": 0.5}.items()
    }
    life = with_active(
        bench, ScriptedHost([mounts]), document=disk_manifest(), models=models
    )
    assert [moment.entity for moment in life.tick(0).moments] == ["/half"]
    assert models.given[ACTIVE][0].tolist() == [[0.5]]


def test_an_entity_that_comes_up_is_predicted_from_then_on(bench):
    here = {'system.filesystem.utilization{mountpoint="/"}': 0.5}
    both = {**here, 'system.filesystem.utilization{mountpoint="/new"}': 0.2}
    life = with_active(
        bench, ScriptedHost([here, here, both]), document=disk_manifest()
    )
    life.ticks(*range(4))
    assert [[m.entity for m in r.moments] for r in life.results] == [
        ["/"],
        [],
        [],
        ["/", "/new"],
    ]


def test_a_task_of_entities_that_are_not_there_predicts_nothing(bench):
    life = with_active(bench, document=disk_manifest())
    life.ticks(*range(3))
    assert scored(life) == []


# Who predicts.


def test_the_baseline_speaks_at_every_moment_beside_the_active_release(bench):
    life = with_active(bench)
    life.ticks(*range(7))
    for result in life.results:
        for moment in result.moments:
            assert set(by_role(moment)) == {Role.ACTIVE, Role.BASELINE}


def test_shadow_and_standby_score_the_very_same_moments(bench):
    models = FixedModels({ACTIVE: 0.1, STANDBY: 0.2, SHADOW: logistic})
    other = [f"max_over_time({CPU}[20s])"]
    bench.take_in(manifest_of(version=1), STANDBY)
    bench.take_in(manifest_of(version=2), ACTIVE)
    bench.take_in(manifest_of(version=3, features=other), SHADOW)
    bench.line_up(task="cpu-busy", active=ACTIVE, standby=STANDBY, shadow=SHADOW)
    life = Life(bench, cpu(0.5), models=models)
    life.ticks(*range(4))
    for moment in (m for result in life.results for m in result.moments):
        said = by_role(moment)
        assert set(said) == set(Role)
        assert said[Role.ACTIVE] == (pytest.approx(0.1),)
        assert said[Role.STANDBY] == (pytest.approx(0.2),)
        assert moment.by(Role.STANDBY).features is None
        assert len(moment.by(Role.SHADOW).features) == 1
    assert models.given[SHADOW][1].tolist() == [[0.5]]


def test_a_survey_has_the_baseline_only(bench):
    life = with_active(bench, document=manifest_of(has_model=False))
    life.ticks(*range(8))
    (first, *_) = life.results[0].moments
    assert set(by_role(first)) == {Role.BASELINE}
    assert life.models.loaded == []
    assert life.events == []
    assert kinds(life.results) == ["did_not"]
    assert {key.digest for key in bench.cards()} == {BASELINE}


def test_a_value_is_forecast_and_comes_with_its_quantiles(bench):
    models = FixedModels({ACTIVE: lambda features: [[0.4, 0.5, 0.6]]})
    life = with_active(
        bench, cpu(0.5, 0.5, 0.5, 0.7), document=value_manifest(), models=models
    )
    life.ticks(*range(4))
    (moment,), ((resolved,)) = life.results[0].moments, life.results[3].resolved
    assert moment.limit is None
    assert by_role(moment)[Role.ACTIVE] == pytest.approx((0.4, 0.5, 0.6))
    assert by_role(moment)[Role.BASELINE] == (0.5, 0.5, 0.5)
    assert resolved.outcome.kind is OutcomeKind.VALUE
    assert resolved.outcome.value == pytest.approx(0.7)
    levels = next(c for k, c in bench.cards().items() if k.role is Role.ACTIVE).levels
    assert list(levels) == ["0.1", "0.5", "0.9"]
    assert levels["0.9"].pinball == pytest.approx(0.09 * 10**9)  # 0.9 * (0.7 - 0.6)
    assert levels["0.9"].baseline_pinball == pytest.approx(0.18 * 10**9)
    assert [levels[q].covered for q in levels] == [0, 0, 0]


def test_a_change_is_told_and_resolved_relative_to_the_moment(bench):
    document = value_manifest(as_="change", quantiles=(0.5,))
    life = with_active(bench, cpu(0.5, 0.5, 0.5, 0.7), document=document)
    life.ticks(*range(4))
    assert by_role(life.results[0].moments[0])[Role.BASELINE] == (0.0,)
    assert life.results[3].resolved[0].outcome.value == pytest.approx(0.2)
    # What was learnt shows in the very next answer.
    assert by_role(life.results[3].moments[0])[Role.BASELINE] == pytest.approx((0.2,))


# What fails.


ROLLED_BACK = [EventName.RELEASE_ROLLED_BACK, EventName.LINEUP_CHANGED]


def only_the_baseline(results):
    """Return whether none but the baseline spoke at any moment, and it did at some."""
    moments = [moment for result in results for moment in result.moments]
    return {role for moment in moments for role in by_role(moment)} == {Role.BASELINE}


def test_a_model_that_raises_twice_is_told_once_and_recovers(bench):
    models = FixedModels({ACTIVE: ModelError("model aaaa: raised Boom")})
    life = with_active(bench, models=models)
    life.ticks(*range(6))
    assert life.events == [EventName.SCORING_FAILED]
    assert only_the_baseline(life.results)
    models.answers[ACTIVE] = 0.5
    life.ticks(*range(6, 30))
    assert life.events == [EventName.SCORING_FAILED, EventName.SCORING_RECOVERED]
    assert set(by_role(life.results[6].moments[0])) == {Role.ACTIVE, Role.BASELINE}
    # What was forgiven is not counted on.
    models.answers[ACTIVE] = ModelError("again")
    life.ticks(*range(30, 36))
    assert bench.lineup("cpu-busy").active == ACTIVE


def test_a_model_that_raises_three_times_in_a_row_is_rolled_back(bench):
    models = FixedModels({ACTIVE: ModelError("model aaaa: raised Boom")})
    life = with_active(bench, models=models)
    life.ticks(*range(30))
    assert life.events == [EventName.SCORING_FAILED, *ROLLED_BACK]
    (told,) = life.results[6].events  # it raised at ticks 0, 3 and 6
    assert told.fields == {
        "task": "cpu-busy",
        "version": 1,
        "digest": ACTIVE[:12],
        "reason": "model aaaa: raised Boom, 3 times in a row",
        "speaks": "the baseline",
        "evidence": "cpu-busy-1-20260301T123115Z",
    }
    assert list(life.evidence.files) == [told.fields["evidence"]]
    assert bench.states() == {ACTIVE: ReleaseState.ROLLED_BACK}
    assert list(bench.lineup("cpu-busy").roles()) == []
    assert len(models.given[ACTIVE]) == 3
    assert scored(life) == list(range(0, 30, 3))
    assert only_the_baseline(life.results)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (AnswerError("model aaaa: expected 0..1, got 7"), "expected 0..1, got 7"),
        (lambda features: NAN, "answered a number that is not finite"),
        (lambda features: math.inf, "answered a number that is not finite"),
    ],
)
def test_a_model_that_once_answers_what_cannot_be_is_rolled_back(bench, answer, reason):
    models = FixedModels({ACTIVE: answer})
    life = with_active(bench, models=models)
    life.ticks(*range(12))
    assert life.events == [EventName.SCORING_FAILED, *ROLLED_BACK]
    told = life.results[0].events[-1]
    assert str(told.fields["reason"]).endswith(reason)
    assert bench.states() == {ACTIVE: ReleaseState.ROLLED_BACK}
    assert scored(life) == [0, 3, 6, 9]
    assert only_the_baseline(life.results)


def test_where_the_active_one_fails_for_good_who_stands_by_goes_on(bench):
    bench.take_in(manifest_of(version=2), STANDBY)
    models = FixedModels({ACTIVE: NAN})
    life = with_active(bench, models=models)
    bench.line_up(task="cpu-busy", active=ACTIVE, standby=STANDBY)
    life.ticks(*range(4))
    told = life.results[0].events[-1]
    reason = "the baseline (v2 is not yet shown to be as good)"
    assert told.fields["speaks"] == reason
    assert bench.lineup("cpu-busy").active == STANDBY
    confirmed, rolled_back = ReleaseState.CONFIRMED, ReleaseState.ROLLED_BACK
    assert bench.states() == {ACTIVE: rolled_back, STANDBY: confirmed}
    assert life.results[3].moments[0].by(Role.ACTIVE).digest == STANDBY


def test_a_shadow_that_fails_for_good_is_rejected_and_nothing_else_changes(bench):
    bench.take_in(manifest_of(version=2), SHADOW)
    life = with_active(bench, models=FixedModels({SHADOW: NAN}))
    bench.line_up(task="cpu-busy", active=ACTIVE, shadow=SHADOW)
    life.ticks(*range(4))
    assert list(bench.lineup("cpu-busy").roles()) == [(Role.ACTIVE, ACTIVE)]
    assert bench.states()[SHADOW] is ReleaseState.REJECTED


@pytest.mark.parametrize(("slow", "is_over"), [(9, False), (10, True)])
def test_a_model_that_is_slow_ten_times_in_a_row_is_rolled_back(bench, slow, is_over):
    models = FixedModels()
    models.latencies_ms[ACTIVE] = 5.1  # the manifest allows 5 ms
    life = with_active(bench, models=models)
    life.ticks(*range(3 * slow - 3))
    assert life.events == []
    life.tick(3 * slow - 3)
    models.latencies_ms[ACTIVE] = 5.0
    life.ticks(*range(3 * slow - 2, 3 * slow + 3))
    assert life.events == (ROLLED_BACK if is_over else [])
    if is_over:
        ((told,), (_,)) = (result.events for result in life.results if result.events)
        assert told.fields["reason"] == (
            "took 5.1 ms of processor time, expected at most 5 ms, 10 times in a row"
        )


@pytest.mark.parametrize(
    ("declared", "rejected"),
    [
        pytest.param((None, (0.8, 1.0)), False, id="within its own"),
        pytest.param(
            ((0.0, 0.2), (0.8, 1.0)), False, id="which is not the active one's"
        ),
        pytest.param((None, (0.0, 0.2)), True, id="outside its own"),
        pytest.param(((0.0, 1.0), (0.0, 0.2)), True, id="though within the other's"),
    ],
)
def test_each_release_is_held_to_the_mean_answer_that_its_own_manifest_declares(
    bench, declared, rejected
):
    active, shadow = ({"mean_output": bounds} if bounds else {} for bounds in declared)
    bench.take_in(manifest_of(version=2, guard=shadow), SHADOW)
    life = with_active(
        bench,
        document=manifest_of(guard=active),
        models=FixedModels({ACTIVE: 0.1, SHADOW: 0.9}),
        policy=Policy(block_s=1.0, min_blocks=10**6),  # no evidence is ever enough
    )
    bench.line_up(task="cpu-busy", active=ACTIVE, shadow=SHADOW)
    life.ticks(*range(31))  # a block has ten instants at least
    left = ReleaseState.REJECTED if rejected else ReleaseState.SHADOW
    assert bench.states() == {ACTIVE: ReleaseState.PROBATION, SHADOW: left}


def test_a_model_that_cannot_be_loaded_as_was_signed_is_rolled_back(bench):
    models = FixedModels()
    models.broken[ACTIVE] = ModelError("model dddd: cannot be loaded: Fail")
    life = with_active(bench, models=models)
    life.ticks(*range(4))
    assert life.events == [EventName.RELEASE_UNUSABLE, *ROLLED_BACK]
    (_, told) = life.results[0].events
    assert told.fields["reason"] == "model dddd: cannot be loaded: Fail"
    assert bench.states() == {ACTIVE: ReleaseState.ROLLED_BACK}
    assert only_the_baseline(life.results)


@pytest.mark.parametrize(
    "failure",
    [
        TamperedError("model dddd: expected sha256 dd, got ee"),
        StateError("model dddd: Permission denied; see its rights"),
        "release-cpu-busy: 0 of 1 signatures",
        "silence",
    ],
    ids=lambda failure: type(failure).__name__ + str(failure)[:7],
)
def test_what_is_not_the_models_own_fault_at_loading_rolls_nothing_back(bench, failure):
    models, voucher = FixedModels(), FixedVoucher()
    if isinstance(failure, Exception):
        models.broken[ACTIVE] = failure
    elif failure == "silence":
        voucher.is_silent = True
    else:
        voucher.reasons[ACTIVE] = failure
    life = with_active(bench, models=models, voucher=voucher)
    life.ticks(*range(40))
    assert life.events == [EventName.RELEASE_UNUSABLE]
    assert bench.lineup("cpu-busy").active == ACTIVE
    assert bench.states() == {ACTIVE: ReleaseState.PROBATION}


def test_a_release_that_left_while_it_failed_is_not_told_to_have_recovered(bench):
    life = with_active(bench, models=FixedModels({ACTIVE: ModelError("boom")}))
    life.tick(0)
    bench.withdraw(ACTIVE)
    bench.line_up(task="cpu-busy")
    life.ticks(1, 2, 3)
    assert life.events == [EventName.SCORING_FAILED, EventName.LINEUP_CHANGED]


def test_a_failing_model_is_still_failing_after_another_process_wrote(bench):
    life = with_active(bench, models=FixedModels({ACTIVE: ModelError("boom")}))
    life.tick(0)
    bench.take_in(manifest_of(task="other"), SHADOW)
    life.ticks(*range(1, 6))
    assert life.events == [EventName.SCORING_FAILED]
    # Nor does a muster wipe out what was counted: it raised at ticks 0, 3 and 6.
    life.ticks(6, 7)
    assert life.events == [EventName.SCORING_FAILED, *ROLLED_BACK]


def test_a_failing_shadow_does_not_silence_the_active_release(bench):
    bench.take_in(manifest_of(version=2), SHADOW)
    life = with_active(bench, models=FixedModels({SHADOW: ModelError("boom")}))
    bench.line_up(task="cpu-busy", active=ACTIVE, shadow=SHADOW)
    (moment,) = life.tick(0).moments
    assert set(by_role(moment)) == {Role.ACTIVE, Role.BASELINE}


def test_a_model_that_cannot_be_loaded_leaves_the_baseline_speaking(bench):
    models = FixedModels()
    models.broken[ACTIVE] = TrustError("model dddd: expected 1 bytes, got 0 bytes")
    life = with_active(bench, models=models)
    life.ticks(*range(3))
    (event,) = life.results[0].events
    assert event.name is EventName.RELEASE_UNUSABLE
    assert event.fields == {
        "task": "cpu-busy",
        "version": 1,
        "digest": ACTIVE[:12],
        "reason": "model dddd: expected 1 bytes, got 0 bytes",
        "speaks": "the baseline",
    }
    assert set(by_role(life.results[0].moments[0])) == {Role.BASELINE}
    bench.take_in(manifest_of(task="another"), SHADOW)  # another process writes
    life.ticks(3, 4)
    assert life.events == [EventName.RELEASE_UNUSABLE]
    models.broken.clear()
    bench.take_in(manifest_of(task="a-third"), STANDBY)
    life.ticks(5, 6)
    assert set(by_role(life.results[6].moments[0])) == {Role.ACTIVE, Role.BASELINE}


def reasons(result):
    return {str(e.fields["digest"]): e.fields["reason"] for e in result.events}


def test_a_release_that_is_doubted_is_not_loaded_and_says_who_speaks(bench):
    voucher = FixedVoucher({ACTIVE: "release-cpu-busy: 0 of 1 signatures"})
    bench.take_in(manifest_of(version=2), STANDBY)
    life = with_active(bench, voucher=voucher)
    bench.line_up(task="cpu-busy", active=ACTIVE, standby=STANDBY)
    result = life.tick(0)
    assert set(by_role(result.moments[0])) == {Role.STANDBY, Role.BASELINE}
    assert life.models.loaded == [STANDBY]
    (event,) = result.events
    assert event.name is EventName.RELEASE_UNUSABLE
    assert event.fields["reason"] == "release-cpu-busy: 0 of 1 signatures"
    assert event.fields["speaks"] == "version 2 (standby)"


def test_who_speaks_is_never_the_shadow(bench):
    bench.take_in(manifest_of(version=2), SHADOW)
    life = with_active(bench, voucher=FixedVoucher({ACTIVE: "unsigned"}))
    bench.line_up(task="cpu-busy", active=ACTIVE, shadow=SHADOW)
    (event,) = life.tick(0).events
    assert event.fields["speaks"] == "the baseline"


def test_a_doubted_shadow_leaves_the_active_one_speaking(bench):
    bench.take_in(manifest_of(version=2), SHADOW)
    life = with_active(bench, voucher=FixedVoucher({SHADOW: "unsigned"}))
    bench.line_up(task="cpu-busy", active=ACTIVE, shadow=SHADOW)
    (event,) = life.tick(0).events
    assert event.fields["speaks"] == "version 1 (active)"


def test_all_new_models_are_vouched_for_at_once_and_loaded_ones_never_again(bench):
    bench.take_in(manifest_of(version=2), SHADOW)
    life = with_active(bench)
    bench.line_up(task="cpu-busy", active=ACTIVE, shadow=SHADOW)
    life.ticks(0, 1)
    bench.take_in(manifest_of(version=3), STANDBY)
    life.tick(2)
    bench.line_up(task="cpu-busy", active=ACTIVE, standby=STANDBY, shadow=SHADOW)
    life.ticks(3, 4)
    assert life.voucher.asked == [(ACTIVE, SHADOW), (STANDBY,)]


def test_a_survey_needs_nobody_to_vouch_for_it(bench):
    bench.take_in(manifest_of(has_model=False), ACTIVE)
    bench.line_up(task="cpu-busy", active=ACTIVE)
    life = Life(bench, cpu(0.5))
    life.tick(0)
    assert life.voucher.asked == []


def test_where_nobody_can_vouch_he_is_asked_again_after_a_minute(bench):
    life = with_active(bench)
    life.voucher.is_silent = True
    life.ticks(*range(6))
    assert life.events == [EventName.RELEASE_UNUSABLE]
    assert (
        "asked again in a minute: told to be silent"
        in reasons(life.results[0])[ACTIVE[:12]]
    )
    assert len(life.voucher.asked) == 1
    life.tick(6)
    assert len(life.voucher.asked) == 2
    bench.take_in(manifest_of(version=2), SHADOW)  # a muster within the minute
    life.voucher.is_silent = False
    life.ticks(7, 11)
    assert len(life.voucher.asked) == 2
    (moment,) = life.ticks(12, 15)[1].moments
    assert set(by_role(moment)) == {Role.ACTIVE, Role.BASELINE}
    life.ticks(20, 30)
    assert len(life.voucher.asked) == 3
    assert life.events == [EventName.RELEASE_UNUSABLE]


def test_a_clock_that_goes_back_does_not_put_the_next_question_off(bench):
    life = with_active(bench)
    life.voucher.is_silent = True
    life.tick(400)
    life.voucher.is_silent = False
    life.tick(1)
    assert life.models.loaded == [ACTIVE]


def test_where_no_release_is_left_the_baseline_goes_on_alone(bench):
    life = with_active(bench)
    (before,) = life.ticks(0, 3)[1].moments
    assert set(by_role(before)) == {Role.ACTIVE, Role.BASELINE}
    bench.withdraw(ACTIVE)
    bench.line_up(task="cpu-busy")
    results = life.ticks(4, 6, 9)
    voids = {r.outcome.void for result in results for r in result.resolved}
    assert Void.RETIRED not in voids
    later = [moment for result in results for moment in result.moments]
    assert {role for moment in later for role in by_role(moment)} == {Role.BASELINE}


def test_nobody_is_asked_for_a_release_that_has_left(bench):
    life = with_active(bench)
    life.voucher.is_silent = True
    life.tick(0)
    bench.line_up(task="cpu-busy")
    life.ticks(1, 20, 30, 40)
    assert len(life.voucher.asked) == 1


def test_a_tampered_model_is_set_aside_and_one_that_is_mended_is_loaded(bench):
    models = FixedModels()
    models.broken[ACTIVE] = TamperedError("model dddd: expected sha256 dd, got ee")
    life = with_active(bench, models=models)
    assert reasons(life.tick(0)) == {
        ACTIVE[:12]: "model dddd: expected sha256 dd, got ee; what was there is now "
        "in models/aside, the next update fetches it again"
    }
    assert models.aside == [ACTIVE]
    models.broken[ACTIVE] = TamperedError("model dddd: gone")
    bench.take_in(manifest_of(version=3), STANDBY)  # another process writes
    assert life.tick(1).events == []
    models.broken.clear()
    bench.take_in(manifest_of(version=2), SHADOW)  # the courier brought it again
    (moment,) = life.ticks(2, 3)[1].moments
    assert set(by_role(moment)) == {Role.ACTIVE, Role.BASELINE}


def test_a_tampered_model_that_cannot_be_moved_is_not_loaded_either(bench):
    models = FixedModels()
    models.broken[ACTIVE] = TamperedError("model dddd: gone")
    models.is_stuck = True
    life = with_active(bench, models=models)
    assert reasons(life.tick(0)) == {
        ACTIVE[:12]: "model dddd: gone; it cannot be set aside: aside: Read-only file "
        "system"
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"target": {"within": "25h"}},
            "looks ahead 90000 s; this agent waits 86400 s",
        ),
        (
            {"features": [f"max_over_time({CPU}[5s] offset 3s)"]},
            "reads nothing: no sample lies in its range",
        ),
    ],
)
def test_a_task_that_cannot_work_here_is_told_once_and_stops_no_other(
    bench, changes, reason
):
    bench.take_in(manifest_of(task="good"), SHADOW)
    bench.line_up(task="good", active=SHADOW)
    life = with_active(bench, document=manifest_of(**changes))
    life.ticks(0, 1)
    bench.take_in(manifest_of(task="more"), STANDBY)
    life.tick(2)
    assert life.events == [EventName.TASK_SKIPPED]
    assert reason in life.results[0].events[0].fields["reason"]
    assert [m.task for m in life.results[0].moments] == ["good"]


def test_a_release_that_predicts_something_else_is_not_scored_on_the_same_moments(
    bench,
):
    bench.take_in(manifest_of(version=2, target={"within": "90s"}), SHADOW)
    life = with_active(bench)
    bench.line_up(task="cpu-busy", active=ACTIVE, shadow=SHADOW)
    result = life.tick(0)
    assert set(by_role(result.moments[0])) == {Role.ACTIVE, Role.BASELINE}
    assert result.events[0].fields["reason"] == (
        "predicts another target than version 1, which leads"
    )


def test_a_release_whose_manifest_is_not_understood_any_more_stops_no_other(tmp_path):
    bench = InSqlite(tmp_path)
    life = with_active(bench)
    bench.take_in(manifest_of(task="old"), SHADOW)
    bench.line_up(task="old", active=SHADOW)
    bench.ledger._connection.execute(
        "update releases set manifest = ? where digest = ?", (b'{"schema": 9}', SHADOW)
    )
    result = life.tick(0)
    assert [m.task for m in result.moments] == ["cpu-busy"]
    assert result.events[0].fields == {
        "task": "old",
        "digest": SHADOW[:12],
        "reason": "manifest: expected schema 1, got 9",
    }
    bench.close()


def test_a_failing_collector_is_told_once_and_again_when_it_works(bench):
    failing = {"disk": "OSError: gone"}
    host = ScriptedHost([{CPU: 0.5}], failures=dict.fromkeys((1, 2, 3), failing))
    life = with_active(bench, host)
    life.ticks(*range(6))
    assert [[e.name for e in r.events] for r in life.results] == [
        [],
        [EventName.COLLECTOR_FAILED],
        [],
        [],
        [EventName.COLLECTOR_RECOVERED],
        [],
    ]
    fields = life.results[1].events[0].fields
    assert fields == {"collector": "disk", "reason": "OSError: gone"}
    assert bench.events() == ["collector_failed", "collector_recovered"]


def test_a_tick_that_raises_leaves_no_trace_and_the_next_goes_on(bench):
    """No port may raise this; if one does, nothing is lost or counted twice."""
    models = FixedModels()
    life = with_active(bench, cpu(*[0.5] * 9, 0.95, 0.5), models=models)
    life.ticks(*range(6))
    models.answers[ACTIVE] = RuntimeError("unheard of")
    with pytest.raises(RuntimeError):
        life.tick(6)  # resolves the first moment, then raises at scoring
    models.answers[ACTIVE] = 0.5
    life.ticks(*range(7, 20))
    moments = bench.moments()
    # Tick 6 itself is a gap, as if nobody had been there.
    assert bench.sample_count() == 19
    assert [m.id for m, _ in moments] == list(range(1, len(moments) + 1))
    assert all(o is not None for m, o in moments if m.due_at <= at(19))
    assert bench.cards() == recounted(
        bench, leading={"cpu-busy": parse_manifest(manifest_of())}
    )
    memory = msgspec.json.decode(life.ticker.tasks["cpu-busy"].memory(), type=Memory)
    learnt = msgspec.json.decode(memory.baseline, type=list[list[int]])
    known = [o for _, o in moments if o and o.kind is not OutcomeKind.VOID]
    assert sum(resolved for resolved, _ in learnt) == len(known)


def test_a_ledger_that_cannot_be_read_is_asked_again(bench, monkeypatch):
    life = with_active(bench)

    def refuse():
        raise StateError("state.db: reading: disk I/O error")

    with monkeypatch.context() as patched:
        patched.setattr(bench.ledger, "memories", refuse)
        for number in (0, 1):
            with pytest.raises(StateError):
                life.tick(number)
    assert [m.task for m in life.tick(2).moments] == ["cpu-busy"]


# What is kept, and when.


class Commits:
    """Counts a ledger's commits by the ticks that each of them wrote."""

    def __init__(self, bench, monkeypatch):
        self.sizes, held = [], []
        add, commit = bench.ledger.add, bench.ledger.commit

        def count_add(record):
            held.append(record)
            add(record)

        def count_commit(standing):
            came = commit(standing)
            self.sizes.append(len(held))
            held.clear()
            return came

        monkeypatch.setattr(bench.ledger, "add", count_add)
        monkeypatch.setattr(bench.ledger, "commit", count_commit)


def test_quiet_ticks_share_a_commit(bench, monkeypatch):
    commits = Commits(bench, monkeypatch)
    life = with_active(bench, commit_every_s=50)
    life.ticks(*range(19))
    # The first tick with the first prediction; the first outcome at tick 6.
    assert commits.sizes == [1, 5, 1, 5, 5]
    assert bench.sample_count() == 17


def test_a_task_that_begins_late_is_heard_at_once(bench, monkeypatch):
    commits = Commits(bench, monkeypatch)
    life = with_active(bench, cpu(NAN, NAN, 0.5), commit_every_s=1000)
    life.ticks(*range(20))
    assert commits.sizes == [1, 2, 6]


def test_an_event_is_kept_at_once(bench, monkeypatch):
    commits = Commits(bench, monkeypatch)
    host = ScriptedHost([{CPU: NAN}], failures={4: {"cpu": "gone"}})
    life = with_active(bench, host, commit_every_s=1000)
    life.ticks(*range(10))
    assert commits.sizes == [1, 4, 1]


def test_closing_keeps_what_was_held_back(bench):
    life = with_active(bench, commit_every_s=1000)
    life.ticks(*range(5))
    assert bench.sample_count() == 1
    assert life.ticker.close(at(4)) == []
    assert bench.sample_count() == 5


def test_a_commit_that_fails_is_told_once_and_loses_nothing(bench):
    life = with_active(bench, cpu(*[0.5] * 9, 0.95, 0.5))
    life.ticks(*range(2))
    bench.break_commits()
    life.ticks(*range(2, 60))
    assert life.events == [EventName.COMMIT_FAILED]
    (reason,) = (e.fields["reason"] for r in life.results for e in r.events)
    assert "told to fail" in reason or "make room on the disk" in reason
    assert bench.sample_count() < 60
    bench.mend_commits()
    life.ticks(*range(60, 64))
    assert bench.sample_count() == 64
    assert [m.id for m, _ in bench.moments()] == list(
        range(1, len(bench.moments()) + 1)
    )
    assert bench.cards() == recounted(
        bench, leading={"cpu-busy": parse_manifest(manifest_of())}
    )
    bench.break_commits()
    life.ticks(*range(64, 130))
    failed, recovered = EventName.COMMIT_FAILED, EventName.COMMIT_RECOVERED
    assert life.events == [failed, recovered, failed]


def test_a_line_up_that_changes_while_the_disk_is_full_waits_for_the_disk(bench):
    bench.take_in(manifest_of(version=2), SHADOW)
    life = with_active(bench, cpu(*[0.5] * 9, 0.95, 0.5))
    bench.break_commits()
    life.ticks(*range(200))
    assert life.events == [EventName.COMMIT_FAILED]
    bench.line_up(task="cpu-busy", active=ACTIVE, shadow=SHADOW)
    life.ticks(*range(200, 220))
    assert all(
        Role.SHADOW not in by_role(m) for result in life.results for m in result.moments
    )
    bench.mend_commits()
    late = [m for result in life.ticks(*range(220, 240)) for m in result.moments]
    assert Role.SHADOW in by_role(late[-1])
    moments = bench.moments()
    assert [m.id for m, _ in moments] == list(range(1, len(moments) + 1))
    assert all(o is not None for m, o in moments if m.due_at <= at(239))
    assert bench.cards() == recounted(
        bench, leading={"cpu-busy": parse_manifest(manifest_of())}
    )


# What comes of it.


def test_what_happens_in_time_has_happened_with_its_lead(bench):
    life = with_active(
        bench, cpu(*[0.5] * 4, 0.95, 0.5), models=FixedModels({ACTIVE: 0.8})
    )
    life.ticks(*range(7))
    (resolved,) = life.results[6].resolved
    assert resolved.outcome.kind is OutcomeKind.HAPPENED
    assert resolved.outcome.resolved_at == at(6)
    lead = resolved.outcome.happened_at - resolved.moment.at
    assert lead == pytest.approx(timedelta(seconds=40), abs=timedelta(seconds=5))
    card = next(c for k, c in bench.cards().items() if k.role is Role.ACTIVE)
    assert (card.resolved, card.happened, card.hits, card.misses) == (1, 1, 1, 0)


def test_each_release_is_measured_by_its_own_threshold(bench):
    shy = {"threshold": 0.9, "clear": 0.9}
    bench.take_in(manifest_of(version=2, decision=shy), SHADOW)
    models = FixedModels({ACTIVE: 0.8, SHADOW: 0.8})
    life = with_active(bench, cpu(*[0.5] * 4, 0.95, 0.5), models=models)
    bench.line_up(task="cpu-busy", active=ACTIVE, shadow=SHADOW)
    life.ticks(*range(7))
    hits = {key.role: (c.hits, c.misses) for key, c in bench.cards().items()}
    assert hits[Role.ACTIVE] == (1, 0)
    assert hits[Role.SHADOW] == (0, 1)


def test_a_gap_in_the_middle_does_not_change_what_is_known_of_other_moments(bench):
    life = with_active(bench, cpu(*[0.5] * 8, 0.95, *[0.5] * 40))
    # Ticks 9 to 17 are missed: moments 3, 6 (until 12) saw tick 8, moment 0 is done.
    life.ticks(*range(9), *range(18, 40))
    came = {
        r.moment.at: r.outcome.void or r.outcome.kind
        for result in life.results
        for r in result.resolved
    }
    assert came[at(0)] == "did_not"
    assert came[at(3)] == came[at(6)] == "happened"
    assert came[at(18)] == came[at(21)] == "did_not"


def test_a_moment_with_too_few_samples_after_it_is_void_for_the_gap(bench):
    life = with_active(bench)
    life.ticks(0, 10)
    assert kinds(life.results) == ["gap"]


def test_a_gap_is_read_as_of_the_slot_at_which_the_moment_was_due(bench):
    """Tick 7 is busy, after moment 0 was due; a late look must not count it."""
    life = with_active(bench, cpu(*[0.5] * 6, 0.95, 0.95))
    life.ticks(*range(6), 7, 8)
    assert kinds(life.results) == ["did_not"]


def test_a_value_that_was_due_in_a_gap_is_not_the_one_that_came_after_it(bench):
    life = with_active(bench, cpu(0.5, 0.5, 0.5, 0.7), document=value_manifest())
    life.ticks(0, 1, 2, 4)
    assert kinds(life.results) == ["gap"]


def test_a_reboot_voids_what_it_interrupted(bench):
    uptimes = [1000.0 + 10 * n for n in range(4)] + [2.0 + 10 * n for n in range(30)]
    rows = [{CPU: 0.5, UPTIME: uptime} for uptime in uptimes]
    life = with_active(bench, ScriptedHost(rows))
    life.ticks(*range(20))
    came = [
        r.outcome.void or r.outcome.kind
        for result in life.results
        for r in result.resolved
    ]
    # Moments 0 and 3 were open when it started anew, just before tick 4.
    assert came == ["reboot", "reboot", "did_not", "did_not", "did_not"]


def test_a_clock_that_goes_back_voids_what_is_open_and_goes_on(bench):
    life = with_active(bench, commit_every_s=1000)
    life.ticks(*range(5))
    back = life.tick(-30)
    assert kinds([back]) == ["clock", "clock"]
    assert [(e.name, e.fields) for e in back.events] == [
        (EventName.CLOCK_WENT_BACK, {"back_s": 34 * INTERVAL_S})
    ]
    assert [moment.id for moment in back.moments] == [3]
    assert back.open == 1
    # A commit must not wait until the old time has come again; and what another clock
    # told the time of is gone, or it would come back into the window.
    assert bench.sample_count() == 1
    life.ticks(*range(-29, 80))
    assert bench.sample_count() > 6
    assert set(kinds(life.results[6:])) == {"did_not"}
    assert len(bench.events()) == 1


def test_a_second_that_the_clock_gives_back_is_no_news(bench):
    life = with_active(bench)
    life.ticks(*range(4))
    life.tick_at(at(3) - timedelta(seconds=1))
    assert life.events == []


def test_cards_survive_a_clock_that_goes_back_over_midnight(bench):
    life = with_active(bench)
    before = datetime(2026, 3, 1, 23, 58, tzinfo=UTC)
    for start in (before, before - timedelta(seconds=30)):
        for number in range(20):
            life.tick_at(start + timedelta(seconds=10 * number))
    assert {key.day.day for key in bench.cards()} == {1, 2}
    assert bench.cards() == recounted(
        bench, leading={"cpu-busy": parse_manifest(manifest_of())}
    )


def test_cards_equal_a_recount_of_all_that_is_in_the_ledger(bench):
    bench.take_in(manifest_of(version=2), SHADOW)
    models = FixedModels({ACTIVE: logistic, SHADOW: 0.3})
    life = with_active(bench, cpu(*walk(400, seed=7)), models=models)
    bench.line_up(task="cpu-busy", active=ACTIVE, shadow=SHADOW)
    generator = np.random.default_rng(7)
    missed = set(generator.integers(0, 400, 20).tolist()) | set(range(100, 115))
    life.ticks(*(number for number in range(400) if number not in missed))
    assert {"happened", "did_not", "gap"} <= set(kinds(life.results))
    assert bench.cards() == recounted(
        bench, leading={"cpu-busy": parse_manifest(manifest_of())}
    )


# Who is at work.


def test_a_task_that_the_site_denies_does_not_run_and_gives_its_moments_up(bench):
    life = with_active(bench)
    life.ticks(*range(4))
    life.options["is_allowed"] = lambda task: task != "cpu-busy"
    life.restart()
    result = life.tick(4)
    assert kinds([result]) == ["retired", "retired"]
    assert (result.moments, result.open, life.ticker.tasks) == ([], 0, {})
    assert bench.cards() == recounted(
        bench, leading={"cpu-busy": parse_manifest(manifest_of())}
    )
    life.ticks(5, 6)
    assert kinds(life.results) == ["retired", "retired"]


def test_a_line_up_that_another_process_changed_is_taken_up_at_the_next_tick(bench):
    bench.take_in(manifest_of(version=2), SHADOW)
    life = with_active(bench, commit_every_s=1000)
    life.ticks(*range(5))
    bench.line_up(task="cpu-busy", active=SHADOW, standby=ACTIVE)
    result = life.tick(5)
    (event,) = result.events
    assert event.name is EventName.LINEUP_CHANGED
    assert event.fields == {
        "task": "cpu-busy",
        "active": SHADOW[:12],
        "standby": ACTIVE[:12],
    }
    assert result.open == 2  # held back until now, and none lost
    (moment,) = life.tick(6).moments
    assert moment.by(Role.ACTIVE).digest == SHADOW
    assert moment.by(Role.STANDBY).digest == ACTIVE
    life.ticks(*range(7, 13))
    assert kinds(life.results) == ["did_not"] * 3
    assert life.models.loaded == [ACTIVE, SHADOW]  # each once


def test_a_ticker_that_is_alone_looks_at_the_ledger_only_when_it_is_told_to(bench):
    bench.take_in(manifest_of(version=2), SHADOW)
    life = with_active(bench, is_alone=True)
    life.ticks(*range(3))
    bench.line_up(task="cpu-busy", active=SHADOW, standby=ACTIVE)
    life.ticks(3, 4, 5)
    assert life.models.loaded == [ACTIVE]
    life.ticker.look()
    (event,) = life.tick(6).events
    assert event.name is EventName.LINEUP_CHANGED
    assert life.models.loaded == [ACTIVE, SHADOW]
    assert life.tick(7).events == []


def test_another_process_that_changes_no_line_up_changes_no_number(tmp_path):
    for folder in ("quiet", "busy"):
        (tmp_path / folder).mkdir()
    benches = [InSqlite(tmp_path / "quiet"), InSqlite(tmp_path / "busy")]
    for bench in benches:
        life = with_active(bench, cpu(*walk(100, seed=3)), commit_every_s=70)
        for number in range(100):
            if bench is benches[1] and number % 7 == 3:
                bench.take_in(manifest_of(task=f"t{number}"), f"{number:064}")
            life.tick(number)
        life.ticker.close(life.now)
    quiet, busy = ([(m.id, m.at, o) for m, o in b.moments()] for b in benches)
    assert quiet == busy
    assert benches[0].cards() == benches[1].cards()
    for bench in benches:
        bench.close()


def test_a_task_that_comes_to_ask_something_else_gives_its_open_moments_up(bench):
    life = with_active(bench)
    life.ticks(*range(8))
    bench.take_in(value_manifest(task="cpu-busy", version=2), SHADOW)
    bench.line_up(task="cpu-busy", active=SHADOW)
    result = life.tick(8)
    assert kinds([result]) == ["retired", "retired"]
    assert [m.limit for m in result.moments] == [None]
    life.ticks(*range(9, 14))
    assert "value" in kinds(life.results)


def test_a_host_without_tasks_samples_all_the_same(bench):
    life = Life(bench, cpu(0.5))
    life.ticks(*range(3))
    assert bench.sample_count() == 3
    assert all(not r.moments and not r.events for r in life.results)
