"""An inbox and a dataset in memory, and samples to fill them with."""

from datetime import UTC, datetime, timedelta
from itertools import count, groupby

import numpy as np

from agent.core.envelope import LabelledRow
from central.core.samples import Samples
from central.ports.dataset import Batch, InboxRow, Stock

DAY = datetime(2026, 5, 4, tzinfo=UTC)
RELEASE = "a" * 64


def sample(number, *, host="host-0001", day=0, width=3, **changes):
    """Return one sample; the number says all about it."""
    row = LabelledRow(
        task="cpu",
        release=RELEASE,
        entity="/",
        at=DAY + timedelta(days=day, seconds=10 * number),
        label=float(number % 4 == 0),
        baseline=(0.25,),
        active=(0.5,) if number % 2 else (),
        features=(None, *(number + place / 10 for place in range(1, width))),
    )
    fields = {name: getattr(row, name) for name in row.__struct_fields__}
    return InboxRow(
        host_id=host,
        sequence=1 + number // 5,
        place=number % 5,
        row=LabelledRow(**{**fields, **changes}),
        weight=1.0 + number % 3,
    )


def batch(numbers, *, id_=1, day=0, **changes):
    """Return a batch of the samples of these numbers."""
    rows = tuple(sample(number, day=day, **changes) for number in numbers)
    return Batch(id=id_, task=rows[0].row.task, day=rows[0].row.at.date(), rows=rows)


def key(row):
    return row.row.task, row.host_id, row.sequence, row.place


class MemoryInbox:
    """Samples that wait; `rows` come in, `claimed` have a batch and are not cleared."""

    def __init__(self, rows=()):
        self.rows = list(rows)
        self.claimed = {}
        self._ids = count(1)

    def claim(self, *, limit):
        if self.claimed:
            return list(self.claimed.values())
        new, self.rows = self.rows[:limit], self.rows[limit:]

        def place(row):
            return row.row.task, row.row.at.date()

        for (task, day), rows in groupby(sorted(new, key=place), key=place):
            number = next(self._ids)
            self.claimed[number] = Batch(
                id=number, task=task, day=day, rows=tuple(rows)
            )
        return list(self.claimed.values())

    def clear(self, batch):
        self.claimed.pop(batch, None)


class MemoryDataset:
    """A dataset without files."""

    def __init__(self):
        self.rows = {}

    def add(self, batch):
        self.rows.update({key(row): row for row in batch.rows})

    def compact(self, *, before):
        return 0

    def tasks(self):
        return tuple(sorted({row.row.task for row in self.rows.values()}))

    def releases(self, task):
        return tuple(sorted({row.row.release for row in self._of(task)}))

    def stock(self):
        return tuple(self._stock_of(task) for task in self.tasks())

    def parts(self, task, *, releases, width=None, since=None, until=None):
        return (lambda: self.read(task, releases=releases, since=since, until=until),)

    def read(self, task, *, releases, since=None, until=None):
        found = [
            row
            for row in self._of(task)
            if row.row.release in releases
            and (since is None or row.row.at >= since)
            and (until is None or row.row.at < until)
        ]
        return samples_of(found)

    def _of(self, task):
        rows = (row for row in self.rows.values() if row.row.task == task)
        return sorted(rows, key=lambda row: (row.row.at, *key(row)))

    def _stock_of(self, task):
        rows = self._of(task)
        days = {row.row.at.date() for row in rows}
        labels = [row.row.label for row in rows]
        return Stock(
            task=task,
            rows=len(rows),
            events=int(sum(labels)) if set(labels) <= {0, 1} else None,
            hosts=len({row.host_id for row in rows}),
            releases=len(self.releases(task)),
            first=min(days),
            last=max(days),
            days=len(days),
            files=0,
            size_bytes=0,
        )


def samples_of(rows):
    """Return sent rows as training has them."""
    width = len(rows[0].row.features) if rows else 0
    outputs = len(rows[0].row.baseline) if rows else 0
    nothing = (np.nan,) * outputs
    return Samples(
        features=np.array(
            [[np.nan if v is None else v for v in row.row.features] for row in rows],
            dtype=np.float32,
        ).reshape(len(rows), width),
        label=np.array([row.row.label for row in rows], dtype=np.float64),
        weight=np.array([row.weight for row in rows], dtype=np.float64),
        baseline=np.array([row.row.baseline for row in rows], dtype=np.float64).reshape(
            len(rows), outputs
        ),
        active=np.array(
            [row.row.active or nothing for row in rows], dtype=np.float64
        ).reshape(len(rows), outputs),
        at=np.array([row.row.at.timestamp() for row in rows], dtype=np.float64),
        host=np.array([row.host_id for row in rows], dtype=np.str_),
        entity=np.array([row.row.entity for row in rows], dtype=np.str_),
        release=np.array([row.row.release for row in rows], dtype=np.str_),
    )
