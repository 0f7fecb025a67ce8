"""Let scan and trial meet models that are almost fair; prints one JSON line.

`--minutes N --seed S`; the same seed makes the same models. Every model goes through
the scan, and what passes it on to the trial, in a child as at admission. `--keep
FOLDER` keeps those that killed or outlasted the child. It ends with status 1 if a
refusal had no reason, or a scan raised.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from agent.adapters.runtime.trial import ChildTrial
from agent.core.scan import scan
from tests.fakes.mutations import mutant
from tests.fakes.onnx_files import IR, OPSET, manifest_of, sha256
from tests.fakes.seeds_onnx import SEEDS

_WALL_S = 8.0
# What a verdict's reason says, and what is then counted; the rest is a plain refusal.
_ENDS = {
    "not over after": "timed out",
    "it died of": "died",
    "it was killed": "died",
    "more processor time": "timed out",
    "ended with status": "broke",
    "no answer": "broke",
}


@dataclass(kw_only=True)
class Figures:
    """What came of the models.

    Attributes:
        cases: How many there were.
        rules: How many broke each rule of the scan first.
        trials: How many trials ended in each way.
        reasons: How many trials ended for each kind of reason.
        worst_scan_ms: The slowest scan.
    """

    cases: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    trials: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    worst_scan_ms: float = 0.0


def fuzz(
    *,
    seed: int,
    folder: Path,
    minutes: float = float("inf"),
    cases: float = float("inf"),
    keep: Path | None = None,
) -> Figures:
    """Return what came of so many models, or of so many minutes of them."""
    chance = np.random.default_rng(seed)
    seeds = [make() for make in SEEDS.values()]
    figures = Figures()
    until = perf_counter() + 60 * minutes
    for number in count():
        if number >= cases or perf_counter() >= until:
            return figures
        end = _case(mutant(chance, seeds), folder, figures)
        if keep is not None and end in ("died", "timed out", "broke"):
            for path in folder.glob("*.onnx"):
                shutil.copy(path, keep / f"{end.replace(' ', '_')}_{path.name}")
        for path in folder.glob("*.onnx"):
            path.unlink()
    raise AssertionError


def _case(document: bytes, folder: Path, figures: Figures) -> str:
    """Let one model go through scan and trial; return how it ended."""
    figures.cases += 1
    start = perf_counter()
    found = scan(document)
    spent_ms = 1000 * (perf_counter() - start)
    figures.worst_scan_ms = max(figures.worst_scan_ms, spent_ms)
    if found:
        figures.rules[found[0].rule] += 1
        return "scan"
    (folder / f"{sha256(document)}.onnx").write_bytes(document)
    verdict = ChildTrial(folder, wall_s=_WALL_S).verdict(_manifest(document))
    reason = verdict.reasons[0] if verdict.reasons else ""
    end = next((e for text, e in _ENDS.items() if text in reason), "refused")
    end = end if verdict.reasons else "accepted"
    if verdict.reasons and not all(verdict.reasons):
        end = "no reason"
    figures.trials[end] += 1
    figures.reasons[_kind(reason)] += 1
    return end


def _manifest(document: bytes) -> bytes:
    """Return a manifest of the very versions that the model names."""
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(document)
    except DecodeError:
        proto.ir_version = IR
    opsets = [o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")]
    file = {"sha256": sha256(document), "length": len(document), "ir": proto.ir_version}
    return manifest_of(document, model={**file, "opset": (*opsets, OPSET)[0]})


def _kind(reason: str) -> str:
    """Return a reason without what differs from model to model."""
    words = reason.partition(": ")[2].split()
    return " ".join(words[:5]) if words else "none"


def main() -> int:
    """Run as long as told; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        figures = fuzz(
            seed=options.seed,
            folder=Path(folder),
            minutes=options.minutes,
            keep=options.keep,
        )
    print(
        json.dumps(
            {
                "benchmark": "fuzz_models",
                "seed": options.seed,
                "minutes": options.minutes,
                "cases": figures.cases,
                "refused_by_scan": dict(figures.rules.most_common()),
                "reached_the_trial": sum(figures.trials.values()),
                "trials": dict(figures.trials.most_common()),
                "reasons": dict(figures.reasons.most_common(12)),
                "worst_scan_ms": round(figures.worst_scan_ms, 2),
            }
        )
    )
    return 1 if figures.trials["no reason"] else 0


if __name__ == "__main__":
    sys.exit(main())
