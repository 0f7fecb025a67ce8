"""What a collector that fails, is absent, is reset or is late leaves behind."""

import math
import shutil
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from agent.adapters.host.filters import Filters
from agent.adapters.host.host import COLLECTORS, LocalHost
from tests.fakes.captured import captured_host
from tests.fakes.samples import check_sample, readings, value_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEP = timedelta(seconds=10)

# Which collector reads which file, and whether an empty one is possible on a host.
FILES = {
    "uptime": "uptime",
    "stat": "cpu",
    "loadavg": "load",
    "meminfo": "memory",
    "vmstat": "paging",
    "pressure/cpu": "pressure",
    "pressure/memory": "pressure",
    "pressure/io": "pressure",
    "diskstats": "disk",
    "self/mountinfo": "filesystem",
    "net/dev": "network",
    "net/sockstat": "sockets",
    "net/sockstat6": "sockets",
    "net/snmp": "tcp",
    "net/netstat": "listeners",
    "sys/fs/file-nr": "file_handles",
}
MAY_BE_EMPTY = {"diskstats"}


@pytest.fixture
def metal(tmp_path):
    """A database server with everything there is."""
    with captured_host("proc-metal", tmp_path) as there:
        yield there


@pytest.mark.parametrize("broken", ["", "broken\n", "cut"])
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_read_is_a_gap_and_a_failure(metal, name, broken):
    host = metal.host()
    healthy = host.sample(NOW)
    metal.move_to("1")
    text = (metal.proc / name).read_text()
    metal.write(name, text[: len(text) // 2] if broken == "cut" else broken)
    sample = host.sample(NOW + timedelta(seconds=70))
    check_sample(sample)
    if broken != "cut" and not (name in MAY_BE_EMPTY and not broken):
        assert list(sample.failures) == [FILES[name]]
        assert sample.failures[FILES[name]]
        assert sample.layout is healthy.layout
        gaps = {s.name for s, value in readings(sample) if math.isnan(value)}
        assert gaps
    metal.move_to("1")
    assert not host.sample(NOW + timedelta(seconds=140)).failures


def test_a_collector_that_fails_takes_no_other_with_it(metal):
    host = metal.host()
    host.sample(NOW)
    metal.move_to("1")
    metal.write("meminfo", "")
    sample = host.sample(NOW + STEP)
    assert list(sample.failures) == ["memory"]
    gaps = {s.name for s, value in readings(sample) if math.isnan(value)}
    assert {name.split(".")[1] for name in gaps} == {"memory", "paging"}
    assert "system.paging.faults" not in gaps


def test_after_a_failure_the_rate_is_that_of_the_whole_time(metal):
    host = metal.host()
    host.sample(NOW)
    metal.write("vmstat", "")
    assert "paging" in host.sample(NOW + STEP).failures
    metal.move_to("1")
    sample = host.sample(NOW + 2 * STEP)
    assert value_of(sample, "system.paging.faults") == pytest.approx(25_000)


@pytest.mark.parametrize(
    ("name", "collector", "metrics"),
    [
        ("pressure", "pressure", "system.linux.pressure"),
        ("net/snmp", "tcp", "system.linux.tcp.retransmits"),
        ("net/netstat", "listeners", "system.linux.tcp.listen_overflows"),
        ("net/sockstat", "sockets", None),
        ("stat", "cpu", "system.cpu.utilization"),
    ],
)
def test_what_a_host_does_not_have_is_absent_and_no_failure(
    metal, name, collector, metrics
):
    shutil.rmtree(metal.proc / name, ignore_errors=True)
    (metal.proc / name).unlink(missing_ok=True)
    (metal.proc / "net" / "sockstat6").unlink()
    host = metal.host()
    sample = host.sample(NOW)
    assert collector in host.absent
    assert not sample.failures
    assert metrics is None or not [n for n in sample.layout if n.startswith(metrics)]


def test_a_kernel_that_opens_a_file_and_refuses_to_read_it_does_not_have_it(metal):
    # So does psi=0; a folder, too, can be opened and not read.
    (metal.proc / "pressure" / "io").unlink()
    (metal.proc / "pressure" / "io").mkdir()
    host = metal.host()
    assert "pressure" in host.absent
    assert not host.sample(NOW).failures


def test_a_process_that_ends_during_the_sweep_is_not_counted(metal):
    (metal.proc / "402" / "stat").unlink()
    sample = metal.host().sample(NOW)
    assert value_of(sample, 'system.process.count{status="sleeping"}') == 1


def test_an_interface_that_is_gone_is_a_gap(metal):
    host = metal.host()
    host.sample(NOW)
    metal.move_to("1")
    text = (metal.proc / "net" / "dev").read_text()
    metal.write("net/dev", text.replace("eno1", "eno2"))
    sample = host.sample(NOW + STEP)
    name = 'system.network.io{direction="%s",interface="%s"}'
    assert math.isnan(value_of(sample, name % ("receive", "eno1")))
    assert value_of(sample, name % ("transmit", "bond0")) == 0
    assert not sample.failures


def test_a_host_without_anything_is_a_sample_without_anything(tmp_path):
    host = LocalHost(proc=tmp_path, filters=Filters(temperature=False))
    sample = host.sample(NOW)
    assert (sample.layout, sample.values.shape, sample.failures) == ((), (0,), {})
    named = {name for name, _ in COLLECTORS} - {"temperature", "process_status"}
    assert set(host.absent) == named


def test_a_container_of_an_old_kernel_has_its_root_and_no_swap(tmp_path):
    with captured_host("proc-container", tmp_path) as there:
        layout = there.host().sample(NOW).layout
    of = {"filesystem", "paging", "disk", "pressure"}
    kept = {n for n in layout if set(n.split(".")) & of}
    assert {n for n in kept if "mountpoint" in n and 'mountpoint="/"' not in n} == set()
    assert 'system.filesystem.utilization{mountpoint="/"}' in kept
    assert not [n for n in layout if n.startswith(("system.paging.u", "system.disk"))]


def test_swap_may_come_and_go(metal):
    host = metal.host()
    assert "system.paging.utilization" in host.sample(NOW).layout
    text = (metal.proc / "meminfo").read_text()
    metal.write("meminfo", text.replace("SwapTotal:       8192000", "SwapTotal: 0"))
    sample = host.sample(NOW + STEP)
    assert "system.paging.utilization" not in sample.layout
    assert not sample.failures


def test_counters_that_go_backwards_are_gaps(metal):
    metal.move_to("1")
    metal.write("uptime", "86400.25 1.0\n")
    host = metal.host()
    host.sample(NOW)
    metal.move_to("0", but="uptime")
    metal.write("uptime", "86410.25 1.0\n")
    sample = host.sample(NOW + STEP)
    check_sample(sample)
    for name in ("system.cpu.utilization", "system.paging.faults"):
        assert math.isnan(value_of(sample, name))
    assert math.isnan(value_of(sample, 'system.linux.pressure.some{resource="cpu"}'))
    assert not sample.failures


def test_iowait_that_goes_backwards_is_a_gap_of_its_own(metal):
    metal.write("stat", _stat("cpu 100 0 100 1000 50 0 0 0"))
    host = metal.host()
    host.sample(NOW)
    metal.write("stat", _stat("cpu 140 0 100 1060 48 0 0 0"))
    sample = host.sample(NOW + STEP)
    assert value_of(sample, "system.cpu.utilization") == pytest.approx(0.4)
    assert math.isnan(value_of(sample, 'system.cpu.utilization{mode="iowait"}'))


def _stat(first):
    rest = "\ncpu0 1\nintr 1 2\nctxt 1\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n"
    return first + rest


@pytest.mark.parametrize("jump", [timedelta(days=400), timedelta(days=-400)])
def test_a_clock_that_jumps_distorts_no_rate(metal, jump):
    hosts = [metal.host(), metal.host()]
    for host in hosts:
        host.sample(NOW)
    metal.move_to("1")
    plain, jumped = hosts[0].sample(NOW + STEP), hosts[1].sample(NOW + jump)
    assert jumped.at == NOW + jump
    assert jumped.layout == plain.layout
    # The free space is that of the host that runs the test: it may change meanwhile.
    still = [not name.startswith("system.filesystem") for name in plain.layout]
    assert np.array_equal(jumped.values[still], plain.values[still])


def test_without_an_uptime_there_are_gauges_and_no_rates(metal):
    host = metal.host()
    host.sample(NOW)
    metal.move_to("1")
    metal.write("uptime", "")
    sample = host.sample(NOW + STEP)
    assert math.isnan(value_of(sample, "system.linux.processes_created"))
    assert value_of(sample, "system.memory.utilization") == 0.75


def test_two_samples_at_one_uptime_have_no_rates(metal):
    host = metal.host()
    host.sample(NOW)
    sample = host.sample(NOW + STEP)
    assert math.isnan(value_of(sample, "system.linux.processes_created"))
    assert math.isnan(value_of(sample, "system.cpu.utilization"))


def test_a_closed_host_is_all_failures(metal):
    host = metal.host(Filters(temperature=False))
    layout = host.sample(NOW).layout
    host.close()
    host.close()
    sample = host.sample(NOW + timedelta(seconds=70))
    assert sample.layout is layout
    assert set(sample.failures) >= set(FILES.values())


def test_a_psutil_that_fails_is_a_failure_and_kinds_are_kept(monkeypatch):
    answers = [{"nvme": [_heat(40.0), _heat(61.5)], "acpitz": [_heat(27.0)], "x": []}]
    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: answers[-1])
    host = LocalHost()
    sample = host.sample(NOW)
    nvme = 'system.hardware.temperature{sensor="nvme"}'
    assert value_of(sample, nvme) == 61.5
    answers.append({"nvme": [_heat(70.0)]})
    assert value_of(host.sample(NOW + STEP), nvme) == 61.5
    later = host.sample(NOW + timedelta(seconds=60))
    assert value_of(later, nvme) == 70.0
    assert 'system.hardware.temperature{sensor="acpitz"}' not in later.layout
    answers.clear()
    failed = host.sample(NOW + timedelta(seconds=120))
    assert failed.failures == {"temperature": "IndexError: list index out of range"}
    assert math.isnan(value_of(failed, nvme))
    host.close()


def _heat(current):
    return SimpleNamespace(current=current)
