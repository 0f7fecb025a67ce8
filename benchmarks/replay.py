"""How fast a recorded host is lived through: one JSON line.

Replays one machine-month at 60 s steps of the Server Machine Dataset, on one core, with
all starter tasks at once. The recording has no file system, and its memory has lost its
unit, so normalised columns stand in for both: for the speed that makes no difference,
and the scores of those tasks mean nothing here. By default the recording is looked for
in the folder that FOREWARN_TRACES names, else in the one beside the project.

    python benchmarks/replay.py [TRACE]
"""

import json
import os
import pstats
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).parents[1]
TRACES = Path(os.environ.get("FOREWARN_TRACES", PROJECT.parent / "shared" / "data"))
TRACE = TRACES / "smd" / "machine-1-3.parquet"
MEMORY = "system.memory.utilization"
RENAMED = (
    f"{MEMORY}.norm={MEMORY}",
    f'{MEMORY}.with_cache.norm=system.filesystem.utilization{{mountpoint="/"}}',
)
# Where the time goes, by what the files are for; the first that fits counts.
ROOMS = {
    "onnxruntime": "onnxruntime",
    "agent/flows/court": "guard",
    "agent/flows/docket": "guard",
    "agent/flows/judging": "guard",
    "agent/core/accounts": "guard",
    "agent/core/case": "guard",
    "agent/core/excess": "guard",
    "agent/core/guard": "guard",
    "agent/core/loss": "guard",
    "agent/core/tripwire": "guard",
    "adapters/store": "store",
    "sqlite3": "store",
    "core/outcome": "outcomes",
    "core/scorecard": "scorecards",
    "flows/cards": "scorecards",
    "core/baseline": "baseline and situation",
    "core/situation": "baseline and situation",
    "core/": "window, features",
    "numpy": "window, features",
    "flows/": "tick",
}


def main() -> None:
    """Measure and print."""
    trace = Path(sys.argv[1]) if sys.argv[1:] else TRACE
    if not trace.exists():
        sys.exit(f"replay: no trace at {trace}; name one, or set FOREWARN_TRACES")
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    options = [part for each in RENAMED for part in ("--rename", each)]
    command = (sys.executable, "-m", "agent", "replay", str(trace), *options, "--json")
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    found = json.loads(done.stdout)
    names = ("trace", "ticks", "moments", "resolved")
    figures = {name: found[name] for name in names}
    figures["tasks"] = len({card["task"] for card in found["scorecards"]})
    figures["seconds"] = round(found["took_s"], 2)
    figures["ticks_per_s"] = round(found["ticks_per_s"])
    # Other work on the machine does not count here; starting does.
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = spent.ru_utime + spent.ru_stime
    figures["cpu_us_a_tick"] = round(1e6 * cpu_s / found["ticks"])
    figures["moments_a_tick"] = round(found["moments"] / found["ticks"], 2)
    figures["time_shares"] = _shares(command[1:])
    print(json.dumps({"benchmark": "replay", **figures}))


def _shares(arguments: tuple[str, ...]) -> dict[str, float]:
    """Return each room's share of the time of a profiled run, the largest first."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "profile"
        subprocess.run(
            (sys.executable, "-m", "cProfile", "-o", str(path), *arguments),
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        stats = pstats.Stats(str(path))
    spent: Counter[str] = Counter()
    for (file, _, function), (_, _, own_s, _, _) in stats.stats.items():
        spent[_room(f"{file} {function}")] += own_s
    total = sum(spent.values())
    return {room: round(own_s / total, 2) for room, own_s in spent.most_common(8)}


def _room(place: str) -> str:
    return next((room for part, room in ROOMS.items() if part in place), "other")


if __name__ == "__main__":
    main()
