"""Training, and the ways in which a release is damaged on purpose."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import lightgbm
import msgspec
import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper
from tracing.survey import Known
from tracing.tasks import Task

from agent.core.manifest import parse_manifest
from agent.wiring.replay import ReleaseFolder
from central.adapters.trees import OnnxTrees, TreeTrainer
from central.core.draft import Draft, ModelFacts
from central.core.golden import golden_inputs, golden_vectors
from central.core.skill import best_threshold

# A share of the examples and of the features for each tree: so seeds make a difference.
_SETTINGS: Final = {
    "num_leaves": 15,
    "learning_rate": 0.05,
    "lambda_l2": 5.0,
    "min_data_in_leaf": 100,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "feature_fraction": 0.7,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
_ROUNDS: Final = 150
# A shared processor may keep a model waiting: that is not what is tried here.
_LIMITS: Final = {"latency_ms": 100, "memory_mb": 64}
_RAREST: Final = 1e-4


class Who(StrEnum):
    """What is offered: two good releases, and the damaged ones."""

    GOOD = "good"
    GOOD_TOO = "good, another seed"
    INVERTED = "inverted"
    CONSTANT = "constant"
    DISORDERED = "wrong feature order"
    STRANGER = "another kind of machine"


DAMAGED: Final = (Who.INVERTED, Who.CONSTANT, Who.DISORDERED, Who.STRANGER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """A release's model, as it will be served.

    Attributes:
        document: The ONNX bytes.
        order: Which feature stands in each place of what the manifest lists.
        threshold: From which probability on an alarm is raised; None for a value.
    """

    document: bytes
    order: tuple[int, ...]
    threshold: float | None = None

    @property
    def sha256(self) -> str:
        """The file's name."""
        return hashlib.sha256(self.document).hexdigest()

    def said(self, known: Known) -> npt.NDArray[np.float64]:
        """Return what the release says at each moment."""
        return OnnxTrees(document=self.document).score(known.features[:, self.order])


@dataclass(frozen=True, slots=True, kw_only=True)
class School:
    """All releases of a task for the machines of one half.

    Attributes:
        releases: The models, by what they are.
        folder: Where their files are, named by their SHA-256.
    """

    task: Task
    releases: Mapping[Who, Taught]
    folder: Path

    def release(self, who: Who, *, version: int) -> ReleaseFolder:
        """Return a release as the courier would bring it."""
        taught = self.releases[who]
        paper = self.task.paper(version=version)
        paper["features"] = [paper["features"][place] for place in taught.order]
        paper["limits"] = _LIMITS
        if taught.threshold is not None:
            threshold = round(taught.threshold, 3)
            paper["decision"] = {
                "threshold": threshold,
                "clear": round(0.7 * threshold, 3),
            }
        document = _signed(paper, taught)
        return ReleaseFolder(
            document=document,
            manifest=parse_manifest(document),
            model=self.folder / taught.sha256,
        )


def taught(task: Task, *, home: Known, abroad: Known, folder: Path) -> School:
    """Return a task's releases.

    Args:
        task: What is learnt.
        home: Moments of the other half of the same kind of machines.
        abroad: Moments of the other kind of machines.
        folder: Where model files are kept.
    """
    good = _trained(task, home, seed=1)
    places = good.order
    usual = _usual(task, home)
    releases = {
        Who.GOOD: good,
        Who.GOOD_TOO: _trained(task, home, seed=2),
        Who.INVERTED: replace(good, document=_bent(good.document, slope=-1, shift=0)),
        Who.CONSTANT: replace(
            good, document=_bent(good.document, slope=0, shift=usual)
        ),
        Who.DISORDERED: replace(good, order=places[::-1]),
        Who.STRANGER: _trained(task, abroad, seed=1),
    }
    for each in releases.values():
        (folder / each.sha256).write_bytes(each.document)
    return School(task=task, releases=releases, folder=folder)


def _trained(task: Task, known: Known, *, seed: int) -> Taught:
    trainer = _Trainer(is_event=task.is_event, seed=seed)
    width = known.features.shape[1]
    trees = trainer.train(known.features, known.came, signs=())
    document = trees.document if task.is_event else _without_sigmoid(trees.document)
    found = Taught(document=document, order=tuple(range(width)))
    if not task.is_event:
        return found
    threshold = best_threshold(found.said(known), known.came > 0)
    return replace(found, threshold=min(max(threshold, 0.01), 0.99))


class _Trainer(TreeTrainer):
    """Trains as the starters are trained, values too."""

    def __init__(self, *, is_event: bool, seed: int) -> None:
        super().__init__(seed=seed, rounds=_ROUNDS)
        self._objective = "binary" if is_event else "regression_l1"

    def _booster(
        self,
        features: npt.NDArray[np.float32],
        happened: npt.NDArray[Any],
        *,
        signs: Sequence[int],
    ) -> lightgbm.Booster:
        settings = {**_SETTINGS, "objective": self._objective, "seed": self._seed}
        examples = lightgbm.Dataset(features, label=happened.astype(np.float32))
        return lightgbm.train(settings, examples, num_boost_round=self._rounds)


def _usual(task: Task, known: Known) -> float:
    """Return what a model says that has learnt nothing, before its last step."""
    if not task.is_event:
        return float(np.median(known.came))
    rate = min(max(float(np.mean(known.came)), _RAREST), 1 - _RAREST)
    return math.log(rate / (1 - rate))


def _bent(document: bytes, *, slope: float, shift: float) -> bytes:
    """Return the model with `slope * trees + shift` in place of what its trees say."""
    model = onnx.load_from_string(document)
    graph = model.graph
    trees = graph.node[0]
    said = trees.output[0]
    trees.output[0] = "trees"
    for name, value in (("slope", slope), ("shift", shift)):
        graph.initializer.append(
            helper.make_tensor(name, onnx.TensorProto.FLOAT, [1], [value])
        )
    graph.node.insert(1, helper.make_node("Mul", ["trees", "slope"], ["sloped"]))
    graph.node.insert(2, helper.make_node("Add", ["sloped", "shift"], [said]))
    return bytes(model.SerializeToString(deterministic=True))


def _without_sigmoid(document: bytes) -> bytes:
    """Return the model with its trees' sum as its answer, under the same name."""
    model = onnx.load_from_string(document)
    trees, sigmoid = model.graph.node
    trees.output[0] = sigmoid.output[0]
    model.graph.node.remove(sigmoid)
    return bytes(model.SerializeToString(deterministic=True))


def _signed(paper: dict[str, Any], taught: Taught) -> bytes:
    """Return the whole manifest: the model as its file shows itself, and its golden."""
    trees = OnnxTrees(document=taught.document)
    facts = ModelFacts(
        sha256=taught.sha256,
        length=len(taught.document),
        opset=trees.opset,
        ir=trees.ir,
    )
    draft = Draft({**paper, "model": {}}).with_model(facts)
    manifest = parse_manifest(draft.document())
    inputs = golden_inputs(manifest)
    rows = np.array(msgspec.to_builtins(inputs), dtype=np.float32)
    scores = trees.score(rows)[:, None].tolist()
    return draft.with_golden(
        golden_vectors(inputs, scores, manifest=manifest)
    ).document()
