"""What a process costs, as the kernel counts it."""

import os
import subprocess
import sys
import threading

import psutil
import pytest

from agent.adapters.process import OwnProcess
from agent.errors import UnavailableError


def test_the_own_cost_is_that_of_this_process():
    cost = OwnProcess().cost()
    assert cost.pid == os.getpid()
    assert cost.started_at.tzinfo is not None
    assert cost.rss_bytes > 1_000_000
    assert cost.cpu_s > 0
    assert cost.threads >= 1


def test_cost_only_grows():
    process = OwnProcess()
    before = process.cost()
    sum(range(3_000_000))
    after = process.cost()
    assert after.cpu_s >= before.cpu_s
    assert (after.written_bytes or 0) >= (before.written_bytes or 0)
    assert after.started_at == before.started_at


def test_threads_are_counted():
    process = OwnProcess()
    before, stop = process.cost().threads, threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert process.cost().threads == before + 1
    finally:
        stop.set()
        thread.join()


def test_another_process_can_be_asked_until_it_is_gone():
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    ) as child:
        process = OwnProcess(child.pid)
        assert process.cost().pid == child.pid
        child.kill()
        child.wait()
        with pytest.raises(UnavailableError, match=f"process {child.pid} is gone"):
            process.cost()
    with pytest.raises(UnavailableError, match=f"process {child.pid} is gone"):
        OwnProcess(child.pid)


def test_writes_that_may_not_be_asked_about_are_unknown(monkeypatch):
    def refuse(_):
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil.Process, "io_counters", refuse)
    assert OwnProcess().cost().written_bytes is None
