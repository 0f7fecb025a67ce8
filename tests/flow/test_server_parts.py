"""The server's threads: one writer for all reports, one for what is done beside."""

from contextlib import closing, contextmanager
from threading import Event

import pytest

from central.core.answer import Answer, Verdict
from central.server.chores import Chore, Chores
from central.server.writer import Writer
from tests.fakes.commands import eventually
from tests.fakes.told import arrival, report

PATIENCE_S = 10


class Disk:
    """Stores when it is let; keeps what came together."""

    def __init__(self):
        self.groups = []
        self.may_go_on = Event()
        self.trouble = []

    def store(self, arrivals):
        self.groups.append([each.envelope.sequence for each in arrivals])
        assert self.may_go_on.wait(PATIENCE_S)
        if self.trouble:
            raise self.trouble.pop()
        return [
            Answer(verdict=Verdict.TAKEN, received_through=each.envelope.sequence)
            for each in arrivals
        ]


@contextmanager
def writing(disk):
    with closing(Writer(disk.store)) as writer:
        writer.start()
        yield writer


def puts(writer, *numbers):
    return [writer.put(arrival(report(number))) for number in numbers]


def answers(futures):
    return [each.result(PATIENCE_S).received_through for each in futures]


def test_what_comes_during_a_commit_shares_the_next_and_each_gets_its_answer():
    disk = Disk()
    with writing(disk) as writer:
        first = puts(writer, 1)
        eventually(lambda: disk.groups)
        others = puts(writer, 2, 3, 4)
        assert not any(each.done() for each in (*first, *others))
        disk.may_go_on.set()
        assert answers([*first, *others]) == [1, 2, 3, 4]
    assert disk.groups == [[1], [2, 3, 4]]


def test_no_transaction_is_larger_than_it_may_be():
    disk = Disk()
    with writing(disk) as writer:
        puts(writer, 1)
        eventually(lambda: disk.groups)
        puts(writer, *range(2, 102))
        disk.may_go_on.set()
    assert [len(each) for each in disk.groups] == [1, 64, 36]


def test_what_waits_at_the_end_is_stored():
    disk = Disk()
    disk.may_go_on.set()
    with writing(disk) as writer:
        futures = puts(writer, *range(1, 200))
    assert answers(futures) == list(range(1, 200))


def test_what_nobody_foresaw_is_told_to_those_it_hit_and_the_next_are_stored():
    disk = Disk()
    disk.may_go_on.set()
    disk.trouble.append(ZeroDivisionError("no"))
    with writing(disk) as writer:
        (bad,) = puts(writer, 1)
        with pytest.raises(ZeroDivisionError):
            bad.result(PATIENCE_S)
        assert answers(puts(writer, 2)) == [2]


def test_a_chore_is_done_again_in_its_time_and_one_that_fails_stops_no_other(caplog):
    now_s, done = [0.0], []

    def fails():
        done.append("fails")
        raise OSError("away")

    chores = [
        Chore(name="fails", every_s=100.0, do=fails),
        Chore(name="often", every_s=0.5, do=lambda: done.append("often")),
    ]
    with closing(Chores(chores, clock_s=lambda: now_s[0], beat_s=0.01)) as working:
        working.start()
        now_s[0] = 0.02
        eventually(lambda: done == ["fails", "often"])
        now_s[0] = 0.4
        Event().wait(0.1)
        assert done == ["fails", "often"]
        now_s[0] = 1.0
        eventually(lambda: len(done) == 3)
        now_s[0] = 200.0
        eventually(lambda: len(done) == 5)
    assert sorted(done) == ["fails"] * 2 + ["often"] * 3
    assert 'chore_failed name=fails error="OSError: away"' in caplog.text


def test_chores_end_before_the_next_one():
    begun = Event()
    later = []

    def first():
        begun.set()
        assert ending.wait(PATIENCE_S)

    ending = Event()
    chores = [
        Chore(name="first", every_s=1.0, do=first),
        Chore(name="later", every_s=1.0, do=lambda: later.append(1)),
    ]
    working = Chores(chores, clock_s=lambda: 1000.0, beat_s=0.0)
    working.start()
    assert begun.wait(PATIENCE_S)
    working.end()
    ending.set()
    working.close()
    assert later == []
