"""From the inbox into files: exactly once in effect, whenever somebody dies."""

from datetime import timedelta

import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed")

from agent.errors import UnavailableError
from central.adapters.dataset import opened
from central.flows.shelve import shelve
from tests.fakes.dataset import (
    DAY,
    RELEASE,
    MemoryDataset,
    MemoryInbox,
    sample,
    samples_of,
)

TOMORROW = DAY.date() + timedelta(days=1)


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


class Mortal:
    """Passes calls on, and dies before or after the n-th."""

    def __init__(self, inner, *, lives, dies_after):
        self.inner, self.lives, self.dies_after = inner, lives, dies_after

    def __getattr__(self, name):
        def call(*args, **kwargs):
            self.lives[0] -= 1
            if self.lives[0] == 0 and not self.dies_after:
                raise Killed
            found = getattr(self.inner, name)(*args, **kwargs)
            if self.lives[0] == 0:
                raise Killed
            return found

        return call


@pytest.fixture(params=["memory", "folder"])
def dataset(request, tmp_path):
    return MemoryDataset() if request.param == "memory" else opened(str(tmp_path))


def kept(dataset):
    return len(dataset.read("cpu", releases=[RELEASE]))


def test_what_waits_is_moved_a_day_a_file(dataset):
    inbox = MemoryInbox([sample(n) for n in range(10)])
    assert shelve(inbox, dataset, limit=100) == 10
    assert (kept(dataset), inbox.rows, inbox.claimed) == (10, [], {})


def test_an_empty_inbox_moves_nothing(dataset):
    assert shelve(MemoryInbox(), dataset, limit=100) == 0
    assert dataset.tasks() == ()


def test_no_more_is_claimed_than_the_limit(dataset):
    inbox = MemoryInbox([sample(n) for n in range(10)])
    assert [shelve(inbox, dataset, limit=4) for _ in range(4)] == [4, 4, 2, 0]
    assert kept(dataset) == 10


@pytest.mark.parametrize("dies_after", [True, False])
@pytest.mark.parametrize("step", range(1, 6))
@pytest.mark.parametrize("is_compacted", [True, False])
def test_killed_at_any_step_loses_and_doubles_nothing(
    is_compacted, step, dies_after, tmp_path
):
    dataset, lives = opened(str(tmp_path)), [step]
    inbox = MemoryInbox(
        [
            *(sample(n, host="host-0001") for n in range(10)),
            *(sample(n, host="host-0002", day=1) for n in range(10)),
        ]
    )
    with pytest.raises(Killed):
        shelve(
            Mortal(inbox, lives=lives, dies_after=dies_after),
            Mortal(dataset, lives=lives, dies_after=dies_after),
            limit=100,
        )
    if is_compacted:
        dataset.compact(before=TOMORROW)
    while shelve(inbox, dataset, limit=100):
        pass
    assert dataset.stock()[0].rows == 20
    assert (inbox.rows, inbox.claimed) == ([], {})


def test_what_cannot_be_written_waits(tmp_path):
    (tmp_path / "file").write_text("in the way")
    inbox = MemoryInbox([sample(n) for n in range(10)])
    with pytest.raises(UnavailableError):
        shelve(inbox, opened(str(tmp_path / "file")), limit=100)
    (tmp_path / "file").unlink()
    dataset = opened(str(tmp_path / "file"))
    assert shelve(inbox, dataset, limit=100) == 10
    found = dataset.read("cpu", releases=[RELEASE])
    assert list(found.at) == list(samples_of([sample(n) for n in range(10)]).at)
