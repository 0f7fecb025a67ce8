"""Which file systems, disks and interfaces are measured; every default can be set."""

import re
from dataclasses import dataclass


def _whole(pattern: str) -> re.Pattern[str]:
    return re.compile(f"^(?:{pattern})$")


# What holds no data of its own, cannot fill up, or shows another one's numbers.
VIRTUAL_FILESYSTEMS = frozenset({
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs",
    "devpts", "devtmpfs", "ecryptfs", "efivarfs", "erofs", "fusectl", "hugetlbfs",
    "iso9660", "mqueue", "nsfs", "overlay", "proc", "pstore", "ramfs", "rootfs",
    "rpc_pipefs", "securityfs", "selinuxfs", "squashfs", "sysfs", "tmpfs", "tracefs",
})  # fmt: skip

# Asking one of these may wait for another machine, or another program, for ever.
# "fuse" also stands for fuse.sshfs, fuse.glusterfs and the like, not for fuseblk.
REMOTE_FILESYSTEMS = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "coda", "fuse", "gfs2", "glusterfs",
    "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "smb3", "smbfs", "virtiofs",
})  # fmt: skip

_FILESYSTEMS = _whole(
    rf"({'|'.join(sorted(VIRTUAL_FILESYSTEMS | REMOTE_FILESYSTEMS))})(\..+)?"
)

# Containers bind single files, and mount a file system for each of themselves.
_MOUNTPOINTS = _whole(
    r"/(dev|proc|sys|run|snap)/.+"
    r"|/etc/(hosts|hostname|resolv\.conf)"
    r"|/var/lib/(docker|containers|containerd|kubelet|lxcfs)/.+"
    r"|/var/snap/.+"
)

# Partitions; what lives in memory or in a file; dm-N, whose numbers change from boot
# to boot and whose traffic its disks show; hidden paths of an NVMe device.
_DEVICES = _whole(
    r"(loop|ram|zram|fd|sr|nbd|dm-)\d+.*"
    r"|(h|s|v|xv)d[a-z]+\d+"
    r"|nvme\d+(c\d+n\d+.*|n\d+p\d+)"
    r"|mmcblk\d+(p\d+|boot\d+|rpmb)"
    r"|md\d+p\d+"
)

# Containers' and virtual machines' ends of wires, their bridges, and tunnels that
# modules make and nobody uses. Kept: bonds, VLANs, br0, VPNs (tun0, wg0).
_INTERFACES = _whole(
    r"lo|(dummy|ifb|sit|gre|gretap|erspan|ip6tnl|ip6gre|ip_vti|ip6_vti|tunl|teql)\d+"
    r"|(veth|vnet|tap|cali|cni|lxc|flannel|cilium|nodelocaldns|kube-|vxlan).*"
    r"|(docker|virbr|lxdbr|podman|docker_gwbridge|ovs-).*|br-.*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What is left out: what an expression finds anywhere in the name (`re.search`).

    Attributes:
        exclude_mountpoints: By default what containers and the kernel mount.
        exclude_filesystems: Types. The root is measured whatever its type if it can be
            written, or if nothing else is.
        exclude_devices: By default partitions, and what lives in memory or a file.
        exclude_interfaces: By default loopback and containers' ends of wires.
        temperature: Read the sensors, once a minute.
        process_status: Count sleeping, idle, stopped and zombie processes, once a
            minute: 20 us a process.
    """

    exclude_mountpoints: re.Pattern[str] = _MOUNTPOINTS
    exclude_filesystems: re.Pattern[str] = _FILESYSTEMS
    exclude_devices: re.Pattern[str] = _DEVICES
    exclude_interfaces: re.Pattern[str] = _INTERFACES
    temperature: bool = True
    process_status: bool = False
