"""A task at work, and the release that scores for it: their own small laws."""

import math
from datetime import timedelta

import msgspec
import numpy as np
import pytest

from agent.core.manifest import parse_manifest
from agent.core.moment import OutcomeKind, Resolved, Role, Void
from agent.core.policy import Policy
from agent.core.release import Release, ReleaseState
from agent.core.sample import Sample
from agent.core.window import Window
from agent.errors import AnswerError, ModelError
from agent.flows.live_release import LiveRelease
from agent.flows.memory import Memory, question, recalled
from agent.flows.task import LiveTask
from tests.fakes.ledger import START
from tests.fakes.life import ACTIVE, CPU, at, manifest_of, value_manifest
from tests.fakes.models import FixedModels

NAN = math.nan


def live(document=None, *, answer=0.5, role=Role.ACTIVE, digest=ACTIVE):
    manifest = parse_manifest(document or manifest_of())
    release = Release(digest=digest, manifest=manifest, state=ReleaseState.CONFIRMED)
    model = FixedModels({digest: answer}).load(release)
    return LiveRelease(role=role, release=release, model=model)


class Desk:
    """One task on a window of its own."""

    def __init__(self, document=None, *, memory=None, releases=None):
        self.window = Window(interval_s=10, span_s=1000, origin_s=START.timestamp())
        crew = releases or [live(document)]
        self.task = LiveTask(crew, window=self.window, memory=memory, policy=Policy())

    def see(self, number, value=0.5):
        values = np.array([value], dtype=np.float32)
        self.window.append(Sample(at=at(number), layout=(CPU,), values=values))

    def score(self, number, *, next_id=1):
        self.see(number)
        return self.task.score(at(number), next_id=next_id)

    def resolve(self, number):
        return list(self.task.resolve(at(number)))


def test_a_task_waits_for_the_moment_that_is_due_first():
    desk = Desk()
    assert (len(desk.task.waiting), desk.task.waiting.next_due) == (0, None)
    desk.score(0)
    desk.score(3, next_id=2)
    assert (len(desk.task.waiting), desk.task.waiting.next_due) == (2, 6)


def test_moments_taken_over_in_any_order_come_due_in_theirs():
    desk, other = Desk(), Desk()
    moments = [*desk.score(0), *desk.score(3, next_id=2), *desk.score(6, next_id=3)]
    for moment in reversed(moments):
        other.task.waiting.add(moment)
    for number in range(13):
        other.see(number)
    assert [r.moment.id for r in other.resolve(12)] == [1, 2, 3]
    assert len(other.task.waiting) == 0


def test_nothing_is_due_before_the_first_sample():
    desk = Desk()
    (moment,) = Desk().score(0)
    desk.task.waiting.add(moment)
    assert desk.resolve(100) == []


def test_all_that_is_open_can_be_given_up_at_once():
    desk = Desk()
    desk.score(0)
    desk.score(3, next_id=2)
    voided = list(desk.task.void_all(Void.CLOCK, at(1)))
    assert [r.moment.id for r in voided] == [1, 2]
    assert {r.outcome.void for r in voided} == {Void.CLOCK}
    assert len(desk.task.waiting) == 0
    # It predicts at once: when it last did so, the clock told another time.
    assert [moment.id for moment in desk.score(4, next_id=3)] == [3]


def test_a_task_goes_on_from_its_memory():
    desk = Desk()
    desk.score(0)
    desk.see(1, NAN)
    for number in range(2, 7):
        desk.see(number)
    desk.resolve(6)
    again = Desk(memory=desk.task.memory())
    assert again.task.memory() == desk.task.memory()
    assert again.score(2) == []
    assert [moment.id for moment in again.score(3, next_id=2)] == [2]


def test_a_memory_of_later_than_the_present_does_not_silence_a_task():
    """The clock went back while the daemon was down."""
    desk = Desk()
    desk.score(1000)
    assert [m.id for m in Desk(memory=desk.task.memory()).score(0, next_id=2)] == [2]


@pytest.mark.parametrize(
    ("before", "after", "is_same"),
    [
        pytest.param(manifest_of(), manifest_of(version=2), True, id="another version"),
        pytest.param(
            manifest_of(),
            manifest_of(target={"condition": ">= 0.95"}),
            True,
            id="another limit, which each moment keeps",
        ),
        pytest.param(
            manifest_of(),
            manifest_of(target={"condition": "<= 0.9"}),
            False,
            id="another comparison",
        ),
        pytest.param(
            manifest_of(),
            manifest_of(target={"series": "system.memory.utilization"}),
            False,
            id="another series",
        ),
        pytest.param(
            manifest_of(),
            manifest_of(target={"within": "90s"}),
            False,
            id="another horizon",
        ),
        pytest.param(
            manifest_of(),
            manifest_of(target={"sustained": "30s"}),
            False,
            id="for longer",
        ),
        pytest.param(manifest_of(), value_manifest(), False, id="a value"),
        pytest.param(
            value_manifest(), value_manifest(as_="change"), False, id="a change"
        ),
        pytest.param(
            value_manifest(),
            value_manifest(quantiles=(0.5,)),
            False,
            id="other quantiles",
        ),
    ],
)
def test_a_memory_holds_for_the_question_it_was_made_of(before, after, is_same):
    desk = Desk(before)
    assert len(desk.score(0)) == 1
    heir = Desk(after, memory=desk.task.memory())
    assert heir.task.knows_its_open_moments is is_same
    known = msgspec.json.decode(heir.task.memory(), type=Memory)
    assert known.scored_at == (at(0) if is_same else None)


def test_a_task_without_memory_takes_every_moment():
    assert Desk().task.knows_its_open_moments


def test_no_memory_is_recalled_of_nothing_or_of_another_question():
    asked = question(parse_manifest(manifest_of()).target)
    record = msgspec.json.encode(Memory(question=asked))
    assert asked == "system.cpu.utilization >= for 0s in 60s"
    assert recalled(None, question=asked) is None
    assert recalled(record, question="something else") is None
    assert recalled(record, question=asked) == Memory(question=asked)


def test_the_memory_that_was_kept_before_questions_were_is_forgotten():
    desk = Desk(memory=b'{"baseline":null,"scored_at":null,"skipped":{}}')
    assert [moment.id for moment in desk.score(0)] == [1]


def test_a_release_without_a_model_says_nothing_and_does_not_fail():
    silent = live()
    silent.model = None
    assert silent.scores(np.zeros((2, 2), dtype=np.float32)) == []
    assert silent.failure is None


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (ModelError("model aa: raised Boom"), "model aa: raised Boom"),
        (NAN, "answered a number that is not finite"),
        (math.inf, "answered a number that is not finite"),
        (lambda features: [[0.5], [NAN]], "answered a number that is not finite"),
    ],
)
def test_a_release_that_fails_says_nothing_until_it_works_again(answer, failure):
    models = FixedModels({ACTIVE: answer})
    failing = live()
    failing.model = models.load(failing.release)
    features = np.zeros((2, 2), dtype=np.float32)
    assert failing.scores(features) == []
    assert failing.failure == failure
    models.answers[ACTIVE] = 0.25
    assert failing.scores(features) == [[0.25], [0.25]]
    assert failing.failure is None


@pytest.mark.parametrize(
    ("answer", "times"),
    [
        (AnswerError("model aa: got nan in row 1"), 1),
        (NAN, 1),
        (ModelError("model aa: raised Boom"), 3),
    ],
)
def test_how_often_a_release_may_fail_before_it_is_at_fault(answer, times):
    failing = live(answer=answer)
    features = np.zeros((1, 2), dtype=np.float32)
    for _ in range(times):
        assert failing.tally.fault is None
        failing.scores(features)
    assert failing.tally.fault is not None
    assert failing.tally.fault.startswith(failing.failure)


def test_slow_is_what_takes_longer_than_the_manifest_allows():
    models = FixedModels()
    slow = live(manifest_of(limits={"latency_ms": 2.0}))
    slow.model = models.load(slow.release)
    features = np.zeros((1, 2), dtype=np.float32)
    for latency_ms in (2.0, *[2.1] * 9, 1.9, *[2.1] * 9):
        models.latencies_ms[ACTIVE] = latency_ms
        assert slow.scores(features) == [[0.5]]
        assert slow.tally.fault is None
    slow.scores(features)
    assert slow.tally.fault == (
        "took 2.1 ms of processor time, expected at most 2 ms, 10 times in a row"
    )
    assert slow.failure is None  # it answers, only too late


def test_only_a_moment_of_this_number_that_waits_is_found():
    desk = Desk()
    (moment,) = desk.score(0, next_id=7)
    assert desk.task.waiting.find(7) is moment
    assert desk.task.waiting.find(8) is None


def test_what_is_taken_from_those_that_wait_waits_no_longer_and_the_rest_do():
    desk = Desk()
    moments = [desk.score(3 * n, next_id=n)[0] for n in range(5)]
    taken = desk.task.waiting.taken(lambda moment: moment.id % 2)
    assert taken == [moments[1], moments[3]]
    for number in range(13, 19):
        desk.see(number)
    assert [resolved.moment.id for resolved in desk.resolve(18)] == [0, 2, 4]


def test_an_outcome_is_read_once():
    desk = Desk()
    (moment,) = desk.score(0)
    for number in range(1, 8):
        desk.see(number)
    (resolved,) = desk.resolve(7)
    assert isinstance(resolved, Resolved)
    assert resolved.moment is moment
    assert resolved.outcome.kind is OutcomeKind.DID_NOT
    assert resolved.outcome.resolved_at - moment.at == timedelta(seconds=70)
    assert desk.resolve(7) == []
