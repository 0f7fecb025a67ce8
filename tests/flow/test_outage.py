"""Central is away for half an hour: nothing is lost or doubled, and none stampede."""

import pytest

from tests.fakes.outage import Course, lived


@pytest.mark.parametrize("is_refusing", [False, True])
def test_after_an_outage_all_is_there_once(tmp_path, is_refusing):
    course = Course(agents=60, ends=6.0, is_refusing=is_refusing, lost_share=0.1)
    found = lived(f"sqlite:///{tmp_path / 'fleet.db'}", course)
    assert found.told >= 60 * 5
    assert (found.lost, found.doubled, found.holes, found.waiting) == (0, 0, 0, 0)
    assert found.repeated > 0


def test_the_return_of_central_is_no_stampede(tmp_path):
    """By five minutes: of a few hosts, one minute is all chance."""
    course = Course(agents=120, lost_share=0.0)
    found = lived(f"sqlite:///{tmp_path / 'fleet.db'}", course)
    ends = round(60 * course.away[1])
    spans = [
        sum(found.by_minute[minute] for minute in range(begin, begin + 5))
        for begin in range(ends, ends + 120, 5)
    ]
    assert max(spans) < 3 * 5 * found.mean_a_minute
