"""Retraining from samples: what they keep of what all rows teach; see docs/samples.md.

On recorded hosts, which are no part of the project: they are looked for in the folder
that FOREWARN_DATA names, else in the one beside the project. Prints one JSON line.

    python benchmarks/samples.py [--full] [--seeds N] [--processes N] [--data DIR]
        [--only TEXT] [--markdown FILE]
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

from sampling.document import written
from sampling.summary import document
from sampling.tasks import TASKS
from sampling.trial import Job, Result, results
from tracing.machines import DATA

_QUICK = ("cpu", "memory with cache")
_SEEDS = 2


def main() -> int:
    """Sample, train, judge, print; return the exit status."""
    options = _options()
    if not (options.data / "manifest.json").exists():
        print(
            f"samples: skipped: no recorded hosts at {options.data}; "
            "name their folder by --data or FOREWARN_DATA",
            file=sys.stderr,
        )
        return 0
    os.nice(10)
    found = list(_made(options))
    print(json.dumps({"benchmark": "samples", **document(found)}))
    if options.markdown:
        text = options.markdown.read_text()
        options.markdown.write_text(written(text, found))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="2 tasks; the default")
    size.add_argument("--full", action="store_true", help="all tasks, 2 seeds")
    parser.add_argument("--seeds", type=int, help="choices of rows a share")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--data", type=Path, default=DATA, help="recorded hosts")
    parser.add_argument("--only", default="", help="tasks whose data/name has this")
    parser.add_argument(
        "--markdown", type=Path, help="renew the tables of this page, docs/samples.md"
    )
    return parser.parse_args()


def _made(options: argparse.Namespace) -> Iterator[Result]:
    seeds = options.seeds or (_SEEDS if options.full else 1)
    jobs = [
        Job(task=task, half=half, seed=seed, data=options.data)
        for task in TASKS
        if (options.full or task.name in _QUICK)
        and options.only in f"{task.kind}/{task.name}"
        for half in (0, 1)
        for seed in range(seeds)
    ]
    # A forked child of a process that has used its threads may stand still.
    with get_context("spawn").Pool(options.processes) as workers:
        for number, found in enumerate(workers.imap(results, jobs), start=1):
            print(f"samples: {number} of {len(jobs)}", file=sys.stderr, flush=True)
            yield from found


if __name__ == "__main__":
    sys.exit(main())
