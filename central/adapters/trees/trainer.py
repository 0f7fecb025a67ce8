"""The recipe of the starter releases: boosted trees with one set of settings."""

from collections.abc import Sequence
from typing import Any, Final

import lightgbm
import numpy as np
import numpy.typing as npt

from central.adapters.trees.onnx import OnnxTrees, onnx_trees

_SMALLEST_LEAF: Final = 200

_SETTINGS: Final = {
    "objective": "binary",
    "num_leaves": 8,
    "learning_rate": 0.05,
    "lambda_l2": 5.0,
    "max_bin": 127,
    "monotone_constraints_method": "intermediate",
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 2,
    "verbosity": -1,
}


class TreeTrainer:
    """Trains boosted trees, the same ones from the same examples.

    Args:
        seed: Of whatever is drawn.
        rounds: Trees.
    """

    def __init__(self, *, seed: int, rounds: int = 90) -> None:
        self._seed = seed
        self._rounds = rounds

    def train(
        self,
        features: npt.NDArray[np.float32],
        happened: npt.NDArray[np.bool_],
        *,
        signs: Sequence[int],
    ) -> OnnxTrees:
        """Return a model of the rate; no class is weighed, so it is calibrated."""
        booster = self._booster(features, happened, signs=signs)
        return onnx_trees([booster.dump_model()], width=features.shape[1])

    def _booster(
        self,
        features: npt.NDArray[np.float32],
        happened: npt.NDArray[np.bool_],
        *,
        signs: Sequence[int],
    ) -> Any:  # noqa: ANN401 - untyped library
        # What happens once in a thousand moments needs large leaves: a small one
        # without an event would be sent far off by a single step.
        smallest = max(_SMALLEST_LEAF, len(features) // 1000)
        settings = {
            **_SETTINGS,
            "min_data_in_leaf": smallest,
            "min_sum_hessian_in_leaf": smallest / 20,
            "seed": self._seed,
            "monotone_constraints": list(signs),
        }
        examples = lightgbm.Dataset(features, label=happened.astype(np.float32))
        return lightgbm.train(settings, examples, num_boost_round=self._rounds)
