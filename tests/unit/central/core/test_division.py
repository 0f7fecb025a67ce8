"""Division: three parts of which none sees into another, and the reason if worse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from central.core.division import divided
from tests.fakes.truth import truth

HORIZON_S = 600.0


def parted(known, *, group_of=None):
    samples = known.samples
    return divided(
        samples,
        cases=samples.label > 0,
        horizon_s=HORIZON_S,
        group_of=group_of or {},
    )


def hosts(samples):
    return set(samples.host.tolist())


def test_what_judges_is_of_a_later_time_and_of_other_hosts():
    found = parted(truth(release="a", moments=1000))
    assert found.words == "later time, other hosts"
    assert not hosts(found.judge) & (hosts(found.teach) | hosts(found.tune))
    assert not hosts(found.teach) & hosts(found.tune)
    assert found.judge.at.min() >= found.teach.at.max() + HORIZON_S
    assert found.hosts == hosts(found.teach)
    assert found.teach.at.max() < found.until


def test_hosts_of_one_group_stay_together():
    group_of = {f"host-{n:03}": f"pair-{n // 2}" for n in range(8)}
    found = parted(truth(release="a", moments=1000), group_of=group_of)
    parts = [{group_of[h] for h in hosts(p)} for p in (found.teach, found.judge)]
    assert not parts[0] & parts[1]


def test_two_hosts_teach_and_judge_and_the_teacher_tunes():
    found = parted(truth(release="a", hosts=2, moments=2000))
    assert found.words.startswith("later time, other hosts; tuned on a later time of")
    assert not hosts(found.teach) & hosts(found.judge)
    assert hosts(found.tune) == hosts(found.teach)
    assert found.tune.at.min() >= found.teach.at.max() + HORIZON_S


def test_one_host_is_parted_by_time_with_a_horizon_between():
    found = parted(truth(release="a", hosts=1, moments=4000))
    assert found.words.startswith("later time, the same hosts: ")
    assert found.tune.at.min() >= found.teach.at.max() + HORIZON_S
    assert found.judge.at.min() >= found.tune.at.max() + HORIZON_S


@pytest.mark.parametrize("rate", [-30.0, -9.0, 30.0])
def test_too_few_of_either_kind_are_no_division(rate):
    known = truth(release="a", hosts=1, moments=200, rate=rate)
    samples = known.samples
    if rate > 0:
        samples = samples.where(np.arange(3))
    cases = samples.label > 0
    assert divided(samples, cases=cases, horizon_s=1.0, group_of={}) is None


def test_where_all_rows_are_cases_no_others_are_wanted():
    samples = truth(release="a", moments=500).samples
    cases = np.ones(len(samples), dtype=bool)
    assert divided(samples, cases=cases, horizon_s=1.0, group_of={}) is not None


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(0, 99))
def test_no_row_is_in_two_parts_whatever_the_fleet(count, seed):
    found = parted(truth(release="a", hosts=count, moments=600, seed=seed))
    if found is not None:
        keys = [
            set(zip(part.host.tolist(), part.at.tolist(), strict=True))
            for part in (found.teach, found.tune, found.judge)
        ]
        assert len(set.union(*keys)) == sum(map(len, keys))


def test_a_new_host_moves_hardly_any_other():
    def teachers(count):
        return parted(truth(release="a", hosts=count, moments=600)).hosts

    before, after = teachers(20), teachers(21)
    assert len(before - after) <= 3
