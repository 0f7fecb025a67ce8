"""A stand-in for the shipped release: the starters' recipe, on some machines only."""

import json
from collections.abc import Iterator
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Final

import numpy as np
from retraining.world import SEED, Job, lived
from tracing.machines import PROJECT

from central.adapters.trees import TreeTrainer
from central.core.examples import joined
from central.core.material import Material
from central.core.plan import Plan
from central.core.recording import restarts

_HOUR_S: Final = 3600.0
_RESTLESS_STEP: Final = 2


def starter_of(plan: Plan) -> Path:
    """Return the folder of the starter that is really shipped."""
    return PROJECT / "agent" / "starters" / plan.task


def stand_in(plan: Plan, material: Material, workers: Pool) -> dict[str, bytes]:
    """Return manifest and model; the manifest is the starter's but for the model."""
    rng = np.random.default_rng(SEED)
    lives = workers.map(lived, _jobs(plan, material, rng), chunksize=1)
    known = joined([life.examples for life in lives])
    model = TreeTrainer(seed=SEED).train(
        known.features, known.happened, signs=plan.signs
    )
    content = json.loads((starter_of(plan) / "manifest.json").read_text())
    for name in ("golden", "provenance"):
        content.pop(name, None)
    for name in ("sha256", "length", "opset", "ir"):
        del content["model"][name]
    manifest = json.dumps({**content, "version": 1}).encode()
    return {"manifest.json": manifest, "model.onnx": model.document}


def _jobs(plan: Plan, material: Material, rng: np.random.Generator) -> Iterator[Job]:
    """Yield what is lived through: each recording with few restarts, then with many."""
    for recording in material.recordings:
        rows, every = len(recording.values), material.every[recording.interval_s]
        starts = rng.integers(0, rows, rows // material.restart_every)
        yield Job(plan, recording, every, frozenset(starts.tolist()))
    for recording in material.recordings:
        rows, every = len(recording.values), material.every[recording.interval_s]
        longest = round(_HOUR_S / recording.interval_s)
        starts_ = restarts(rows, longest=longest, rng=rng)
        yield Job(plan, recording, _RESTLESS_STEP * every, starts_)
