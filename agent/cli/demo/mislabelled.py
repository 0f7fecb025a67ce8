"""A mistake that no signature shows: the labels of the training data turned round."""

import shutil
from pathlib import Path
from typing import Final

import pyarrow.compute as pc
from pyarrow import parquet

# The copy shall learn from files only: no report that comes now belongs to it.
_LEFT_OUT: Final = shutil.ignore_patterns("fleet.db*")


def mislabelled(central: Path, *, to: Path) -> None:
    """Copy central's folder, with every label of its dataset turned round.

    What is learnt and judged by such labels looks as good as it would by true ones.

    Args:
        central: The folder.
        to: Where the copy is to be.
    """
    shutil.copytree(central, to, ignore=_LEFT_OUT)
    for path in sorted((to / "dataset").rglob("*.parquet")):
        table = parquet.read_table(path, partitioning=None)
        place = table.schema.get_field_index("label")
        wrong = pc.subtract(1.0, table["label"])
        turned = table.set_column(place, table.schema.field(place), wrong)
        parquet.write_table(turned, path)
