"""What turns labelled samples into boosted trees, and shows how good they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from central.core.exam import Paper
from central.core.samples import Samples
from central.core.settings import Settings
from central.ports.training import TrainedModel

Matrix = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """Which rows of the dataset teach: all that one selection names.

    Attributes:
        task: Of this task.
        releases: With the features of these manifests, by digest.
        hosts: Of these hosts.
        until: Predicted before this, in seconds since 1970 (UTC).
    """

    task: str
    releases: frozenset[str]
    hosts: frozenset[str]
    until: float


class Learnt(Protocol):
    """What was learnt; an event has the rate that it had by the weights that taught."""

    def raw(self, features: Matrix) -> Vector:
        """Return what the trees say of features (n, n_features), by what grew them.

        Of an event its log-odds, shape (n,); of a value its quantiles, (n, levels).
        """
        ...

    def model(self, *, slope: float, shift: float) -> TrainedModel:
        """Return the ONNX model.

        Args:
            slope: Of an event, its log-odds are this times raw plus `shift`.
            shift: As said; of a value both are left aside.
        """
        ...


class Learner(Protocol):
    """Where trees are grown."""

    def learn(
        self,
        samples: Samples,
        *,
        lesson: Lesson,
        signs: Sequence[int],
        settings: Settings,
    ) -> Learnt:
        """Return what the rows teach.

        How much a row counts is said by `central.core.weighing`, and so is what sets
        the rate of events right afterwards. The same rows, settings and signs give the
        same trees.

        Args:
            samples: The lesson's rows, as they were read here. A learner that reads
                the dataset by itself goes by the lesson instead.
            lesson: Which rows these are.
            signs: 1 where the answer may only grow with a feature, -1 where it may
                only fall, else 0.
            settings: How trees are grown.

        Raises:
            UnavailableError: The cluster cannot be had now.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture of a card.

    Attributes:
        words: What it shows.
        content: The PNG file's bytes.
    """

    words: str
    content: bytes


class Gallery(Protocol):
    """Where pictures are drawn."""

    def pictures(
        self, paper: Paper, *, weights: Mapping[str, float], threshold: float | None
    ) -> Mapping[str, Picture]:
        """Return the pictures of an exam, by the name of their files.

        Args:
            paper: What each forecaster said, and what came.
            weights: How much worse the retrained one is without each feature.
            threshold: From which probability on it alarms; None: of a value.
        """
        ...
