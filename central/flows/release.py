"""What every starter release has: its files, the model's table, golden vectors."""

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from central.core.figures import Figures
from central.core.paper import neat
from central.ports import TrainedModel

SEED: Final = 20261123
TRAINED_AT: Final = "2026-11-23T00:00:00Z"

_GOLDEN: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Starter:
    """A starter release.

    Attributes:
        task: Its task.
        files: Name -> content.
        figures: What its test came to; name of the cut -> figures.
    """

    task: str
    files: dict[str, bytes]
    figures: dict[str, Figures]


def model_table(model: TrainedModel) -> dict[str, object]:
    """Return what the manifest says of the model's file."""
    return {
        "format": "onnx",
        "sha256": hashlib.sha256(model.document).hexdigest(),
        "length": len(model.document),
        "opset": model.opset,
        "ir": model.ir,
        "input": "features",
        "output": "probability",
    }


def golden(
    model: TrainedModel, features: npt.NDArray[np.float32]
) -> list[tuple[list[float | None], float]]:
    """Return golden vectors over the whole range of scores, with and without gaps."""
    scores = model.score(features)
    has_gaps = np.isnan(features).any(axis=1)
    picked: list[int] = []
    for mask in (has_gaps, ~has_gaps):
        rows = np.flatnonzero(mask)
        ordered = rows[np.argsort(scores[rows], kind="stable")]
        places = np.linspace(0, len(ordered) - 1, _GOLDEN // 2).astype(np.intp)
        picked += ordered[places].tolist() if len(ordered) else []
    vectors = [neat(features[row]) for row in picked]
    gaps = [[np.nan if v is None else v for v in vector] for vector in vectors]
    answers = model.score(np.array(gaps, dtype=np.float32)).tolist()
    return list(zip(vectors, answers, strict=True))
