"""A recorded host: its samples, its days, its series on a grid."""

import numpy as np
import pytest

from agent.core.recorded import Recorded

START_S = 1_772_366_403.0


def recorded():
    """Return a host of four rows, with a slot missing between the last two."""
    return Recorded(
        name="host",
        instants_s=START_S + np.array([0.0, 60.0, 121.0, 240.0]),
        layout=("a", "b"),
        values=np.arange(8, dtype=np.float32).reshape(4, 2),
        interval_s=60.0,
    )


def test_its_rows_are_the_samples_that_they_were():
    samples = list(recorded().samples())
    assert [each.at.timestamp() for each in samples] == recorded().instants_s.tolist()
    assert samples[2].values.tolist() == [4, 5]
    assert samples[0].layout is samples[1].layout


def test_a_series_on_its_grid_has_a_gap_where_a_row_is_missing():
    np.testing.assert_array_equal(recorded().on_grid("b"), [1, 3, 5, np.nan, 7])
    assert recorded().slots(np.array([START_S + 89])).tolist() == [1]
    with pytest.raises(ValueError, match="not in tuple"):
        recorded().on_grid("c")


def test_it_was_watched_up_to_the_end_of_its_last_interval():
    assert recorded().days == pytest.approx(300 / 86_400)
    assert recorded().origin_s == START_S
