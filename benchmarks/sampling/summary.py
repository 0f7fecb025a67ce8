"""The summary: which share of what all rows teach is kept, by way and share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from sampling.tasks import Task
from sampling.trial import SHARES, TESTS, WAYS, Result, Way

DEMANDED: Final = {0.01: 0.70, 0.02: 0.78, 0.05: 0.86}


class Kept(NamedTuple):
    """What one task keeps in one test: means over halves, then seeds.

    Attributes:
        test: Number of the test.
        whole: Average precision that all rows teach.
        large: The same of a larger model.
        precision: What the samples teach.
        error: Their calibration error; `raw_error` without its correction.
        whole_error: That of all rows.
    """

    task: Task
    test: int
    whole: float
    large: float
    precision: float
    error: float
    raw_error: float
    whole_error: float

    @property
    def ratio(self) -> float:
        """Share of the average precision that is kept."""
        return self.precision / self.whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One way at one share over all tasks and tests."""

    way: Way
    share: float
    rows: float
    events: float
    kept: tuple[Kept, ...]

    @property
    def worst(self) -> Kept:
        """The task and test that keeps least."""
        return min(self.kept, key=lambda each: each.ratio)

    @property
    def median(self) -> float:
        """What the task and test in the middle keeps."""
        return float(np.median([each.ratio for each in self.kept]))

    def mean(self, name: str) -> float:
        """Return the mean of a figure over tasks and tests."""
        return float(np.mean([getattr(each, name) for each in self.kept]))

    def document(self) -> dict[str, Any]:
        """Return it as one JSON object."""
        worst = self.worst
        return {
            "scheme": self.way.scheme,
            "weighing": self.way.weighing,
            "share": self.share,
            "rows": round(self.rows),
            "events": round(self.events),
            "kept_worst": round(worst.ratio, 3),
            "kept_worst_of": f"{worst.task.kind}/{worst.task.name}/{TESTS[worst.test]}",
            "kept_median": round(self.median, 3),
            "calibration_error": round(self.mean("error"), 4),
            "calibration_error_uncorrected": round(self.mean("raw_error"), 4),
            "calibration_error_all_rows": round(self.mean("whole_error"), 4),
        }


def summaries(found: Sequence[Result]) -> list[Summary]:
    """Return the summary of each way and share, the product's first."""
    return [
        _summary([r for r in found if (r.way, r.share) == (way, share)], found)
        for way in WAYS
        for share in SHARES
    ]


def document(found: Sequence[Result]) -> dict[str, Any]:
    """Return all summaries as one JSON object."""
    return {
        "tasks": len({each.task for each in found}),
        "seeds": len({each.seed for each in found}),
        "ways": [each.document() for each in summaries(found)],
    }


def _summary(mine: Sequence[Result], everything: Sequence[Result]) -> Summary:
    first = mine[0]
    if first.way is None:
        raise ValueError("all rows are no way of sampling")
    return Summary(
        way=first.way,
        share=first.share,
        rows=float(np.mean([each.rows for each in mine])),
        events=float(np.mean([each.events for each in mine])),
        kept=tuple(_kept(mine, everything)),
    )


def _kept(mine: Sequence[Result], everything: Sequence[Result]) -> Iterator[Kept]:
    for task in dict.fromkeys(each.task for each in mine):
        of = [each for each in mine if each.task == task]
        whole = [e for e in everything if e.task == task and e.way is None]
        for test in range(len(TESTS)):
            yield Kept(
                task=task,
                test=test,
                whole=_mean(e.tests[test].precision for e in whole),
                large=_mean(e.large[test].precision for e in whole),
                precision=_mean(e.tests[test].precision for e in of),
                error=_mean(e.tests[test].error for e in of),
                raw_error=_mean(e.tests[test].raw_error for e in of),
                whole_error=_mean(e.tests[test].error for e in whole),
            )


def _mean(values: Iterator[float]) -> float:
    return float(np.mean(list(values)))
