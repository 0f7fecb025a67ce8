"""A report document with something under every name, and changed ones of it."""

import copy
import json

from agent.core.moment import BASELINE

HOST, TASK = "db-7.example", "filesystem-full"
ACTIVE, STANDBY, SHADOW = "a" * 64, "b" * 64, "c" * 64
UNIT = 10**9

# Section 4 of the contract, every name of it and what the issues added since.
EXAMPLE = {
    "schema": 1,
    "host_id": HOST,
    "sequence": 41,
    "agent": "1.2.0",
    "labels": {"ring": "canary", "role": "db"},
    "host_name": "db-7.site.example",
    "window": {"start": "2026-03-01T11:00:00Z", "end": "2026-03-01T12:00:00.500000Z"},
    "line_ups": [
        {
            "task": TASK,
            "active": {"digest": ACTIVE, "version": 7, "state": "confirmed"},
            "standby": {"digest": STANDBY, "version": 6, "state": "standby"},
            "shadow": {"digest": SHADOW, "version": 8, "state": "shadow"},
            "confirmed_running": ACTIVE,
            "is_pinned": False,
        },
        {
            "task": "swap-in",
            "active": None,
            "standby": None,
            "shadow": None,
            "confirmed_running": None,
            "is_pinned": True,
        },
    ],
    "scorecards": [
        {
            "task": TASK,
            "digest": ACTIVE,
            "role": "active",
            "day": "2026-03-01",
            "counts": {
                "resolved": 5,
                "happened": 2,
                "hits": 1,
                "misses": 1,
                "false_alarms": 1,
                "quiet": 2,
                "voids": {"gap": 3},
            },
            "calibration": [[0, 0, 0]] * 8 + [[3, 2_500_000_000, 1], [2, 1, 1]],
            "loss": {
                "brier": 610_000_000,
                "baseline_brier": 900_000_000,
                "log_loss": 1_700_000_000,
                "baseline_log_loss": 2_000_000_000,
                "levels": {"0.5": [2, 3 * 10**25, 4 * 10**25, 1]},
            },
            "lead_time_s": {"sum": 90 * UNIT, "steps": {"47": 1}},
        }
    ],
    "evidence": [
        {
            "at": "2026-03-01T12:00:00Z",
            "task": TASK,
            "question": {"thesis": "worse", "release": ACTIVE, "reference": BASELINE},
            "e_value": 1.25,
            "threshold": 1000.0,
            "blocks": 80,
            "ticks": 3200,
            "episodes": 4,
            "lost": 17,
            "loss": 0.02184,
            "reference_loss": 0.009512,
            "allowed": None,
            "predictions": 2880,
            "run_blocks": 72,
            "run_episodes": 3,
            "run_lost": 12,
            "since": "2026-02-28T12:00:00Z",
            "started_at": "2026-02-20T12:00:00Z",
        }
    ],
    "trials": [
        {
            "task": TASK,
            "digest": SHADOW,
            "ticks": 120,
            "score_every_s": 60.0,
            "row": [
                *[HOST, 8, 4242, 120, 7 * UNIT, 8 * UNIT, 2],
                [UNIT, UNIT, UNIT, 0, 0],
                [-UNIT, 0, 0, 0, 0],
            ],
        }
    ],
    "drift": [
        {
            "task": TASK,
            "digest": ACTIVE,
            "rows": 60,
            "effective_rows": 11.5,
            "features": [
                {
                    "feature": 0,
                    "counts": [10, 40, 8],
                    "gaps": 2,
                    "psi": 0.7,
                    "threshold": 0.5,
                    "effective_rows": 11.5,
                }
            ],
        }
    ],
    "events": [
        {
            "id": 99,
            "at": "2026-03-01T11:30:00Z",
            "name": "release_promoted",
            "fields": {"task": TASK, "pairs": 141, "wealth": 21.3, "by": None},
        }
    ],
    "health": {
        "resources": {
            "cpu_s": 12.5,
            "rss_bytes": 60_000_000,
            "uptime_s": 86_400.0,
            "threads": 3,
            "written_bytes": None,
        },
        "gaps": {"system.memory.usage": 2},
        "spool": {"waiting": 1, "waiting_bytes": 900, "aside": 0, "dropped": 2},
        "trust": {
            "checked_at": "2026-03-01T11:45:00Z",
            "trouble": "the network is down",
            "refused": {"swap-in": "needs a newer agent"},
        },
    },
    "labelled": {
        "scheme": "halves-1",
        "rows": [
            [TASK, ACTIVE, "/var", "2026-03-01T11:10:00Z", 1.0, [0.2], [0.9], [0.1]],
            [TASK, ACTIVE, "", "2026-03-01T11:20:00Z", 0.0, [], [], [None, -3e38]],
        ],
        "weights": [1.0, 29.5],
        "seen": [
            {
                "task": TASK,
                "events": 1,
                "quiet": 59,
                "sent_events": 1,
                "sent_quiet": 1,
            }
        ],
    },
}
LEAST = {
    key: EXAMPLE[key] for key in ("schema", "host_id", "sequence", "agent", "window")
}
_RAW = "!raw!"


def written(report):
    return json.dumps(report).encode()


def changed(*path, to):
    """Return the example with one value in the place of another."""
    report = copy.deepcopy(EXAMPLE)
    holder = report
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = to
    return report


def spelled(*path, to):
    """Return the example as bytes, with this very text as a value."""
    document = written(changed(*path, to=_RAW))
    return document.replace(json.dumps(_RAW).encode(), to.encode())


def without(key):
    return {name: value for name, value in EXAMPLE.items() if name != key}
