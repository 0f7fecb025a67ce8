"""Pupils: hosts are judged by models that never saw them, their twins or their time."""

import numpy as np
import pytest

from central.core.pupils import all_samples, left_out
from tests.fakes.pupils import LENGTH_S, STEP_S
from tests.fakes.pupils import lived_pupil as pupil


class School:
    """Says the first feature, more or less boldly, and remembers its teaching."""

    def __init__(self, factor):
        self.taught = []
        self._factor = factor

    def __call__(self, samples):
        self.taught.append(samples)
        return lambda features: self._factor * logit(features[:, 0])


def logit(said):
    wide = said.astype(np.float64)
    return np.log(wide / (1 - wide))


def lived(pupils, *, neighbours=(), is_taught_again=False, factor=1.0):
    school = School(factor)
    found = left_out(
        pupils,
        neighbours=neighbours,
        learn=school,
        horizon_s=900.0,
        is_taught_again=is_taught_again,
        rng=np.random.default_rng(0),
    )
    return school, found


def test_no_host_and_no_twin_of_it_teaches_the_model_that_judges_it():
    pupils = [pupil("a", "twins", seed=1), pupil("b", "twins", seed=2), pupil("c")]
    school, _ = lived(pupils, neighbours=[pupil("a", "twins"), pupil("c")])
    assert [set(s.host.tolist()) for s in school.taught] == [{"a", "b"}, {"c"}]


def test_only_what_was_known_by_the_sixth_tenth_of_the_time_teaches():
    school, _ = lived([pupil("a"), pupil("b", seed=1)])
    for samples in school.taught:
        assert samples.at.max() == pytest.approx(0.6 * LENGTH_S - STEP_S)
        assert samples.at.min() == 0


def test_neighbours_teach_every_fourth_moment_at_a_tenth_of_the_weight():
    pupils, neighbours = [pupil("a"), pupil("b")], [pupil("b", mark=1.0)]
    samples = all_samples(pupils, neighbours=neighbours)
    is_neighbour = samples.features[:, 1] == 1.0
    assert is_neighbour.sum() == 250
    assert samples.weight[is_neighbour].sum() == pytest.approx(100.0)
    assert samples.weight[~is_neighbour].tolist() == [1.0] * 2000


def test_a_host_is_taught_again_with_a_weighted_twentieth_of_its_own_past():
    school, found = lived([pupil("a"), pupil("b", seed=1)], is_taught_again=True)
    assert len(school.taught) == 4
    again = school.taught[1]
    own = again.host == "a"
    before_s = 0.7 * LENGTH_S - 900.0
    known = 700
    assert own.sum() == 35
    assert again.weight[own].sum() == pytest.approx(known, rel=0.1)
    assert again.at[own].max() < before_s
    assert len(found.again) == 2


def test_without_it_there_is_nothing_said_again():
    _, found = lived([pupil("a"), pupil("b", seed=1)])
    assert found.again == ()
    assert len(found.said) == 2


def test_what_is_said_too_boldly_is_put_right_by_the_other_hosts():
    pupils = [pupil(name, seed=n) for n, name in enumerate("abcd")]
    _, found = lived(pupils, factor=3.0)
    assert 0.28 < found.line.slope < 0.4
    said = np.concatenate(found.said)
    came = np.concatenate([each.rows.outcome for each in pupils])
    assert abs(said.mean() - came.mean()) < 0.02
    assert found.threshold_said.shape == found.threshold_came.shape


def test_the_threshold_is_chosen_before_the_judged_time_and_after_the_first_days():
    _, found = lived([pupil("a"), pupil("b", seed=1)])
    assert len(found.threshold_said) == 2 * (700 - 200)


def test_a_stretch_ends_a_horizon_earlier():
    rows = pupil("a").between(0.2, 0.4, gap_s=900.0)
    assert rows.at_s.min() == 0.2 * LENGTH_S
    assert rows.at_s.max() == 0.4 * LENGTH_S - STEP_S
