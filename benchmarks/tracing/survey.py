"""A survey: what a task sees of a recorded host, and what came of it.

Recorded by the daemon's own tick with a release that has no model, so that training
and serving cannot differ.
"""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tracing.machines import Machine, trace_of
from tracing.tasks import Task

from agent.core.manifest import parse_manifest
from agent.core.moment import Moment, Outcome, OutcomeKind, Role
from agent.flows.replay import replay
from agent.wiring.reading import archive_at
from agent.wiring.replay import Offer, ReleaseFolder, replaying

_ALL = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Moments whose outcome became known, oldest first; arrays of n.

    Attributes:
        features: float32, shape (n, n_features).
        came: 1 or 0 for an event, else the value that came.
        baseline: What the agent's baseline said.
        hours: Since the recording began.
    """

    features: npt.NDArray[np.float32]
    came: npt.NDArray[np.float64]
    baseline: npt.NDArray[np.float64]
    hours: npt.NDArray[np.float64]


def surveyed(machine: Machine, task: Task) -> Known:
    """Return what a task sees of a machine."""
    document = json.dumps(task.paper(version=1)).encode()
    manifest = parse_manifest(document)
    release = ReleaseFolder(document=document, manifest=manifest, model=None)
    trace = trace_of(machine, task.series, column=task.column(machine.kind))
    with tempfile.TemporaryDirectory() as folder:
        state_dir = Path(folder)
        with replaying(trace, [Offer(release)], state_dir=state_dir) as (ticker, acts):
            replay(trace.instants, ticker=ticker, on_tick=lambda: None, schedule=acts)
        with archive_at(state_dir) as archive:
            found = archive.moments(limit=_ALL, only_resolved=True)
    return _known(found, began_s=float(trace.instants_s[0]), task=task)


def joined(parts: list[Known]) -> Known:
    """Return several machines' moments as one."""
    return Known(
        features=np.concatenate([part.features for part in parts]),
        came=np.concatenate([part.came for part in parts]),
        baseline=np.concatenate([part.baseline for part in parts]),
        hours=np.concatenate([part.hours for part in parts]),
    )


def _known(
    found: list[tuple[Moment, Outcome | None]], *, began_s: float, task: Task
) -> Known:
    pairs = [
        (moment, _came(outcome))
        for moment, outcome in reversed(found)
        if outcome is not None and outcome.kind is not OutcomeKind.VOID
    ]
    said = [moment.by(Role.BASELINE) for moment, _ in pairs]
    return Known(
        features=np.array([m.features for m, _ in pairs], dtype=np.float32).reshape(
            -1, len(task.features)
        ),
        came=np.array([came for _, came in pairs]),
        baseline=np.array([each.values[0] for each in said if each is not None]),
        hours=np.array([(m.at.timestamp() - began_s) / 3600 for m, _ in pairs]),
    )


def _came(outcome: Outcome) -> float:
    if outcome.value is not None:
        return outcome.value
    return float(outcome.kind is OutcomeKind.HAPPENED)
