"""Samples wait in the inbox until they are in a file; none is lost or comes twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from central.adapters.database import Database, SqlInbox, SqlReports
from tests.fakes.told import DAY, HOST, START, TASK, arrival, labelled, report

OTHER = "host-000002"
ALL = 10**6


@pytest.fixture
def database(fleet_url):
    with Database.open(fleet_url) as opened:
        yield opened


@pytest.fixture
def inbox(database):
    return SqlInbox(database)


@pytest.fixture
def send(database):
    def sent(sequence, samples, *, host_id=HOST):
        found = report(sequence, host_id=host_id, labelled=samples)
        SqlReports(database).store_many([arrival(found)])

    return sent


def names(batch):
    return [(row.host_id, row.sequence, row.place) for row in batch.rows]


def test_samples_come_as_they_were_sent(inbox, send):
    sent = labelled(3)
    send(7, sent)
    (batch,) = inbox.claim(limit=ALL)
    assert (batch.task, batch.day) == (TASK, DAY)
    assert names(batch) == [(HOST, 7, 0), (HOST, 7, 1), (HOST, 7, 2)]
    assert tuple(row.row for row in batch.rows) == sent.rows
    assert tuple(row.weight for row in batch.rows) == sent.weights


def test_a_batch_is_of_one_task_and_day_and_of_all_hosts(inbox, send):
    send(1, labelled(2, at=START - timedelta(seconds=1)))
    send(1, labelled(1, at=START), host_id=OTHER)
    send(2, labelled(1, task="other"), host_id=OTHER)
    found = {(each.task, each.day): names(each) for each in inbox.claim(limit=ALL)}
    assert found == {
        (TASK, DAY - timedelta(days=1)): [(HOST, 1, 0)],
        (TASK, DAY): [(HOST, 1, 1), (OTHER, 1, 0)],
        ("other", DAY): [(OTHER, 2, 0)],
    }


def test_what_was_claimed_and_not_cleared_comes_again_the_same(inbox, send):
    send(1, labelled(2))
    before = inbox.claim(limit=ALL)
    send(2, labelled(2))
    assert inbox.claim(limit=ALL) == before
    inbox.clear(before[0].id)
    (batch,) = inbox.claim(limit=ALL)
    assert names(batch) == [(HOST, 2, 0), (HOST, 2, 1)]


def test_what_is_held_at_once_does_not_grow_while_nothing_can_be_cleared(inbox, send):
    for sequence in range(1, 9):
        send(sequence, labelled(4, task=f"task-{sequence % 2}"))
        held = sum(len(batch.rows) for batch in inbox.claim(limit=8))
        assert held == 4
    for batch in inbox.claim(limit=8):
        inbox.clear(batch.id)
    many = inbox.claim(limit=8)
    assert [len(batch.rows) for batch in many] == [4, 4]
    assert inbox.claim(limit=4) == many[:1]


def test_what_is_cleared_is_gone_and_its_id_is_used_no_more(inbox, send):
    ids = []
    for sequence in (1, 2, 3):
        send(sequence, labelled(1))
        (batch,) = inbox.claim(limit=ALL)
        ids.append(batch.id)
        inbox.clear(batch.id)
        inbox.clear(batch.id)
        assert inbox.claim(limit=ALL) == ()
    assert len(set(ids)) == 3


def test_a_limit_keeps_what_one_report_brought_together(inbox, send):
    for sequence in range(1, 5):
        send(sequence, labelled(4))
    (batch,) = inbox.claim(limit=5)
    assert len(batch.rows) == 8
    inbox.clear(batch.id)
    (batch,) = inbox.claim(limit=1)
    assert {row.sequence for row in batch.rows} == {3}


def test_an_empty_inbox_gives_nothing(inbox):
    assert inbox.claim(limit=ALL) == ()


def test_some_that_claim_at_once_see_each_sample_in_one_batch(fleet_url, send):
    for sequence in range(1, 21):
        send(sequence, labelled(2))

    def claimed(_):
        with Database.open(fleet_url) as database:
            return SqlInbox(database).claim(limit=9)

    with ThreadPoolExecutor(4) as pool:
        found = [batch for part in pool.map(claimed, range(4)) for batch in part]
    batches = {batch.id: batch for batch in found}
    assert all(batch == batches[batch.id] for batch in found)
    rows = [name for batch in batches.values() for name in names(batch)]
    assert len(rows) == len(set(rows)) == 10
