"""A recording in CSV, turned into Parquet batch by batch."""

import csv
from importlib.util import find_spec
from pathlib import Path

from agent.adapters.disk import remove, sync_folder
from agent.adapters.trace.table import TIMESTAMP
from agent.errors import ConfigError


def check_can_turn(path: Path) -> None:
    """Raise ConfigError if no Parquet can be written here; before any row is taken."""
    if find_spec("pyarrow") is None:
        raise ConfigError(
            f"{path}: writing Parquet needs pyarrow, which is not installed: "
            "pip install 'forewarn[trace]', or name a .csv file"
        )


def turn(source: Path, target: Path) -> None:
    """Write a recording as Parquet: instants in microseconds, the rest as float32.

    Raises:
        OSError: It cannot be written; the target is not there.
    """
    from pyarrow import csv as arrow_csv  # noqa: PLC0415 - an extra
    from pyarrow import parquet  # noqa: PLC0415

    unfinished = target.with_name(f".{target.name}.unfinished")
    options = arrow_csv.ConvertOptions(column_types=_types(source))
    try:
        with (
            arrow_csv.open_csv(
                source,
                read_options=arrow_csv.ReadOptions(use_threads=False),
                parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
                convert_options=options,
            ) as batches,
            parquet.ParquetWriter(unfinished, batches.schema) as writer,
        ):
            for batch in batches:
                writer.write_batch(batch)
        unfinished.replace(target)
        sync_folder(target.parent)
    finally:
        remove(unfinished)


def _types(source: Path) -> dict[str, object]:
    import pyarrow as pa  # noqa: PLC0415

    with source.open(newline="", encoding="utf-8") as file:
        names = next(csv.reader(file))
    types: dict[str, object] = dict.fromkeys(names, pa.float32())
    return types | {TIMESTAMP: pa.timestamp("us", tz="UTC")}
