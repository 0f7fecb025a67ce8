"""Grows trees here, in this process."""

from collections.abc import Sequence
from typing import Any

import lightgbm
import numpy as np

from central.adapters.trees.boosted import BoostedTrees, QuantileTrees, parameters
from central.core.samples import Samples
from central.core.settings import Settings
from central.core.weighing import teaching_weight


class TreeLearner:
    """Grows trees from the rows that it is given, two threads at a time."""

    def learn(
        self,
        samples: Samples,
        *,
        lesson: object,
        signs: Sequence[int],
        settings: Settings,
    ) -> BoostedTrees | QuantileTrees:
        """Return what the rows teach; see `central.ports.learning.Learner`."""
        weight = teaching_weight(samples, settings=settings)

        def booster(bag: int) -> Any:  # noqa: ANN401 - untyped library
            label = samples.label.astype(np.float32)
            rows = lightgbm.Dataset(samples.features, label=label, weight=weight)
            known = parameters(settings, signs=signs, bag=bag)
            return lightgbm.train(known, rows, num_boost_round=settings.rounds)

        width = samples.features.shape[1]
        if settings.levels:
            levels = tuple(booster(level) for level in range(len(settings.levels)))
            return QuantileTrees(boosters=levels, width=width)
        bags = tuple(booster(bag) for bag in range(settings.bags))
        return BoostedTrees(boosters=bags, width=width)
