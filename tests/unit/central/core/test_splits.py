"""Splits: nothing that teaches may judge."""

import numpy as np

from central.core.splits import Part, folds, parts


def test_time_is_split_into_60_10_and_30_percent_with_gaps_of_a_horizon():
    found = parts(np.arange(100), rows=100, horizon=2).tolist()
    assert found[:58] == [Part.TRAIN] * 58
    assert found[58:60] == [Part.GAP] * 2
    assert found[60:68] == [Part.VALIDATE] * 8
    assert found[68:70] == [Part.GAP] * 2
    assert found[70:] == [Part.TEST] * 30


def test_a_group_is_in_one_fold():
    assert folds(["b", "a", "b", "c"], count=2) == {"a": 0, "b": 1, "c": 0}


def test_there_are_never_more_folds_than_groups():
    assert folds(["a", "b"], count=4) == {"a": 0, "b": 1}
