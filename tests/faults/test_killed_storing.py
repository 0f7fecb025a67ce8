"""Killed at any statement, the reports of a group are stored, or none of them is."""

import os
import subprocess
import sys
from pathlib import Path

from central.adapters.database import Database, SqlFleet, SqlReports
from central.adapters.database.tables import ALL
from tests.fakes.told import arrival
from tests.faults.killed_storing_child import BEFORE, GROUP

ROOT = Path(__file__).parents[2]
AT_MOST = 60
FEWEST = 12


def content(url):
    """Return all rows of all tables, but for the numbers that the database gives."""
    with Database.open(url) as database, database.reading() as connection:
        return {
            table.name: sorted(map(str, connection.execute(table.select()).all()))
            for table in ALL
        }


def lives(url):
    """Yield how each life ended, the n-th of which dies before its n-th statement."""
    command = [sys.executable, "-m", "tests.faults.killed_storing_child", url]
    with subprocess.Popen(  # noqa: S603 - our own program
        command,
        cwd=ROOT,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as process:
        for number in range(1, AT_MOST):
            process.stdin.write(f"{number}\n")
            yield process.stdout.readline().strip()
        process.kill()


def test_killed_at_any_statement_leaves_all_or_nothing(fleet_url):
    with Database.open(fleet_url) as database:
        SqlReports(database).store_many([arrival(each) for each in BEFORE])
    before = content(fleet_url)
    deaths = 0
    for end in lives(fleet_url):
        if end != "died":
            assert end == "lived 0"
            break
        deaths += 1
        assert content(fleet_url) == before
    assert FEWEST < deaths < AT_MOST
    with Database.open(fleet_url) as database:
        assert [
            (each.received_through, each.holes) for each in SqlFleet(database).hosts()
        ] == [(6, ((2, 2), (5, 5))), (1, ())]
        again = SqlReports(database).store_many([arrival(each) for each in GROUP])
    assert [getattr(each, "is_new", None) for each in again] == [
        False,
        False,
        None,
        False,
        False,
    ]
