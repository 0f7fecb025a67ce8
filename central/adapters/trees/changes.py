"""The recipe of the value starters: a quantile a booster, in the host's own units."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import lightgbm
import numpy as np
import numpy.typing as npt

from central.adapters.trees.onnx import OnnxTrees, onnx_scaled

_SETTINGS: Final = {
    "objective": "quantile",
    "num_leaves": 8,
    "learning_rate": 0.08,
    "lambda_l2": 5.0,
    "max_bin": 127,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 2,
    "verbosity": -1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeTrees:
    """Boosters of a change, one a level, in units of the last feature.

    Attributes:
        boosters: Of all features but the last, by rising level.
        width: Features, the last among them.
    """

    boosters: Sequence[lightgbm.Booster]
    width: int

    def quantiles(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return the quantiles in units of the scale, rising, shape (n, levels)."""
        said = [booster.predict(features[:, :-1]) for booster in self.boosters]
        return np.sort(np.column_stack(said).astype(np.float64), axis=1)

    def model(self, shifts: Sequence[float]) -> OnnxTrees:
        """Return the model that adds a shift to each level and puts back the unit."""
        return onnx_scaled(
            [booster.dump_model() for booster in self.boosters],
            shifts=shifts,
            width=self.width,
            scale=self.width - 1,
        )


class ChangeTrainer:
    """Grows a booster a level, the same ones from the same examples.

    Args:
        seed: Of whatever is drawn.
        rounds: Trees a level.
    """

    def __init__(self, *, seed: int, rounds: int = 120) -> None:
        self._seed = seed
        self._rounds = rounds

    def learn(
        self,
        features: npt.NDArray[np.float32],
        change: npt.NDArray[np.float64],
        *,
        levels: Sequence[float],
    ) -> ChangeTrees:
        """Return what the examples teach; see `central.ports.values.ValueTrainer`."""
        boosters = [
            self._booster(features[:, :-1], change, alpha=level) for level in levels
        ]
        return ChangeTrees(boosters=boosters, width=features.shape[1])

    def _booster(
        self,
        features: npt.NDArray[np.float32],
        change: npt.NDArray[np.float64],
        *,
        alpha: float,
    ) -> Any:  # noqa: ANN401 - untyped library
        settings = {**_SETTINGS, "seed": self._seed, "alpha": alpha}
        rows = lightgbm.Dataset(features, label=change.astype(np.float32))
        return lightgbm.train(settings, rows, num_boost_round=self._rounds)
