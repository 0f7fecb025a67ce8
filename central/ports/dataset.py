"""Where labelled samples come in, and where they are kept for training."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from agent.core.envelope import LabelledRow
from central.core.samples import Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxRow:
    """One labelled sample, as a report brought it.

    Attributes:
        host_id: Who sent it.
        sequence: In which of its reports.
        place: Among the samples of that report; the three name a sample for good.
        row: The sample.
        weight: For how many resolved moments it stands.
    """

    host_id: str
    sequence: int
    place: int
    row: LabelledRow
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Samples of one task and UTC day that become one file.

    Attributes:
        id: Never used for other samples.
        day: On which all of them were predicted.
    """

    id: int
    task: str
    day: date
    rows: tuple[InboxRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """What there is of one task; a sample that is in two files counts once.

    Attributes:
        rows: Samples.
        events: Those that happened; None where labels are values.
        hosts: How many have sent them.
        releases: How many manifests' features there are.
        first: The first day on which one was predicted.
        last: The last such day.
        days: On how many days.
        files: In how many files.
        size_bytes: Of these.
    """

    task: str
    rows: int
    events: int | None
    hosts: int
    releases: int
    first: date
    last: date
    days: int
    files: int
    size_bytes: int


class Inbox(Protocol):
    """Samples that are stored with their reports, and in no file yet."""

    def claim(self, *, limit: int) -> Sequence[Batch]:
        """Return what is to become files: new batches once all others are cleared.

        So what is held at once stays bounded, however long files cannot be written.

        A batch holds the same samples each time it is returned, so a file that was
        written before a crash is written again, byte for byte.

        Args:
            limit: Samples in all; what one report brought of a task and day stays
                together, and so does a batch, so there may be some more.
        """
        ...

    def clear(self, batch: int) -> None:
        """Forget a batch: it is in its file for good."""
        ...


class Part(Protocol):
    """Some of what a dataset holds; can be sent to another machine and read there."""

    def __call__(self) -> Samples:
        """Return the samples, by time, each once.

        Raises:
            UnavailableError: The files cannot be read now.
            StateError: One of them is damaged; names it.
        """
        ...


class Dataset(Protocol):
    """Labelled samples in files that any engine reads, by task and day."""

    def add(self, batch: Batch) -> None:
        """Write a batch as one file; the same batch again changes nothing.

        Raises:
            UnavailableError: The files cannot be written now; no half file is seen.
        """
        ...

    def compact(self, *, before: date) -> int:
        """Make one file of each earlier day of a task; return how many files went."""
        ...

    def tasks(self) -> tuple[str, ...]:
        """Return the tasks of which there are samples, by name."""
        ...

    def releases(self, task: str) -> tuple[str, ...]:
        """Return the digests of the manifests whose features there are, sorted."""
        ...

    def stock(self) -> tuple[Stock, ...]:
        """Return what there is of each task, by name."""
        ...

    def parts(
        self,
        task: str,
        *,
        releases: Collection[str],
        width: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Sequence[Part]:
        """Return what `read` returns, a day each, to be read elsewhere.

        Args:
            task: Whose samples.
            releases: With the features of these manifests, by digest.
            width: Features of a row; None: as many as most have.
            since: Predicted then or later; None: ever.
            until: Predicted before; None: ever.

        Raises:
            UnavailableError: The files cannot be listed now.
        """
        ...

    def read(
        self,
        task: str,
        *,
        releases: Collection[str],
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Samples:
        """Return a task's samples with the features of these manifests, by time.

        A sample that is in two files comes once; one that has not as many features as
        most, not at all.

        Raises:
            UnavailableError: The files cannot be read now.
            StateError: One of them is damaged; names it.
        """
        ...
