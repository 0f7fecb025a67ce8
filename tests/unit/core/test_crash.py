"""When a release that takes the daemon down with it has to go."""

import pytest

from agent.core.crash import is_too_often


@pytest.mark.parametrize(("crashes", "goes"), [(1, False), (2, True), (3, True)])
def test_one_death_proves_nothing_and_two_do(crashes, goes):
    assert is_too_often(crashes) is goes
