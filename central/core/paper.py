"""Papers of a release: its manifest and its card, from what was learnt and found."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from central.core.figures import Figures

_DIGITS: Final = 6
_QUANTILES: Final = np.linspace(0, 1, 11)
Matrix = npt.NDArray[np.float32]


class Planned(Protocol):
    """A task as papers speak of it."""

    @property
    def task(self) -> str:
        """Its name."""
        ...

    @property
    def title(self) -> str:
        """What it predicts, in words."""
        ...

    @property
    def entity(self) -> str:
        """Of what there may be several on a host."""
        ...

    @property
    def metric(self) -> str:
        """What is watched."""
        ...

    @property
    def series(self) -> str:
        """The series as the manifest spells it."""
        ...

    @property
    def condition(self) -> str:
        """The condition as the manifest spells it."""
        ...

    @property
    def sustained(self) -> str:
        """For how long it must hold."""
        ...

    @property
    def within(self) -> str:
        """The horizon."""
        ...

    @property
    def score_every(self) -> str:
        """How often it is predicted."""
        ...

    @property
    def min_coverage(self) -> float:
        """As in the manifest."""
        ...

    @property
    def calibration(self) -> str | None:
        """As in the manifest; None: hosts leave the probabilities as they are."""
        ...

    def spelled(self) -> list[str]:
        """Return the features as the manifest spells them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is to be told of one release.

    Attributes:
        plan: The task.
        model: The manifest's table of that name.
        threshold: From which probability on an alarm is raised.
        golden: Features and score of each golden vector.
        features: What was learnt from; shape (n, n_features).
        provenance: Where that came from: trained_at, rows, hosts, data_sha256.
        split: How it was tested, in words.
        figures: What came of it, the first being the headline; name -> figures.
        notes: For people: what it learnt from, what it cannot do.
        comparison: With others than the baseline, for programs; empty for none.
        more: The same for people: lines of Markdown that end the card.
    """

    plan: Planned
    model: Mapping[str, object]
    threshold: float
    golden: Sequence[tuple[Sequence[float | None], float]]
    features: Matrix
    provenance: Mapping[str, object]
    split: str
    figures: Mapping[str, Figures]
    notes: Sequence[str]
    comparison: Mapping[str, object] = field(default_factory=dict)
    more: Sequence[str] = ()


def manifest(facts: Facts) -> bytes:
    """Return the manifest: JSON, for people to read, too."""
    plan = facts.plan
    content = {
        "schema": 1,
        "task": plan.task,
        "version": 1,
        "title": plan.title,
        "entity": plan.entity,
        "target": {
            "kind": "event",
            "series": plan.series,
            "condition": plan.condition,
            "sustained": plan.sustained,
            "within": plan.within,
            "onset": True,
        },
        "score_every": plan.score_every,
        "features": plan.spelled(),
        "min_coverage": plan.min_coverage,
        "missing": "nan",
        "model": dict(facts.model),
        "decision": decision(facts.threshold),
        **({"calibration": plan.calibration} if plan.calibration else {}),
        "golden": [
            {"features": list(features), "score": [score], "tolerance": 1e-4}
            for features, score in facts.golden
        ],
        "limits": {"latency_ms": 5, "memory_mb": 64},
        "requires": {"agent": ">=0.1", "metrics": [plan.metric]},
        "reference": {
            "quantiles": _quantiles(facts.features),
            "rows": len(facts.features),
        },
        "provenance": {**facts.provenance, "evaluation": _evaluation(facts)},
    }
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()


def neat(row: Matrix) -> list[float | None]:
    """Return features as a manifest spells them: few digits, null for a gap."""
    return [_neat(value) for value in row.tolist()]


def card(facts: Facts) -> bytes:
    """Return the card: what the release is, how good, and what it cannot do."""
    plan = facts.plan
    lines = [
        f"# {plan.task}, version 1",
        "",
        (
            f"{plan.title}: `{plan.series} {plan.condition}`, sustained "
            f"{plan.sustained}, within {plan.within}, onset only."
        ),
        "",
        *(f"- {note}" for note in facts.notes),
        "",
        "## How good it is",
        "",
        (
            f"{facts.split} Only moments at which the condition does not hold yet are "
            "counted. *Skill* is the share of the squared error (Brier) that is "
            "saved: over always saying the tested moments' own rate, and, in the "
            "column *over baseline*, over the agent's built-in baseline that has "
            "learnt from the same host's past; in brackets its 95 % interval over "
            "whole hosts and days. ECE is the mean distance between what was said "
            "and what came."
        ),
        "",
        *_table(facts.figures),
        "",
        *(_verdict(name, found) for name, found in facts.figures.items()),
        "",
        (
            f"An alarm is raised from {decision(facts.threshold)['threshold']} on "
            f"and is over below {decision(facts.threshold)['clear']}; chosen for the "
            "best F1 on moments that neither taught nor tested."
        ),
        *facts.more,
    ]
    return ("\n".join(lines) + "\n").encode()


def decision(threshold: float) -> dict[str, float]:
    """Return from which probability on an alarm is raised, and below which it ends."""
    return {"threshold": round(threshold, 3), "clear": round(0.7 * threshold, 3)}


def _evaluation(facts: Facts) -> dict[str, object]:
    name, head = next(iter(facts.figures.items()))
    return {
        "test": name,
        **head.document(),
        "split": facts.split,
        "tests": {name: found.document() for name, found in facts.figures.items()},
        **({"comparison": facts.comparison} if facts.comparison else {}),
        "card": "card.md",
    }


def _quantiles(features: Matrix) -> list[list[float | None]]:
    return [_ladder(column[~np.isnan(column)]) for column in features.T]


def _ladder(known: npt.NDArray[np.float32]) -> list[float | None]:
    """Return the quantiles of what is known of a feature; null where nothing is."""
    if not len(known):
        return [None] * len(_QUANTILES)
    return [_neat(float(value)) for value in np.quantile(known, _QUANTILES)]


def _neat(value: float) -> float | None:
    return float(f"{value:.{_DIGITS}g}") if np.isfinite(value) else None


_COLUMNS: Final = (
    "test | moments | events | average precision (baseline) | skill (baseline) "
    "| over baseline | ECE (baseline) | precision | recall"
)


def _table(found: Mapping[str, Figures]) -> list[str]:
    return [
        f"| {_COLUMNS} |",
        "|" + " --- |" * (_COLUMNS.count("|") + 1),
        *(_line(name, figures) for name, figures in found.items()),
    ]


def _line(name: str, found: Figures) -> str:
    low, high = _text(found.gain_low), _text(found.gain_high)
    cells = [
        name,
        f"{found.rows}",
        f"{found.events}",
        f"{_text(found.auprc)} ({_text(found.baseline_auprc)})",
        f"{_text(found.brier_skill)} ({_text(found.baseline_brier_skill)})",
        f"{_text(found.gain)} [{low}, {high}]",
        (
            f"{_text(found.calibration_error, 4)} "
            f"({_text(found.baseline_calibration_error, 4)})"
        ),
        _text(found.precision),
        _text(found.recall),
    ]
    return f"| {' | '.join(cells)} |"


def _verdict(name: str, found: Figures) -> str:
    if not found.happened:
        said = "nothing happened, so nothing can be said"
    elif found.is_better:
        said = "better than the baseline"
    elif found.is_worse:
        said = "WORSE than the baseline"
    else:
        said = "not shown to be better or worse than the baseline"
    return f"- {name}: {said}."


def _text(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
