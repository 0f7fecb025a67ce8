"""What the demo predicts, and how fast it lives: manifests and configurations."""

import json
from pathlib import Path
from typing import Any, Final

from agent.cli.demo.worker import CONNECTIONS

TASK: Final = "connection-burst"
_METRIC: Final = "system.network.connection.count"
_SERIES: Final = _METRIC + '{state="established"}'
# A level of rest, and half of what the worker opens above it.
_LIMIT: Final = f"quantile_over_time(0.3, {_SERIES}[10s]) + {CONNECTIONS}"
_SPANS: Final = ("0.8s", "1s", "1.2s", "1.4s", "1.6s", "1.8s")
_AGO: Final = ("1.2s", "1.4s", "1.6s")
FEATURES: Final = (
    f"last_over_time({_SERIES}[0.5s]) - $limit",
    f"max_over_time({_SERIES}[1s]) - $limit",
    *(f"share_above({_SERIES}[{span}], $limit)" for span in _SPANS),
    *(f"share_above({_SERIES}[0.5s] offset {ago}, $limit)" for ago in _AGO),
)


def survey() -> dict[str, Any]:
    """Return the first manifest of the task: no model yet, the host only collects."""
    return {
        "schema": 1,
        "task": TASK,
        "version": 1,
        "title": "TCP connections rise clearly above their level of rest within 0.6 s",
        "entity": "host",
        "target": {
            "kind": "event",
            "series": _SERIES,
            "condition": f"> {_LIMIT}",
            "sustained": "0s",
            "within": "0.6s",
            "onset": True,
        },
        "score_every": "0.1s",
        # A busy host is late now and then; a late sample is a gap.
        "min_coverage": 0.2,
        "features": list(FEATURES),
        "requires": {"metrics": [_METRIC]},
    }


def host_config(*, state_dir: Path, interval: str = "100ms") -> str:
    """Return the configuration of the demo's host: as usual, but for its pace.

    The chance of a wrong rollback, 0.001, and the evidence that a promotion takes, 20,
    are those of every host.
    """
    quoted = json.dumps(str(state_dir))
    return f"""\
[agent]
state_dir = {quoted}
interval = "{interval}"
labels = {{ role = "demo" }}

[central]
update_every = "2s"
report_every = "4s"

[sharing]
level = "samples"
labelled_bytes_per_day = "1GB"   # a day of this demo is two minutes long

[guard]                           # what takes days on a server takes seconds here
margin = 0.5                      # two good releases differ by more in so few moments
block = "1s"
min_blocks = 3
judge_for = "8s"
episodes = 3

[store]
commit_every = "1s"
"""


FLEET_CONFIG: Final = """\
# As on a real fleet, but for what seconds of one host cannot give: many moments, and
# narrow bounds. Whether a release is any better is left to the host's own guard.
[gate]
min_rows = 30
min_events = 5
max_calibration_error = 0.2
min_gain = -1.0
"""
