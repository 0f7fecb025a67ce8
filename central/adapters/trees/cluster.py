"""Grows trees on a Dask cluster, whose workers read the dataset by themselves."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import lightgbm
import numpy as np
from dask import array
from dask.delayed import delayed
from distributed import Client, KilledWorker

from agent.errors import UnavailableError
from central.adapters.trees.boosted import BoostedTrees, QuantileTrees, parameters
from central.core.samples import Samples
from central.core.settings import Settings
from central.core.weighing import teaching_weight
from central.ports.dataset import Dataset, Part
from central.ports.learning import Lesson

_PATIENCE_S: Final = 15.0
# What they are on one machine is not offered to several.
_NOT_SHARED: Final = {"monotone_constraints_method": "basic"}
_OF_WORKERS: Final = "num_threads"


@contextmanager
def connected(address: str) -> Iterator[Client]:
    """Yield the cluster of a scheduler, such as `tcp://scheduler:8786`.

    Raises:
        UnavailableError: No scheduler answers there, or it has no workers.
    """
    try:
        client = Client(address, timeout=_PATIENCE_S)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise UnavailableError(
            f"--dask {address}: expected a Dask scheduler, got none: {error}"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE_S)
        except TimeoutError as error:
            raise UnavailableError(
                f"--dask {address}: expected a worker or more, got none"
            ) from error
        yield client


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows that lie on the workers, a part a day; none is empty."""

    features: Any
    label: Any
    weight: Any


class ClusterLearner:
    """Grows trees where the rows are read: none of them is sent from here.

    The trees are those that one machine would grow, but for two things: the bins of the
    features are drawn from each worker's own rows, and constraints on which way a
    feature may move the answer are kept in a plainer way. So the same rows on the same
    workers need not give the same bytes.
    """

    def __init__(self, client: Client, *, dataset: Dataset) -> None:
        self._client = client
        self._dataset = dataset

    def learn(
        self,
        samples: Samples,
        *,
        lesson: Lesson,
        signs: Sequence[int],
        settings: Settings,
    ) -> BoostedTrees | QuantileTrees:
        """Return what the rows teach; see `central.ports.learning.Learner`.

        Raises:
            UnavailableError: The cluster cannot be had any more, or its workers find
                none of the rows.
            StateError: A file of the dataset is damaged; names it.
        """
        width = samples.features.shape[1]
        try:
            rows = self._rows(lesson, width=width)
            rows = replace(rows, weight=_counted(rows.weight, samples, settings))
            boosters = tuple(
                self._booster(
                    rows, parameters(settings, signs=signs, bag=bag), settings
                )
                for bag in range(len(settings.levels) or settings.bags)
            )
        except (KilledWorker, OSError) as error:
            raise UnavailableError(f"cluster: {error}") from error
        kind = QuantileTrees if settings.levels else BoostedTrees
        return kind(boosters=boosters, width=width)

    def _rows(self, lesson: Lesson, *, width: int) -> _Rows:
        # A moment more than asked for: a worker sees to it to the last bit.
        until = datetime.fromtimestamp(lesson.until, UTC) + timedelta(seconds=1)
        parts = self._dataset.parts(
            lesson.task, releases=lesson.releases, width=width, until=until
        )
        client: Any = self._client
        read = client.map(_read, parts, lesson=lesson, pure=False)
        counts = client.gather(client.map(len, read))
        held = [(part, n) for part, n in zip(read, counts, strict=True) if n]
        if not held:
            raise UnavailableError(
                f"cluster: expected samples of {lesson.task} where its workers read "
                "the dataset, got none; they must reach the same dataset.url"
            )
        return _Rows(
            features=_column(self._client, held, "features", np.float32, (width,)),
            label=_column(self._client, held, "label", np.float64),
            weight=_column(self._client, held, "weight", np.float64),
        )

    def _booster(
        self, rows: _Rows, known: dict[str, Any], settings: Settings
    ) -> lightgbm.Booster:
        shared = known | _NOT_SHARED
        del shared[_OF_WORKERS]
        # Not the classifier: a worker whose rows are all quiet would not know that
        # there are two classes.
        model = lightgbm.DaskLGBMRegressor(
            client=self._client, n_estimators=settings.rounds, **shared
        )
        with warnings.catch_warnings():
            # Said of a default that nobody set.
            warnings.filterwarnings("ignore", message="Parameter n_jobs will be")
            model.fit(rows.features, rows.label, sample_weight=rows.weight)
        return model.booster_


def _counted(weight: Any, samples: Samples, settings: Settings) -> Any:  # noqa: ANN401 - untyped library
    """Return how much each row counts as it teaches: as here, whatever its part."""
    (known,) = teaching_weight(samples, settings=settings)[:1]
    return weight**settings.weighing * (known / samples.weight[0] ** settings.weighing)


def _column(
    client: Any,  # noqa: ANN401 - untyped library
    held: Sequence[tuple[Any, int]],
    name: str,
    kind: type[Any],
    width: tuple[int, ...] = (),
) -> Any:  # noqa: ANN401 - untyped library
    """Return one field of the parts as an array of Dask's, a chunk a part."""
    arrays: Any = array
    chunks = [
        arrays.from_delayed(
            delayed(client.submit(getattr, part, name)), (count, *width), dtype=kind
        )
        for part, count in held
    ]
    return arrays.concatenate(chunks)


def _read(part: Part, *, lesson: Lesson) -> Samples:
    """Return the rows of a part that teach; runs on a worker."""
    samples = part()
    is_taught = np.isin(samples.host, sorted(lesson.hosts))
    return samples.where(is_taught & (samples.at < lesson.until))
