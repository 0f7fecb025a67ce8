"""The server's threads: one writer for all reports, one for what is done beside."""

import asyncio
import gzip
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from central.config import Serve
from central.core.answer import Answer, Verdict
from central.ports.fleet import Stored
from central.server.chores import Chore, Chores
from central.server.intake import LiveIntake
from central.server.turns import Most, Turns
from central.server.writer import Writer
from central.wiring.serving import Serving
from tests.fakes.central import packed
from tests.fakes.commands import eventually
from tests.fakes.told import HOST, START, arrival, full_report, report

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


def test_a_report_whose_answer_nobody_waits_for_stops_no_other():
    disk = Disk()
    with writing(disk) as writer:
        first = puts(writer, 1)
        eventually(lambda: disk.groups)
        (given_up, *others) = puts(writer, 2, 3)
        assert given_up.cancel()
        assert not first[0].cancel()
        disk.may_go_on.set()
        assert answers([*first, *others]) == [1, 3]
        (alone,) = puts(writer, 4)
        alone.cancel()
        assert answers(puts(writer, 5)) == [5]


def test_what_was_not_begun_in_time_is_not_understood_beside_what_is():
    async def live():
        turns, order = Turns(Most(at_once=10, waiting=40)), []
        tasks = [asyncio.create_task(comes(turns, n, order)) for n in (8, 12, 2, 18, 3)]
        await asyncio.gather(*tasks)
        return order, await comes(turns, 40, [])

    async def comes(turns, length, order):
        async with turns.turn(length) as is_ours:
            order.append(length if is_ours else -length)
            await asyncio.sleep(0.01)
            order.append("end")
        return is_ours

    assert asyncio.run(live()) == (
        [8, -3, "end", "end", 12, "end", 2, "end", 18, "end"],
        True,
    )


def test_a_turn_that_is_given_up_is_the_next_ones():
    async def live():
        turns = Turns(Most(at_once=10, waiting=40))

        async def comes(length):
            async with turns.turn(length) as is_ours:
                await asyncio.sleep(0.01)
                return is_ours

        tasks = [asyncio.create_task(comes(10)) for _ in range(4)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        return [found[0], *found[2:], await comes(40)]

    assert asyncio.run(live()) == [True] * 4


def test_reports_that_come_together_are_understood_within_bounds():
    disk = Disk()
    bodies = [packed(full_report(number, samples=20)) for number in range(1, 6)]
    length = max(len(gzip.decompress(body)) for body in bodies)
    most = Most(at_once=2 * length, waiting=4 * length)

    async def live(intake):
        tasks = [
            asyncio.create_task(intake.take(body, host_id=HOST)) for body in bodies
        ]
        # Nothing is stored yet, so it is the one for which there is no room.
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        disk.may_go_on.set()
        return await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_S)

    with closing(LiveIntake(serving(disk), most=most)) as intake:
        verdicts = [each.verdict for each in asyncio.run(live(intake))]
    assert sorted(verdicts) == [Verdict.BUSY] + [Verdict.TAKEN] * 4
    assert max(map(len, disk.groups)) <= 2
    assert sum(map(len, disk.groups)) == 4


def test_what_is_refused_before_it_is_stored_is_told():
    with closing(LiveIntake(serving(Disk()))) as intake:
        for body in (b"no gzip", gzip.compress(b"{}")):
            answer = asyncio.run(intake.take(body, host_id=HOST))
            assert answer.verdict == Verdict.MALFORMED


def serving(disk):
    """Return what a server works with that has a disk, and nothing else."""

    class Reports:
        def store_many(self, arrivals):
            return [
                Stored(received_through=each.received_through, is_new=True)
                for each in disk.store(arrivals)
            ]

    return Serving(
        folder=Path("nowhere"),
        reports=Reports(),
        enrolment=None,
        fleet=None,
        limits=Serve(),
        compact_every_s=1.0,
        keep=timedelta(1),
        now=lambda: START,
        draw=lambda: "secret",
    )


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
