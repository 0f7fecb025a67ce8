"""Which devices a host counts: each once, and only those that can be in trouble."""

import math
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.adapters.host.filesystem import Filesystems
from agent.adapters.host.filters import Filters
from agent.adapters.host.host import LocalHost
from agent.adapters.host.mounts import mountpoints

GOLDEN = Path(__file__).parents[1] / "golden"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(seconds=60)
OFF = Filters(temperature=False)


def _mountpoints(tree, **chosen):
    text = (GOLDEN / tree / "0" / "self" / "mountinfo").read_bytes()
    patterns = {name: re.compile(each) for name, each in chosen.items()}
    return mountpoints(b"\n" + text, Filters(**patterns))


def test_a_file_system_is_counted_once_at_its_shortest_path():
    # The agent sees / as read-only: it runs under ProtectSystem=strict.
    expected = ("/", "/boot/efi", "/exports", "/mnt/windows")
    assert _mountpoints("proc-metal") == expected


def test_a_space_in_a_path_is_decoded():
    kept = _mountpoints("proc-metal", exclude_mountpoints="/exports")
    assert "/srv/my archive" in kept


def test_a_network_file_system_is_measured_if_asked_for():
    kept = _mountpoints("proc-metal", exclude_filesystems="^(proc|fuse)")
    assert "/mnt/nfs" in kept
    assert "/home/ann/remote" not in kept


def test_a_read_only_file_system_is_not_measured():
    kept = _mountpoints("proc-metal", exclude_filesystems="^$")
    assert "/media/cdrom" not in kept
    assert "/snap/core/1" not in kept


def test_a_root_that_is_all_there_is_is_kept_although_read_only():
    line = b"\n1 0 7:0 / / ro - squashfs /dev/loop0 ro\n"
    assert mountpoints(line, Filters()) == ("/",)


def test_the_root_can_be_excluded_by_its_path():
    assert "/" not in _mountpoints("proc-metal", exclude_mountpoints="^/$")


def test_of_two_mounts_on_one_path_the_later_is_seen():
    lines = b"\n1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / /a rw - ext4 b rw\n"
    covered = lines + b"3 1 0:9 / /a rw - nfs filer:/ rw\n"
    assert mountpoints(lines, Filters()) == ("/", "/a")
    assert mountpoints(covered, Filters()) == ("/",)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("sda", True), ("sdaa", True), ("sda1", False), ("sdaa12", False),
        ("nvme0n1", True), ("nvme0n1p3", False), ("nvme0c0n1", False),
        ("mmcblk0", True), ("mmcblk0p2", False), ("mmcblk0boot1", False),
        ("vda", True), ("xvda", True), ("xvda1", False), ("md0", True),
        ("md127p1", False), ("dm-0", False), ("loop3", False), ("zram0", False),
        ("sr0", False), ("rbd0", True), ("drbd1", True), ("bcache0", True),
    ],
)  # fmt: skip
def test_whole_disks_are_kept(name, kept):
    assert (not Filters().exclude_devices.search(name)) is kept


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("eth0", True), ("enp3s0f1", True), ("wlan0", True), ("bond0", True),
        ("eth0.100", True), ("br0", True), ("wg0", True), ("tun0", True),
        ("lo", False), ("veth12ab34c", False), ("docker0", False),
        ("br-3fd1c2", False), ("virbr0", False), ("cali12", False),
        ("flannel.1", False), ("ifb0", False), ("dummy0", False),
    ],
)  # fmt: skip
def test_interfaces_of_the_host_are_kept(name, kept):
    assert (not Filters().exclude_interfaces.search(name)) is kept


def test_a_pattern_that_finds_nothing_excludes_nothing():
    nothing = re.compile("^$")
    host = LocalHost(
        proc=GOLDEN / "proc-metal" / "0",
        filters=Filters(
            exclude_devices=nothing, exclude_interfaces=nothing, temperature=False
        ),
    )
    layout = host.sample(NOW).layout
    host.close()
    assert 'system.disk.io{device="sda1",direction="read"}' in layout
    assert 'system.network.io{direction="receive",interface="lo"}' in layout


def test_a_disk_that_was_never_used_is_no_series():
    host = LocalHost(proc=GOLDEN / "proc-metal" / "0", filters=OFF)
    layout = host.sample(NOW).layout
    host.close()
    used = {re.findall(r'device="(.*?)"', n)[0] for n in layout if "disk.io{" in n}
    assert used == {"nvme0n1", "sda", "md127"}


@pytest.fixture
def disks(tmp_path):
    (tmp_path / "uptime").write_text("10.00 1\n")
    stats = tmp_path / "diskstats"
    stats.write_text(_row("sda", 1))
    host = LocalHost(proc=tmp_path, filters=OFF)
    yield host, stats
    host.close()


def _row(name, count):
    return f"8 0 {name} {count} 0 8 0 {count} 0 8 0 0 0 0\n"


def test_a_device_is_seen_within_a_minute_and_a_gap_until_it_is_forgotten(disks):
    host, stats = disks
    first = host.sample(NOW)
    stats.write_text(_row("sdb", 1))
    between = host.sample(NOW + MINUTE / 2)
    assert between.layout is first.layout
    assert all(map(math.isnan, between.values[1:]))
    assert not between.failures
    after = host.sample(NOW + MINUTE)
    assert len(after.layout) == len(first.layout)
    assert all('device="sdb"' in name for name in after.layout[1:])


def test_a_device_that_comes_back_starts_anew(disks):
    host, stats = disks
    host.sample(NOW)
    stats.write_text("")
    assert host.sample(NOW + MINUTE).layout == ("system.uptime",)
    stats.write_text(_row("sda", 9000))
    (stats.parent / "uptime").write_text("130.00 1\n")
    assert all(map(math.isnan, host.sample(NOW + 2 * MINUTE).values[1:]))


def test_the_list_is_read_again_after_the_clock_was_set_back(disks):
    host, stats = disks
    host.sample(NOW)
    stats.write_text(_row("sda", 1) + _row("sdb", 1))
    assert len(host.sample(NOW - timedelta(hours=3)).layout) == 1 + 2 * 6


@pytest.fixture
def filesystems(tmp_path, monkeypatch):
    """Two file systems; `asked` says what the kernel answers for each."""
    (tmp_path / "self").mkdir()
    info = tmp_path / "self" / "mountinfo"
    info.write_text("1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / /a rw - btrfs b rw\n")
    asked = {"/": _space(files=1000), "/a": _space(files=0)}
    monkeypatch.setattr(os, "statvfs", lambda path: _answer(asked[path]))
    collector = Filesystems(tmp_path, Filters())
    yield collector, asked, info
    collector.close()


def _space(*, files, blocks=1000):
    return os.statvfs_result((
        4096, 4096, blocks, blocks // 2, blocks // 4, files, files // 4, 0, 0, 255,
    ))  # fmt: skip


def _answer(answer):
    if isinstance(answer, OSError):
        raise answer
    return answer


def test_space_is_what_df_prints(filesystems):
    reading = filesystems[0].read(NOW, uptime_s=1.0)
    used, free = 500 * 4096, 250 * 4096
    assert reading.values == [2 / 3, used, free, 0.75, 2 / 3, used, free]
    assert not any("inodes" in n and '"/a"' in n for n in reading.layout)


def test_one_file_system_that_cannot_be_asked_is_a_gap_of_its_own(filesystems):
    collector, asked, _ = filesystems
    first = collector.read(NOW, uptime_s=1.0)
    asked["/a"] = OSError(5, "Input/output error", "/a")
    reading = collector.read(NOW + 2 * MINUTE, uptime_s=2.0)
    assert reading.layout is first.layout
    assert reading.failure == "[Errno 5] Input/output error: '/a'"
    assert reading.values[0] == 2 / 3
    assert all(map(math.isnan, reading.values[4:]))


@pytest.mark.parametrize("answer", [OSError(13, "no"), _space(files=0, blocks=0)])
def test_what_has_no_space_or_may_not_be_asked_is_no_series(filesystems, answer):
    collector, asked, _ = filesystems
    asked["/a"] = answer
    reading = collector.read(NOW, uptime_s=1.0)
    assert len(reading.layout) == len(reading.values) == 4
    assert not reading.failure


def test_a_file_system_that_shrinks_to_nothing_is_a_gap(filesystems):
    collector, asked, _ = filesystems
    collector.read(NOW, uptime_s=1.0)
    asked["/"] = _space(files=0, blocks=0)
    values = collector.read(NOW, uptime_s=2.0).values
    assert math.isnan(values[0])
    assert math.isnan(values[3])


def test_a_new_mount_is_seen_within_a_minute(filesystems):
    collector, asked, info = filesystems
    collector.read(NOW, uptime_s=1.0)
    asked["/b"] = _space(files=10)
    info.write_text(info.read_text() + "3 1 8:3 / /b rw - ext4 c rw\n")
    assert len(collector.read(NOW + MINUTE / 2, uptime_s=2.0).layout) == 7
    assert len(collector.read(NOW + MINUTE, uptime_s=3.0).layout) == 11
