"""Comparison of values: against persistence, against the baseline, inside the band."""

import numpy as np
import pytest

from agent.core.figures import ValueTerms
from agent.core.value_comparison import judge_value
from tests.fakes.answers import value_host as host

TERMS = ValueTerms(release="v1", baseline="baseline", levels=(0.1, 0.5, 0.9))
ONE = ValueTerms(release="v1", baseline="baseline", levels=(0.5,))


def test_who_foresees_a_change_is_better_than_who_does_not():
    found = judge_value([host()], scope="host", terms=TERMS)
    assert found.error == pytest.approx(0.2 * 0.798, rel=0.1)
    assert found.persistence_error == pytest.approx(0.798 * np.sqrt(1.04), rel=0.1)
    assert found.gain.is_above_zero
    assert found.pinball_gain.is_above_zero
    assert found.coverage.value == pytest.approx(0.8, abs=0.04)
    assert found.wanted == pytest.approx(0.8)
    assert [level.level for level in found.levels] == [0.1, 0.5, 0.9]
    assert found.levels[0].coverage == pytest.approx(0.1, abs=0.04)
    assert found.levels[1].pinball == pytest.approx(found.error / 2)
    assert found.levels[1].baseline_pinball == pytest.approx(
        found.persistence_error / 2
    )
    assert found.losses == ()


def test_who_foresees_wrongly_is_worse_and_told_so():
    found = judge_value([host(levels=(5, 6, 7))], scope="host", terms=TERMS)
    assert [(loss.to, loss.is_shown) for loss in found.losses] == [
        ("persistence", True)
    ]
    assert found.losses[0].words.startswith("worse than persistence: mean absolute")


def test_one_number_has_no_band():
    found = judge_value([host(levels=(0,))], scope="host", terms=ONE)
    assert (found.coverage, found.wanted, len(found.levels)) == (None, None, 1)


def test_hosts_of_other_units_weigh_alike():
    alone = judge_value([host()], scope="host", terms=TERMS)
    both = [host(), host(name="large", unit=1e6)]
    found = judge_value(both, scope="all", terms=TERMS)
    assert found.persistence_error == pytest.approx(1.0)
    assert found.gain.value == pytest.approx(alone.gain.value)
    assert found.rows == 2 * alone.rows


def test_a_host_on_which_nothing_changes_spoils_nothing():
    still = host(name="still", unit=0.0)
    empty = host(name="empty", days=0)
    found = judge_value([host(), still, empty], scope="all", terms=TERMS)
    assert found.gain.value is not None
    alone = judge_value([still], scope="still", terms=TERMS)
    assert alone.gain.value is None
    assert alone.losses == ()


def test_few_moments_have_no_figures():
    found = judge_value([host(days=0)], scope="host", terms=TERMS)
    assert found.withheld == "0 moments with an outcome, fewer than 50"
    assert found.error is None
