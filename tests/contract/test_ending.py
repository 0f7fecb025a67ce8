"""Waiting that a signal ends, and nothing else."""

import os
import signal
from time import monotonic

import pytest

from agent.adapters.ending import until_told

HEARD = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", HEARD)
def test_a_signal_ends_the_waiting_and_all_that_would_come_after(number):
    with until_told() as wait:
        assert wait(0.0)
        os.kill(os.getpid(), number)
        began = monotonic()
        assert not wait(60)
        assert not wait(60)
        assert monotonic() - began < 30


def test_a_wait_takes_its_time():
    with until_told() as wait:
        began = monotonic()
        assert wait(0.05)
        assert monotonic() - began >= 0.05
        assert wait(-1)


def test_who_asks_twice_is_not_heard_again_afterwards():
    with until_told() as wait:
        for number in HEARD * 2:
            os.kill(os.getpid(), number)
        assert not wait(0.0)


def test_what_was_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with until_told() as wait:
            os.kill(os.getpid(), signal.SIGHUP)
            assert wait(0.01)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_afterwards_the_signals_do_what_they_did_before():
    before = [signal.getsignal(number) for number in HEARD]
    with until_told():
        assert signal.getsignal(signal.SIGINT) not in before
    assert [signal.getsignal(number) for number in HEARD] == before
