"""What all tests share: where a test may skip, and where it may not."""

import os
import signal

import pytest

from tests.fakes.postgres import (  # noqa: F401 - fixtures
    fleet_url,
    postgresql,
    postgresql_url,
)


def pytest_configure(config):
    """Let children die of ctrl-c, also where a shell in the background ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A test's model is tiny: LightGBM's second thread would only burn the other core.
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Where everything is said to be there, a skipped test is a failed one."""
    report = yield
    if report.skipped and os.environ.get("FOREWARN_REQUIRE_ALL"):
        report.outcome = "failed"
        report.longrepr = f"must not skip here: {report.longrepr}"
    return report
