"""Reading one file: only what is asked for of it, and what is damaged is told."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import dataset

from agent.errors import StateError
from central.adapters.dataset.place import Place
from central.adapters.dataset.rows import SCHEMA

# A sum stands beside every page; a flipped bit is noticed.
_FORMAT: Final = dataset.ParquetFileFormat(
    default_fragment_scan_options=dataset.ParquetFragmentScanOptions(
        page_checksum_verification=True
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for of each file.

    Attributes:
        columns: Of `SCHEMA`.
        releases: Digests; None: any.
        since: Predicted then or later; None: ever.
        until: Predicted before; None: ever.
    """

    columns: tuple[str, ...] = tuple(SCHEMA.names)
    releases: frozenset[str] | None = None
    since: datetime | None = None
    until: datetime | None = None

    def rows(self) -> Any:  # noqa: ANN401 - untyped library
        """Return which rows, as pyarrow filters them; None: every one."""
        laws = []
        if self.releases is not None:
            known = pa.array(sorted(self.releases), type=pa.string())
            laws.append(pc.field("release").isin(known))
        if self.since is not None:
            laws.append(pc.field("at") >= _instant(self.since))
        if self.until is not None:
            laws.append(pc.field("at") < _instant(self.until))
        found = None
        for law in laws:
            found = law if found is None else found & law
        return found


def read_file(place: Place, path: str, *, wanted: Wanted) -> pa.Table:
    """Return what is asked for of a file.

    Raises:
        FileNotFoundError: It is gone; another file has what it had.
        UnavailableError: It cannot be read now.
        StateError: It is damaged; names it.
    """
    try:
        return _decoded(path, wanted, filesystem=place.filesystem)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError):
        # The library raises the same for a file that is damaged and for one that it
        # does not get. Read as a whole, the two are told apart.
        return _read_whole(place, path, wanted=wanted)


def _read_whole(place: Place, path: str, *, wanted: Wanted) -> pa.Table:
    content = place.get(path)
    try:
        return _decoded(pa.py_buffer(content), wanted, filesystem=None)
    except (pa.ArrowException, OSError) as error:
        words = " ".join(str(error).split())
        raise StateError(
            f"{path}: expected a Parquet file of samples, got a damaged one: {words}; "
            "put it back from a copy, or take it out of the dataset"
        ) from error


def _decoded(source: Any, wanted: Wanted, *, filesystem: Any) -> pa.Table:  # noqa: ANN401 - untyped library
    fragment = _FORMAT.make_fragment(source, filesystem=filesystem)
    # A column that the file does not have would come back as nothing but nulls.
    lacking = [c for c in SCHEMA.names if c not in fragment.physical_schema.names]
    if lacking:
        raise pa.ArrowInvalid(f"expected the column {lacking[0]}")
    return fragment.to_table(
        schema=SCHEMA, columns=list(wanted.columns), filter=wanted.rows()
    )


def _instant(at: datetime) -> pa.Scalar:
    return pa.scalar(at, type=SCHEMA.field("at").type)
