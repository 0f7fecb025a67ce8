"""The study: every host is judged by a model that never saw it or its twins."""

import numpy as np

from central.core.examples import NEVER, Examples
from central.core.recording import Recording
from central.core.splits import Part
from central.core.study import Lesson, judged

ROWS = 100


def lesson(number, group):
    """Return a host whose only feature is its own number."""
    row = np.arange(ROWS)
    happened = row % 10 == 0
    return Lesson(
        is_restless=number == 1,
        recording=Recording(
            name=f"host-{number}",
            group=group,
            interval_s=60.0,
            values=np.zeros((ROWS, 2), dtype=np.float32),
            serving=np.array([True, False]),
        ),
        examples=Examples(
            features=np.full((ROWS, 1), number, dtype=np.float32),
            happened=happened,
            baseline=np.full(ROWS, 0.1),
            row=row,
            age=row % 7 + 1,
            case=row % 2,
            event=np.where(happened, row + 1, NEVER),
        ),
    )


def studied(groups, count=4):
    taught = []

    def train(known):
        taught.append(set(known.features[:, 0].tolist()))
        seen = taught[-1]
        assert known.row.max() < 0.6 * ROWS
        return lambda features: np.array([float(v in seen) for v in features[:, 0]])

    lessons = [lesson(number, group) for number, group in enumerate(groups)]
    found = judged(
        lessons,
        train=train,
        horizon_s=120.0,
        group_of=lambda recording: recording.group,
        count=count,
    )
    return found, taught


def test_no_host_is_judged_by_a_model_that_saw_it_or_its_twin():
    found, taught = studied(["a", "b", "a", "c"])
    assert sorted(map(sorted, taught)) == [[0, 1, 2], [0, 2, 3], [1, 3]]
    assert not found.trial.probability.any()
    assert set(found.lesson.tolist()) == {0, 1, 2, 3}


def test_only_what_came_after_the_teaching_is_judged():
    found, _ = studied(["a", "b"])
    assert np.sum(found.part == Part.VALIDATE) == 2 * 8
    assert np.sum(found.part == Part.TEST) == 2 * 30
    assert len(found.part) == 2 * 38


def test_events_and_days_of_different_hosts_are_different():
    found, _ = studied(["a", "b"])
    trial = found.trial
    assert len(set(trial.event[trial.happened].tolist())) == 2 * 4
    assert len(set(trial.block.tolist())) == 2


def test_each_moment_knows_its_case_and_its_recording():
    found, _ = studied(["a", "b"])
    assert set(found.interval_s.tolist()) == {60.0}
    assert set(found.age_s.tolist()) == {60.0 * age for age in range(1, 8)}
    assert found.is_restless.tolist() == (found.lesson == 1).tolist()
    assert found.is_serving.sum() == len(found.is_serving) / 2
