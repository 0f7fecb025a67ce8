"""Boosters of LightGBM, wherever they were grown, and the parameters they grow by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import lightgbm
import numpy as np
import numpy.typing as npt

from central.adapters.trees.onnx import OnnxTrees, onnx_quantiles, onnx_trees
from central.core.settings import Settings

_ALWAYS: Final = {
    "max_bin": 127,
    # Whether a feature has gaps is looked up among so many rows.
    "bin_construct_sample_cnt": 2_000_000,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 2,
    "verbosity": -1,
}
_SHARE_OF_ROWS: Final = 0.7
_HESSIAN_A_ROW: Final = 1 / 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BoostedTrees:
    """Boosters of an event: the log-odds are the mean of theirs.

    Attributes:
        boosters: Of the same features.
        width: Features.
    """

    boosters: Sequence[lightgbm.Booster]
    width: int

    def raw(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return the log-odds of features (n, n_features), by LightGBM itself."""
        said = [booster.predict(features, raw_score=True) for booster in self.boosters]
        return np.asarray(np.mean(said, axis=0), dtype=np.float64)

    def model(self, *, slope: float, shift: float) -> OnnxTrees:
        """Return the ONNX model whose log-odds are `slope` times raw plus `shift`."""
        dumps = [booster.dump_model() for booster in self.boosters]
        return onnx_trees(dumps, width=self.width, slope=slope, shift=shift)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileTrees:
    """Boosters of a value, one a level.

    Attributes:
        boosters: Of the same features, by rising level.
        width: Features.
    """

    boosters: Sequence[lightgbm.Booster]
    width: int

    def raw(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return the quantiles, rising, shape (n, levels), by LightGBM itself."""
        said = [booster.predict(features) for booster in self.boosters]
        return np.sort(np.column_stack(said).astype(np.float64), axis=1)

    def model(self, *, slope: float, shift: float) -> OnnxTrees:
        """Return the ONNX model; a value has no log-odds, so both are left aside."""
        dumps = [booster.dump_model() for booster in self.boosters]
        return onnx_quantiles(dumps, width=self.width)


def parameters(
    settings: Settings, *, signs: Sequence[int], bag: int = 0
) -> dict[str, Any]:
    """Return what LightGBM is to grow one booster by; `rounds` is not among them.

    Args:
        settings: How trees are grown.
        signs: Which way each feature may move the answer.
        bag: Number of the booster: of an event its bag, of a value its level.
    """
    found = {
        **_ALWAYS,
        "objective": "binary",
        "num_leaves": settings.leaves,
        "learning_rate": settings.rate,
        "lambda_l2": settings.l2,
        "min_data_in_leaf": settings.smallest,
        "min_sum_hessian_in_leaf": settings.smallest * _HESSIAN_A_ROW,
        "feature_fraction": settings.columns,
        "bagging_fraction": _SHARE_OF_ROWS,
        "bagging_freq": 1,
        "seed": settings.seed + bag,
    }
    if any(signs):
        found["monotone_constraints"] = list(signs)
        found["monotone_constraints_method"] = "intermediate"
    if settings.levels:
        found |= {"objective": "quantile", "alpha": settings.levels[bag]}
    return found
