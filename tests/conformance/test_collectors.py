"""Laws that every collector must obey, here and on captured hosts."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import psutil
import pytest

from agent.adapters.host.filters import Filters
from agent.adapters.host.host import LocalHost
from agent.core.metrics import Kind, metric
from tests.fakes.captured import captured_host
from tests.fakes.samples import check_sample, readings, value_of

TREES = ("proc-vm", "proc-metal", "proc-container")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEP = timedelta(seconds=10)


@pytest.fixture(params=TREES)
def pair(request, tmp_path):
    """Two samples, one step apart, of each captured host."""
    with captured_host(request.param, tmp_path) as there:
        host = there.host()
        first = host.sample(NOW)
        there.move_to("1")
        yield first, host.sample(NOW + STEP)


@pytest.fixture(scope="module")
def real():
    """Two samples of this very host, with everything switched on."""
    host = LocalHost(filters=Filters(process_status=True))
    first = host.sample(NOW)
    deadline = host.sample(NOW)
    while value_of(deadline, "system.uptime") < value_of(first, "system.uptime") + 0.05:
        deadline = host.sample(NOW + STEP)
    yield first, host.sample(NOW + STEP)
    host.close()


def test_every_collector_obeys_the_laws_on_a_captured_host(pair):
    for sample in pair:
        check_sample(sample)
        assert not sample.failures


def test_every_collector_obeys_the_laws_here(real):
    for sample in real:
        check_sample(sample)
        assert not sample.failures


def test_the_links_of_proc_are_the_processes(real):
    # In a container there are more than one sees: the kernel counts all.
    seen = len(psutil.pids())
    assert value_of(real[1], "system.process.count") >= 0.8 * seen - 5


def test_the_first_sample_has_gauges_and_no_rates(pair):
    for series, value in readings(pair[0]):
        assert math.isnan(value) == (metric(series.name).kind is Kind.RATE), series


def test_the_second_sample_has_everything(pair):
    assert not np.isnan(pair[1].values).any()


def test_the_layout_stays_the_same_object_while_the_devices_stay(pair):
    assert pair[0].layout is pair[1].layout


WORKED = {
    "system.uptime": 86410.25,
    "system.cpu.utilization": 3200 / 8000,
    'system.cpu.utilization{mode="user"}': 2000 / 8000,
    'system.cpu.utilization{mode="iowait"}': 800 / 8000,
    'system.cpu.utilization{mode="idle"}': 4000 / 8000,
    "system.cpu.logical.count": 8,
    "system.cpu.load_average.5m": 3.10,
    "system.cpu.context_switches": 12_000,
    "system.cpu.interrupts": 5_000,
    'system.process.count{status="running"}': 5,
    'system.process.count{status="sleeping"}': 2,
    'system.process.count{status="zombie"}': 1,
    "system.linux.processes_blocked": 2,
    "system.linux.processes_created": 3,
    "system.linux.threads": 812,
    "system.memory.utilization": 0.75,
    'system.memory.usage{state="used"}': 49152000 * 1024,
    'system.memory.usage{state="cached"}': 15360000 * 1024,
    "system.memory.shared": 4096000 * 1024,
    "system.paging.utilization": 0.25,
    'system.paging.usage{state="used"}': 2048000 * 1024,
    'system.paging.operations{direction="out"}': 120,
    "system.paging.faults": 25_000,
    "system.linux.major_faults": 35,
    "system.linux.oom_kills": 0.1,
    'system.linux.pressure.some{resource="cpu"}': 0.05,
    'system.linux.pressure.some{resource="io"}': 1.0,  # 10.0009 s in 10 s
    'system.linux.pressure.full{resource="io"}': 0.4,
    'system.disk.io{device="nvme0n1",direction="read"}': 204_800 * 512,
    'system.disk.operations{device="nvme0n1",direction="write"}': 2_000,
    'system.disk.io_time.utilization{device="nvme0n1"}': 0.95,
    'system.disk.queue_length{device="nvme0n1"}': 12,
    'system.network.io{direction="receive",interface="eno1"}': 12_500_000,
    'system.network.errors{direction="transmit",interface="eno1"}': 2,
    'system.network.packet.dropped{direction="receive",interface="eno1"}': 4,
    'system.network.connection.count{state="in_use"}': 300,
    'system.network.connection.count{state="time_wait"}': 75,
    'system.network.connection.count{state="established"}': 211,
    "system.linux.tcp.retransmits": 6,
    "system.linux.tcp.passive_opens": 30,
    "system.linux.tcp.listen_overflows": 0.5,
    "system.linux.file_handles.utilization": 0.2,
}


@pytest.fixture
def metal(tmp_path):
    with captured_host("proc-metal", tmp_path) as there:
        host = there.host()
        host.sample(NOW)
        there.move_to("1")
        yield host.sample(NOW + STEP)


@pytest.mark.parametrize(("name", "value"), WORKED.items())
def test_a_worked_example(metal, name, value):
    assert value_of(metal, name) == pytest.approx(value, rel=1e-6)
