"""Samples as a table: the columns of a file, and what is made of them."""

import hashlib
from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import chain
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from central.core.samples import Samples
from central.ports.dataset import InboxRow

SCHEMA: Final = pa.schema(
    [
        ("host", pa.string()),
        ("sequence", pa.int64()),
        ("place", pa.int32()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("entity", pa.string()),
        ("release", pa.string()),
        ("label", pa.float64()),
        ("weight", pa.float64()),
        ("baseline", pa.list_(pa.float64())),
        ("active", pa.list_(pa.float64())),
        ("features", pa.list_(pa.float32())),
    ]
)
# The three that name a sample for good.
KEY: Final = ("host", "sequence", "place")
TIMED_KEY: Final = ("at", *KEY)
_ORDER: Final = [(name, "ascending") for name in TIMED_KEY]
# What repeats is kept as a number and a list of what there is.
_REPEATED: Final = ["host", "sequence", "at", "entity", "release", "label", "weight"]
# An engine that looks for an hour or a release passes over the groups without it.
_ROWS_A_GROUP: Final = 65_536
_NAME_LENGTH: Final = 16
_MICROSECONDS: Final = 1e6


def table_of(rows: Sequence[InboxRow]) -> pa.Table:
    """Return the table of what hosts have sent."""
    columns = [
        [each.host_id for each in rows],
        [each.sequence for each in rows],
        [each.place for each in rows],
        [each.row.at for each in rows],
        [each.row.entity for each in rows],
        [each.row.release for each in rows],
        [each.row.label for each in rows],
        [each.weight for each in rows],
        _lists([each.row.baseline for each in rows], kind=np.float64),
        _lists([each.row.active for each in rows], kind=np.float64),
        _lists([each.row.features for each in rows], kind=np.float32),
    ]
    arrays = [
        pa.array(column, type=field.type)
        for column, field in zip(columns, SCHEMA, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def joined(
    tables: Iterable[pa.Table], *, columns: Sequence[str] = tuple(SCHEMA.names)
) -> pa.Table:
    """Return tables of these columns one after another; none is an empty one."""
    empty = SCHEMA.empty_table().select(list(columns))
    return pa.concat_tables([empty, *tables])


def ordered(
    tables: Iterable[pa.Table], *, columns: Sequence[str] = tuple(SCHEMA.names)
) -> pa.Table:
    """Return what is in several tables, by time, each sample once.

    Args:
        tables: Of these columns.
        columns: `TIMED_KEY` among them.
    """
    every = joined(tables, columns=columns).sort_by(_ORDER)
    # What bears the same key is of the same moment, and so its own neighbour.
    again = [pc.equal(every[name][1:], every[name][:-1]) for name in KEY]
    is_new = pc.invert(reduce(pc.and_, again)).to_numpy().astype(np.bool_)
    first = np.ones(min(1, len(every)), dtype=np.bool_)
    return every.filter(pa.array(np.concatenate([first, is_new])))


def name_of(table: pa.Table) -> str:
    """Return the name of an ordered table: the same samples, the same name."""
    keys = [table[name].to_pylist() for name in KEY]
    return hashlib.sha256(msgspec.json.encode(keys)).hexdigest()[:_NAME_LENGTH]


def document(table: pa.Table) -> bytes:
    """Return a table as a Parquet file; the same table gives the same bytes."""
    sink = pa.BufferOutputStream()
    parquet.write_table(
        table,
        sink,
        compression="zstd",
        use_dictionary=_REPEATED,
        row_group_size=_ROWS_A_GROUP,
        write_page_checksum=True,
    )
    content: bytes = sink.getvalue().to_pybytes()
    return content


def samples(table: pa.Table, *, width: int | None = None) -> Samples:
    """Return a table as arrays.

    Rows that another number of features or baseline answers than theirs makes
    impossible are left out: one confused host must not keep a task from learning.

    Args:
        table: Ordered.
        width: How many features there are; None: as many as most rows have.
    """
    if width is None:
        width = _commonest(table["features"])
    outputs = _commonest(table["baseline"])
    table = table.filter(
        pc.and_(
            pc.equal(pc.list_value_length(table["features"]), width),
            pc.equal(pc.list_value_length(table["baseline"]), outputs),
        )
    )
    return Samples(
        features=_flat(table["features"]).reshape(len(table), width),
        label=table["label"].to_numpy(),
        weight=table["weight"].to_numpy(),
        baseline=_flat(table["baseline"]).reshape(len(table), outputs),
        active=_answers(table["active"], outputs=outputs),
        at=table["at"].cast(pa.int64()).to_numpy() / _MICROSECONDS,
        host=_texts(table["host"]),
        entity=_texts(table["entity"]),
        release=_texts(table["release"]),
    )


def _lists(values: Sequence[Sequence[float | None]], *, kind: type[Any]) -> pa.Array:
    """Return lists as a column; None becomes NaN."""
    ends = np.cumsum([0, *map(len, values)], dtype=np.int32)
    flat = np.array(list(chain.from_iterable(values)), dtype=kind)
    return pa.ListArray.from_arrays(ends, flat)


def _commonest(lists: pa.ChunkedArray) -> int:
    """Return the length that most have; 0 where there is none."""
    found = np.bincount(pc.list_value_length(lists).to_numpy().astype(np.intp))
    return int(np.argmax(found)) if len(found) else 0


def _flat(lists: pa.ChunkedArray) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = pc.list_flatten(lists).to_numpy()
    return values


def _answers(lists: pa.ChunkedArray, *, outputs: int) -> npt.NDArray[np.float64]:
    """Return what was answered, shape (n, outputs); NaN where nothing was."""
    found = np.full((len(lists), outputs), np.nan)
    is_there = pc.equal(pc.list_value_length(lists), outputs).to_numpy()
    there = lists.filter(pa.array(is_there.astype(np.bool_)))
    found[is_there.astype(np.bool_)] = _flat(there).reshape(len(there), outputs)
    return found


def _texts(column: pa.ChunkedArray) -> npt.NDArray[np.str_]:
    """Return texts as numpy keeps them; each different one is made once."""
    coded = column.combine_chunks().dictionary_encode()
    known = np.array(coded.dictionary.to_pylist(), dtype=np.str_)
    texts: npt.NDArray[np.str_] = known[coded.indices.to_numpy()]
    return texts
