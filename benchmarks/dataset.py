"""The dataset of labelled samples: what it writes and reads a second; one JSON line.

python benchmarks/dataset.py [--rows N] [--features N]
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import perf_counter

import numpy as np

from agent.core.envelope import LabelledRow
from central.adapters.dataset import opened
from central.ports.dataset import Batch, InboxRow

_START = datetime(2026, 5, 4, tzinfo=UTC)
_ROWS_A_BATCH = 50_000
_BATCHES_A_DAY = 4
_HOSTS = 500
_RELEASE = "a" * 64


def main() -> None:
    """Write, compact, read; print one line."""
    options = _options()
    batches = list(_batches(options.rows, options.features))
    rows = sum(len(batch.rows) for batch in batches)
    with tempfile.TemporaryDirectory() as folder:
        dataset = opened(folder)
        write_s = _took(lambda: [dataset.add(batch) for batch in batches])
        (before,) = dataset.stock()
        compact_s = _took(
            lambda: dataset.compact(before=_START.date() + timedelta(days=10_000))
        )
        (after,) = dataset.stock()
        read_s = _took(lambda: dataset.read("cpu", releases=[_RELEASE]))
        day = _START + timedelta(days=1)
        day_s = _took(lambda: dataset.read("cpu", releases=[_RELEASE], until=day))
        count_s = _took(dataset.stock)
        raw = sum(path.stat().st_size for path in Path(folder).rglob("*.parquet"))
    found = {
        "benchmark": "dataset",
        "rows": rows,
        "features": options.features,
        "days": after.days,
        "files": [before.files, after.files],
        "written_rows_a_s": round(rows / write_s),
        "compacted_rows_a_s": round(rows / compact_s),
        "read_rows_a_s": round(rows / read_s),
        "one_day_s": round(day_s, 3),
        "counted_rows_a_s": round(rows / count_s),
        "bytes_a_row": [
            round(before.size_bytes / rows, 1),
            round(raw / rows, 1),
        ],
        "peak_mb": round(getrusage(RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(json.dumps(found))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--features", type=int, default=14)
    return parser.parse_args()


def _took(work: Callable[[], object]) -> float:
    begun = perf_counter()
    work()
    return perf_counter() - begun


def _batches(rows: int, features: int) -> Iterator[Batch]:
    """Yield batches as hosts bring them about: a report of 20 samples an hour."""
    rng = np.random.default_rng(1)
    for number in range(max(1, rows // _ROWS_A_BATCH)):
        day = _START + timedelta(days=number // _BATCHES_A_DAY)
        # Ratios with few digits, as most metrics are; some gaps.
        values = np.round(rng.beta(2, 5, (_ROWS_A_BATCH, features)), 4).astype(float)
        values[rng.uniform(size=values.shape) < 0.02] = np.nan  # noqa: PLR2004 - 2 %
        seconds = np.sort(rng.integers(0, 86_400, _ROWS_A_BATCH))
        yield Batch(
            id=number,
            task="cpu",
            day=day.date(),
            rows=tuple(
                _row(place, number, day + timedelta(seconds=int(at)), vector)
                for place, (at, vector) in enumerate(
                    zip(seconds, values.tolist(), strict=True)
                )
            ),
        )


def _row(place: int, batch: int, at: datetime, vector: list[float]) -> InboxRow:
    return InboxRow(
        host_id=f"host-{place % _HOSTS:08d}",
        sequence=100 * batch + place // _HOSTS // 20,
        place=place // _HOSTS % 20,
        weight=1.0 + place % 7,
        row=LabelledRow(
            task="cpu",
            release=_RELEASE,
            entity="",
            at=at,
            label=float(place % 2),
            baseline=(round(0.1 + place % 50 / 100, 3),),
            active=(round(place % 1000 / 1000, 4),),
            features=tuple(None if v != v else v for v in vector),  # noqa: PLR0124 - NaN
        ),
    )


if __name__ == "__main__":
    main()
