"""The guard's promises, simulated: one JSON line a promise; see docs/guard-figures.md.

Hosts with two models live through worlds of many kinds; in some of them the active
model is harmed. A twin of the guard's ledger judges them all at once; first, that twin
is held against the product's own guard, on some hosts of each world. Exit status 1 if
a promise is not kept.

    python benchmarks/guard.py [--full] [--processes N] [--seed N] [--markdown FILE]
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from guarding import harms, worlds
from guarding.boundary import COINS
from guarding.figures import markdown
from guarding.life import HORIZON, TICKS_PER_HOUR
from guarding.simulate import Task, losses_of
from guarding.suite import DEFAULT, FULL, trials
from guarding.trials import rows_of
from guarding.twins import check_losses, check_twin

_STRESS = (worlds.DISAGREE_6, worlds.DISAGREE_24, worlds.NUMBER_24, worlds.TURNS)
_CHECKED_HOSTS = 3
_CHECKED_DAYS = 3


def main() -> int:
    """Check the twin, run every trial, print; return the exit status."""
    options = _options()
    _check(options.seed)
    rows = []
    sizes = FULL if options.full else DEFAULT
    wanted = [t for t in trials(sizes, seed=options.seed) if options.only in t.table]
    for row in rows_of(wanted, processes=options.processes):
        print(json.dumps({"benchmark": "guard", **row.fields()}), flush=True)
        rows.append(row)
    if options.markdown:
        options.markdown.write_text(markdown(rows, command=_command(options)))
    return int(options.strict and any(row.is_met is False for row in rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--full", action="store_true", help="more hosts, 20 times as long"
    )
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="tables whose heading has this")
    parser.add_argument(
        "--strict", action="store_true", help="end with 1 where a demand is missed"
    )
    parser.add_argument("--markdown", type=Path, help="write the tables to this file")
    return parser.parse_args()


def _command(options: argparse.Namespace) -> str:
    full = " --full" if options.full else ""
    return f"python benchmarks/guard.py{full} --seed {options.seed}"


def _check(seed: int) -> None:
    """Hold the twin against the product's guard; SystemExit where they disagree."""
    check_losses(np.random.default_rng(seed))
    for world in (*worlds.NORMAL, *_STRESS, *COINS):
        task = Task(world=world, hosts=_CHECKED_HOSTS, days=_CHECKED_DAYS, seed=(seed,))
        check_twin(world.name, losses_of(task))
    for world, harm in (
        (worlds.FIVE, harms.INVERTED),
        (worlds.GAPS, harms.LOST),
        (worlds.NUMBER, harms.NUMBER_CONSTANT),
    ):
        task = Task(
            world=world,
            hosts=_CHECKED_HOSTS,
            days=_CHECKED_DAYS,
            harm=harm,
            day=1,
            seed=(seed,),
        )
        losses = losses_of(task)
        check_twin(f"{harm.name}, {world.name}", losses)
        late = HORIZON + 2 * TICKS_PER_HOUR
        check_twin(f"{harm.name}, {world.name}, late", losses, lag=late)


if __name__ == "__main__":
    sys.exit(main())
