"""How a host stands."""

from datetime import UTC, datetime, timedelta

import pytest

from central.core.standing import SILENT_AFTER, Standing, standing

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("reported_at", "revoked_at", "found"),
    [
        pytest.param(None, None, Standing.NEW, id="never_reported"),
        pytest.param(NOW - SILENT_AFTER, None, Standing.REPORTING, id="just_in_time"),
        pytest.param(
            NOW - SILENT_AFTER - SECOND, None, Standing.SILENT, id="a_second_late"
        ),
        pytest.param(NOW, NOW, Standing.REVOKED, id="revoked"),
        pytest.param(None, NOW, Standing.REVOKED, id="revoked_before_it_reported"),
    ],
)
def test_a_host_stands_as_it_last_reported(reported_at, revoked_at, found):
    assert standing(reported_at=reported_at, revoked_at=revoked_at, now=NOW) == found
