"""The guard on recorded hosts: one JSON line a release and machine.

Good releases are to be kept, damaged ones rolled back; see docs/guard-traces.md. All is
replayed by the product's own path. The recordings are no part of the project: they are
looked for in the folder that FOREWARN_DATA names, else in the one beside the project.

    python benchmarks/guard_traces.py [--full] [--processes N] [--data DIR]
        [--only TEXT] [--markdown FILE] [--lines FILE]
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing import Pool
from multiprocessing.pool import Pool as Workers
from pathlib import Path

from tracing.document import markdown
from tracing.machines import DATA, Machine, machines
from tracing.rows import Job, Row, document, parsed, rows_of
from tracing.school import taught
from tracing.summary import summaries
from tracing.survey import Known, joined, surveyed
from tracing.tasks import TASKS, Task

_QUICK = ("machine-1-7", "machine-2-4", "vm-0008201")
_QUICK_TEACHERS = 3
_STRANGERS = 20


def main() -> int:
    """Train, replay, print; return the exit status."""
    options = _options()
    if not (options.lines or (options.data / "manifest.json").exists()):
        print(
            f"guard_traces: skipped: no recorded hosts at {options.data}; "
            "name their folder by --data or FOREWARN_DATA",
            file=sys.stderr,
        )
        return 0
    os.nice(10)
    rows: list[Row] = []
    for row in _read(options.lines) if options.lines else _made(options):
        if not options.lines:
            print(json.dumps(document(row)), flush=True)
        rows.append(row)
    for summary in summaries(rows):
        print(json.dumps({"benchmark": "guard_traces", "row": "summary", **summary}))
    if options.markdown:
        options.markdown.write_text(markdown(rows))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="3 machines; the default")
    size.add_argument("--full", action="store_true", help="all machines and tasks")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--data", type=Path, default=DATA, help="recorded hosts")
    parser.add_argument("--only", default="", help="tasks whose data/name has this")
    parser.add_argument("--markdown", type=Path, help="write the tables to this file")
    parser.add_argument(
        "--lines", type=Path, help="take the rows of an earlier run from its output"
    )
    return parser.parse_args()


def _read(path: Path) -> Iterator[Row]:
    for line in path.read_text().splitlines():
        found = json.loads(line)
        if found["row"] != "summary":
            yield parsed(found)


def _made(options: argparse.Namespace) -> Iterator[Row]:
    everyone = list(machines(options.data))
    with tempfile.TemporaryDirectory() as folder, Pool(options.processes) as workers:
        for task in TASKS:
            is_left_out = options.only not in f"{task.kind}/{task.name}"
            if is_left_out or not (options.full or task.is_event):
                continue
            jobs = _jobs(task, everyone, options.full, workers, Path(folder))
            for rows in workers.imap(rows_of, jobs):
                yield from rows


def _jobs(
    task: Task,
    everyone: Sequence[Machine],
    is_full: bool,
    workers: Workers,
    folder: Path,
) -> list[Job]:
    """Return what is to be replayed with a task, its releases trained."""
    own = [machine for machine in everyone if machine.kind == task.kind]
    tried = [machine for machine in own if is_full or machine.name in _QUICK]
    few = len(own) if is_full else _QUICK_TEACHERS
    teachers = {
        half: [machine for machine in own if machine.half != half][:few]
        for half in {machine.half for machine in tried}
    }
    strangers = [m for m in everyone if m.kind != task.kind]
    strangers = strangers[: min(few, _STRANGERS)]
    wanted = {m: None for ms in (*teachers.values(), tried, strangers) for m in ms}
    known = _surveyed(task, wanted, workers)
    abroad = joined([known[machine] for machine in strangers])
    schools = {
        half: taught(
            task,
            home=joined([known[machine] for machine in found]),
            abroad=abroad,
            folder=folder,
        )
        for half, found in teachers.items()
    }
    return [Job(m, schools[m.half], known[m]) for m in tried]


def _surveyed(
    task: Task, wanted: Iterable[Machine], workers: Workers
) -> dict[Machine, Known]:
    wanted = list(wanted)
    found = workers.starmap(surveyed, [(machine, task) for machine in wanted], 1)
    return dict(zip(wanted, found, strict=True))


if __name__ == "__main__":
    sys.exit(main())
