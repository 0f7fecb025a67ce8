"""A retrained release against the shipped one and the baseline; see the docs' table.

On machines and times that none of them saw. The recorded hosts are no part of the
project: they are looked for in the folder that FOREWARN_DATA names, else in the one
beside the project. Prints a JSON line a row.

    python benchmarks/retrain.py [--only TASK] [--parts N] [--share S] [--processes N]
        [--data DIR] [--markdown FILE] [--lines FILE]
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path

import numpy as np
from retraining.central import (
    founded,
    retrained_model,
    taken_in,
    verdict,
)
from retraining.document import markdown
from retraining.judging import (
    BASELINE,
    RETRAINED,
    SHIPPED,
    STARTER,
    Asked,
    marks,
    together,
)
from retraining.school import stand_in, starter_of
from retraining.sending import envelopes, share_of
from retraining.world import (
    TASKS,
    Job,
    Lived,
    Turn,
    as_recorded,
    day_of,
    lived,
    material,
    turns,
)
from tracing.machines import DATA

from central.adapters.trees import OnnxTrees
from central.core.plan import Plan

_MANY = 10**6


def main() -> int:
    """Teach, send, retrain, judge, print; return the exit status."""
    options = _options()
    if options.lines:
        rows = [json.loads(line) for line in options.lines.read_text().splitlines()]
    elif (options.data / "smd").is_dir():
        os.nice(10)
        rows = []
        for row in _made(options):
            print(json.dumps({"benchmark": "retrain", **row}), flush=True)
            rows.append(row)
    else:
        print(
            f"retrain: skipped: no recorded hosts at {options.data}; "
            "name their folder by --data or FOREWARN_DATA",
            file=sys.stderr,
        )
        return 0
    if options.markdown:
        options.markdown.write_text(markdown(rows))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="tasks whose name has this")
    parser.add_argument(
        "--parts",
        type=int,
        default=4,
        help="one taught the shipped release, one judges, all others send",
    )
    parser.add_argument(
        "--share", type=float, help="of the moments; by default as the budget allows"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--data", type=Path, default=DATA, help="recorded hosts")
    parser.add_argument("--markdown", type=Path, help="write the page to this file")
    parser.add_argument("--lines", type=Path, help="take the rows of an earlier run")
    return parser.parse_args()


def _made(options: argparse.Namespace) -> Iterator[dict[str, object]]:
    folder = options.data / "smd"
    with get_context("spawn").Pool(options.processes) as workers:
        for plan in TASKS:
            if options.only in plan.task:
                jobs = [Job(plan, each) for each in as_recorded(plan, folder)]
                lives = {life.machine: life for life in workers.imap(lived, jobs)}
                yield from _rows(plan, lives, options, workers)


def _rows(
    plan: Plan,
    lives: Mapping[str, Lived],
    options: argparse.Namespace,
    workers: Pool,
) -> Iterator[dict[str, object]]:
    share = options.share or share_of(plan, list(lives.values()))
    known = [(life.machine, life.group) for life in lives.values()]
    facts = {"task": plan.task, "parts": options.parts, "share": share}
    asked: list[Asked] = []
    for turn in turns(known, parts=options.parts):
        school = material(plan, options.data / "smd", turn.school)
        shipped = stand_in(plan, school, workers)
        told, found = _turn(plan, turn, lives, shipped=shipped, share=share)
        yield {"row": "turn", **facts, **told}
        if found is not None:
            asked.append(found)
            yield {"row": "marks", **facts, "turn": turn.number, **_marks(found)}
    if asked:
        yield {"row": "marks", **facts, "turn": None, **_marks(together(asked))}


def _turn(
    plan: Plan,
    turn: Turn,
    lives: Mapping[str, Lived],
    *,
    shipped: dict[str, bytes],
    share: float,
) -> tuple[dict[str, object], Asked | None]:
    model = OnnxTrees(document=shipped["model.onnx"])
    senders = [lives[machine] for machine in turn.senders]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        digest = founded(folder, task=plan.task, files=shipped)
        sent = taken_in(
            folder,
            (
                envelope
                for life in senders
                for envelope in envelopes(
                    life,
                    plan=plan,
                    digest=digest,
                    said=model.score(life.examples.features),
                    share=share,
                )
            ),
        )
        outcome, document = retrained_model(folder, task=plan.task)
    told: dict[str, object] = {
        "turn": turn.number,
        "school": turn.school,
        "senders": turn.senders,
        "judges": turn.judges,
        "moments": int(sum(life.early().sum() for life in senders)),
        "sent": sent,
        "gate": verdict(outcome),
    }
    if document is None:
        return told, None
    judges = [lives[machine] for machine in turn.judges]
    models = {
        RETRAINED: document,
        SHIPPED: model.document,
        STARTER: (starter_of(plan) / "model.onnx").read_bytes(),
    }
    return told, _asked(judges, models)


def _asked(judges: list[Lived], models: dict[str, bytes]) -> Asked:
    """Return what each says of the judges' late moments."""
    said = {
        name: [
            OnnxTrees(document=document).score(life.examples.features[life.late()])
            for life in judges
        ]
        for name, document in models.items()
    }
    said[BASELINE] = [life.examples.baseline[life.late()] for life in judges]
    happened = [life.examples.happened[life.late()] for life in judges]
    block = [
        number * _MANY + day_of(life.examples.row[life.late()])
        for number, life in enumerate(judges)
    ]
    return Asked(
        said={name: np.concatenate(parts) for name, parts in said.items()},
        happened=np.concatenate(happened),
        block=np.concatenate(block),
    )


def _marks(asked: Asked) -> dict[str, object]:
    return {
        "moments": len(asked.happened),
        "happened": int(asked.happened.sum()),
        "blocks": len(set(asked.block.tolist())),
        "marks": [asdict(each) for each in marks(asked)],
    }


if __name__ == "__main__":
    sys.exit(main())
