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
    """

    id: int
    task: str
    day: date
    rows: tuple[InboxRow, ...]


class Inbox(Protocol):
    """Samples that are stored with their reports, and in no file yet."""

    def claim(self, *, limit: int) -> Sequence[Batch]:
        """Return what is to become files: what was claimed and not cleared comes first.

        A batch holds the same samples each time it is returned, so a file that was
        written before a crash is written again, byte for byte.

        Args:
            limit: Samples of new batches, at most.
        """
        ...

    def clear(self, batch: int) -> None:
        """Forget a batch: it is in its file for good."""
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

    def read(
        self,
        task: str,
        *,
        releases: Collection[str],
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Samples:
        """Return a task's samples with the features of these manifests, by time.

        A sample that is in two files comes once.

        Raises:
            UnavailableError: The files cannot be read now.
            StateError: One of them is damaged; names it.
        """
        ...
