"""What central hears when it comes back: 500 hosts, half an hour without it.

In virtual time, with the hosts' own cut, send and pace, and central's own ingest on a
real database: nothing sleeps, and nothing is staged but the outage.

    python benchmarks/outage.py [--agents N] [--refusing] [--seed N]

Prints one JSON line; exit status 1 if a report was lost or doubled, or if in any minute
after the outage central heard three times what it hears on average.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.fakes.outage import Course, lived

_MOST_BY_MEAN = 3.0


def main() -> int:
    """Let them live, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=500)
    parser.add_argument("--refusing", action="store_true", help="503, not silence")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    course = Course(agents=given.agents, is_refusing=given.refusing, seed=given.seed)
    with tempfile.TemporaryDirectory() as folder:
        found = lived(f"sqlite:///{Path(folder) / 'fleet.db'}", course)
    row = {
        "benchmark": "outage",
        "agents": given.agents,
        "outage_minutes": round(60 * (course.away[1] - course.away[0])),
        "answers": "503" if given.refusing else "none",
        "seed": given.seed,
        "reports": found.reports,
        "lost": found.lost,
        "doubled": found.doubled,
        "holes": found.holes,
        "came_again": found.repeated,
        "mean_a_minute": round(found.mean_a_minute, 2),
        "peak_a_minute": found.peak_a_minute,
        "peak_by_mean": round(found.peak_by_mean, 2),
    }
    print(json.dumps(row))
    is_kept = not (found.lost or found.doubled or found.holes)
    return 0 if is_kept and found.peak_by_mean < _MOST_BY_MEAN else 1


if __name__ == "__main__":
    sys.exit(main())
