"""Settings: what is usual, and what is worth a trial."""

from itertools import islice

import numpy as np

from central.core.settings import candidates, usual


def test_a_leaf_stands_on_a_share_of_the_rows_but_never_on_less_than_twenty():
    assert usual(10, seed=0).smallest == 20
    assert usual(100_000, seed=0).smallest == 100


def test_few_rows_are_learnt_by_several_ensembles():
    assert usual(1000, seed=0).bags == 4
    assert usual(100_000, seed=0).bags == 1
    assert usual(1000, seed=0, levels=(0.5,)).bags == 1


def test_the_usual_comes_first_and_the_same_seed_draws_the_same():
    first = usual(5000, seed=7)
    one, two = (
        list(islice(candidates(first, rows=5000, rng=np.random.default_rng(3)), 20))
        for _ in range(2)
    )
    assert one == two
    assert one[0] == first
    assert len(set(one)) > 15
    assert {each.seed for each in one} == {7}


def test_settings_are_told_by_name():
    assert usual(1000, seed=7).document()["seed"] == 7
