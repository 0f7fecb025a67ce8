"""Stores reports, told by `test_killed_storing` to die before its n-th statement.

Its arguments are the database's URL and the number; it prints how many statements were
executed if it lived to the end. Each life is a fork, so that a thousand cost little.
"""

import os
import signal
import sys

from sqlalchemy import event

from central.adapters.database import Database, SqlReports
from tests.fakes.told import arrival, full_report, report

# A hole is filled, a number comes again, another host is new.
BEFORE = (full_report(1, samples=2), full_report(4, samples=2))
GROUP = (
    full_report(3, samples=2),
    full_report(4, samples=2),
    report(4, agent="2.0"),
    full_report(6, samples=2),
    full_report(1, host_id="host-000002", samples=2),
)
MARK = b"."


def stored(url, *, dies_before):
    """Store the group; return how many statements and commits that took."""
    executed = 0

    def count(*_):
        nonlocal executed
        executed += 1
        if executed == dies_before:
            os.kill(os.getpid(), signal.SIGKILL)

    with Database.open(url) as database:
        event.listen(database.engine, "before_cursor_execute", count, retval=False)
        event.listen(database.engine, "commit", count)
        SqlReports(database).store_many([arrival(each) for each in GROUP])
    return executed


def main():
    """Read numbers; for each, live one life and tell how it ended."""
    url = sys.argv[1]
    for line in sys.stdin:
        child = os.fork()
        if not child:
            stored(url, dies_before=int(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print("died" if os.WIFSIGNALED(status) else f"lived {status}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
