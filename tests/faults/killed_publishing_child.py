"""A change of a repository, told by `test_killed_publishing` to die at each write.

For each write of the change it copies the repository, and dies in the copy right before
that write. It prints how many copies there are; the last one was completed.
"""

import os
import shutil
import sys
from itertools import count
from pathlib import Path

from central.flows import keys
from central.flows.found import add_task
from central.flows.refresh import refresh
from central.flows.sign import sign
from central.wiring.repository import opened
from tests.fakes.keyholders import NOW, POINTER, approve, founded

WRITES = ("os.rename", "os.remove", "os.mkdir", "os.chmod")
AT_MOST = 400
ONE_KEY = dict.fromkeys(("root", "targets", "release", "approve"), (1, 1))
KILLED = 9


def rotate(folder, role):
    with opened(folder, now=NOW) as desk:
        desk.keyring.generate("alice")
        change = {"old": f"{role}-1", "new": "alice"}
        return keys.rotate(desk, role, keyring=desk.keyring, **change).waiting


def publish(folder):
    with opened(folder, now=NOW) as desk:
        desk.put("release-cpu", path="models/cpu/2/model.onnx", content=b"2" * 70_000)
        desk.put("approve-cpu", path=POINTER, content=b"[]")
        return desk.publish()


def add(folder):
    with opened(folder, now=NOW) as desk:
        if "disk" in desk.tasks():
            return desk.publish()
        return add_task(desk, "disk", keyring=desk.keyring, policy=desk.policy).waiting


def complete(folder):
    with opened(folder, now=NOW) as desk:
        return sign(desk).waiting


def renew(folder):
    with opened(folder, now=NOW) as desk:
        return refresh(desk, now=NOW, is_forced=True).waiting


def found(folder):
    return founded(folder, counts=ONE_KEY).waiting


CHANGES = {
    "found": found,
    "publish": publish,
    "task": add,
    "sign": complete,
    "refresh": renew,
    "wait": lambda folder: approve(folder, b"[]"),
    "rotate_root": lambda folder: rotate(folder, "root"),
    "rotate_targets": lambda folder: rotate(folder, "targets"),
    "rotate_timestamp": lambda folder: rotate(folder, "timestamp"),
    "rotate_lost": lambda folder: rotate(folder, "timestamp"),
    "rotate_approve": lambda folder: rotate(folder, "approve-cpu"),
}


def die_at(number):
    """End this process, as a power switch does, right before a write."""
    left = iter(range(number))

    def look(event, arguments):
        is_write = event in WRITES or (event == "open" and _creates(arguments))
        if is_write and next(left, None) is None:
            os._exit(KILLED)

    sys.addaudithook(look)


def _creates(arguments):
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & os.O_CREAT)


def main(change, base, out):
    for number in count():
        assert number < AT_MOST, "it never ends"
        copy = Path(out, str(number), "fleet")
        copy.parent.mkdir(parents=True)
        if Path(base).exists():
            shutil.copytree(base, copy)
        child = os.fork()
        if child == 0:
            os.fsync = lambda _: None  # a death leaves what was written; it only waits
            die_at(number)
            CHANGES[change](copy)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status == 0:
            print(number + 1)  # noqa: T201 - what the test reads
            return
        assert os.waitstatus_to_exitcode(status) == KILLED


if __name__ == "__main__":
    main(*sys.argv[1:])
