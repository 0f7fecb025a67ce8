"""Papers of a value's release: its manifest and its card, losing rows among them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.core.blocks import Estimate
from agent.core.figures import ValueFigures
from central.core.plan_values import ValuePlan
from central.core.quantiles import reference

Matrix = npt.NDArray[np.float32]
PICTURE: Final = "bands.png"
_DIGITS: Final = 6
_GOLDEN: Final = 8
# Of the host's own scale, of which every host has another.
_NO_LADDER: Final = [None] * 11

_FROM: Final = (
    "recorded servers of one company (Server Machine Dataset, MIT licence), 33 days "
    "each, a sample a minute. All is said in units of the host's own last day, so the "
    "level, the size and the kind of a host do not matter."
)
_NOTES: Final = (
    (
        "Each side of the band was shifted by what it was off on hosts left out "
        "(conformalised quantile regression). It holds on such hosts on average, not "
        "on every one: see the last column."
    ),
    (
        "Until half an hour of the host's past is known it says that nothing changes. "
        "On the first day it knows no yesterday: see the second row."
    ),
    (
        "It cannot foresee a change that neither an earlier day nor a recent movement "
        "announces: a deployment, a new job, an incident."
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueFacts:
    """What is to be told of one release.

    Attributes:
        plan: The task.
        model: The manifest's table of that name.
        golden: Features and answers of each golden vector.
        features: What was learnt from; shape (n, n_features).
        provenance: Where that came from: trained_at, rows, hosts, data_sha256.
        pooled: How it did on all hosts left out; name of the cut -> figures.
        hosts: How it did on each, in the first of the cuts.
    """

    plan: ValuePlan
    model: Mapping[str, object]
    golden: Sequence[tuple[Sequence[float | None], Sequence[float]]]
    features: Matrix
    provenance: Mapping[str, object]
    pooled: Mapping[str, ValueFigures]
    hosts: Sequence[ValueFigures]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What a test came to, in three numbers; None where nothing can be said.

    Attributes:
        error_gain: How much less the error is than that of saying nothing changes.
        pinball_gain: How much less the quantile loss is than the baseline's.
        coverage: Share of the changes inside the band.
    """

    error_gain: float | None
    pinball_gain: float | None
    coverage: float | None

    def document(self) -> dict[str, object]:
        """Return the marks as they stand in a manifest."""
        return {
            "error_gain": self.error_gain,
            "pinball_gain": self.pinball_gain,
            "coverage": self.coverage,
        }


def marks(found: ValueFigures) -> Marks:
    """Return the marks of a test."""
    return Marks(
        error_gain=_number(found.gain.value),
        pinball_gain=_number(found.pinball_gain.value),
        coverage=_number(found.coverage.value if found.coverage else None),
    )


def manifest(facts: ValueFacts) -> bytes:
    """Return the manifest: JSON, for people to read, too."""
    plan = facts.plan
    content = {
        **plan.content(),
        "model": dict(facts.model),
        "golden": [
            {
                "features": list(features),
                "score": list(score),
                "tolerance": 1e-4 * max(1.0, *map(abs, score)),
            }
            for features, score in facts.golden
        ],
        "limits": {"latency_ms": 5, "memory_mb": 64},
        "requires": {"agent": ">=0.1", "metrics": [plan.metric]},
        "reference": {
            "quantiles": _ladders(facts),
            "rows": len(facts.features),
        },
        "provenance": {**facts.provenance, "evaluation": _evaluation(facts)},
    }
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()


def golden_rows(features: Matrix, answers: npt.NDArray[np.float64]) -> list[int]:
    """Return rows whose answers span their range, with and without gaps."""
    has_gaps = np.isnan(features).any(axis=1)
    width = answers[:, -1] - answers[:, 0]
    picked: list[int] = []
    for mask in (has_gaps, ~has_gaps):
        rows = np.flatnonzero(mask)
        ordered = rows[np.argsort(width[rows], kind="stable")]
        places = np.linspace(0, len(ordered) - 1, _GOLDEN // 2).astype(np.intp)
        picked += ordered[places].tolist() if len(ordered) else []
    return picked


def neat(row: Matrix) -> list[float | None]:
    """Return features as a manifest spells them: few digits, None for a gap."""
    return [
        float(f"{value:.{_DIGITS}g}") if np.isfinite(value) else None
        for value in row.tolist()
    ]


def card(facts: ValueFacts) -> bytes:
    """Return the card: what the release is, how good, and what it cannot do."""
    plan = facts.plan
    target = f"avg_over_time({plan.metric}[5m])"
    lines = [
        f"# {plan.task}, version 1",
        "",
        (
            f"{plan.title}: the change of `{target}` from now until {plan.ahead} "
            f"ahead, as the quantiles {', '.join(f'{v:g}' for v in plan.levels)}. "
            f"Asked every {plan.score_every}."
        ),
        "",
        f"- Learnt from {len(facts.hosts)} {_FROM}{_heard(plan)}",
        *(f"- {note}" for note in _NOTES),
        "",
        "## How good it is",
        "",
        (
            "Every host was forecast by a model that learnt from the others' first "
            "60 % of the time, twins left out together, and judged on its last 30 %. "
            "*Error* is the mean absolute error of the middle quantile and how much "
            "less that is than of saying that nothing changes; *pinball* is the mean "
            "quantile loss and how much less that is than of the agent's own "
            "baseline, which is no change widened by this host's past errors. "
            "Positive is better. In brackets the 90 % interval over host-days. "
            "Together, every host counts in units of its own changes."
        ),
        "",
        *_table({**facts.pooled, **{each.scope: each for each in facts.hosts}}),
        "",
        f"![A day of one host, and how often the band held]({PICTURE})",
        "",
        *(f"- {line}" for line in _losing(facts)),
    ]
    return ("\n".join(lines) + "\n").encode()


def _heard(plan: ValuePlan) -> str:
    return f" What {plan.hears} saw on them taught it, too." if plan.hears else ""


def _ladders(facts: ValueFacts) -> list[list[float | None]]:
    found = reference(facts.features, weight=np.ones(len(facts.features)))
    found[facts.plan.scale] = list(_NO_LADDER)
    return found


def _evaluation(facts: ValueFacts) -> dict[str, object]:
    name, head = next(iter(facts.pooled.items()))
    return {
        "test": name,
        **marks(head).document(),
        "split": "later time, other hosts",
        "tests": {name: _bounded(found) for name, found in facts.pooled.items()},
        "hosts": {
            each.scope: {"rows": each.rows, **marks(each).document()}
            for each in facts.hosts
        },
        "card": "card.md",
    }


def _bounded(found: ValueFigures) -> dict[str, object]:
    """Return the marks of a test with the ends of their intervals."""
    named = {
        "error_gain": found.gain,
        "pinball_gain": found.pinball_gain,
        "coverage": found.coverage or Estimate(value=None),
    }
    ends = {
        name: [_number(each.value), _number(each.low), _number(each.high)]
        for name, each in named.items()
    }
    return {"rows": found.rows, **ends}


def _number(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


_COLUMNS: Final = (
    "tested on | moments | error, less than no change | pinball, less than the "
    "baseline | inside the band"
)


def _table(found: Mapping[str, ValueFigures]) -> list[str]:
    return [
        f"| {_COLUMNS} |",
        "|" + " --- |" * (_COLUMNS.count("|") + 1),
        *(_line(name, figures) for name, figures in found.items()),
    ]


def _line(name: str, found: ValueFigures) -> str:
    if found.withheld is not None:
        return f"| {name} | {found.rows} | {found.withheld} | | |"
    inside = Estimate(value=None) if found.coverage is None else found.coverage
    cells = [
        name,
        f"{found.rows}",
        _estimate(found.gain),
        _estimate(found.pinball_gain),
        _estimate(inside),
    ]
    return f"| {' | '.join(cells)} |"


def _estimate(found: Estimate) -> str:
    if found.value is None:
        return "-"
    if found.low is None or found.high is None:
        return f"{found.value:.2f}"
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def _losing(facts: ValueFacts) -> list[str]:
    lines = [
        f"{name}: {loss.words}."
        for name, found in {
            **facts.pooled,
            **{each.scope: each for each in facts.hosts},
        }.items()
        for loss in found.losses
    ]
    return lines or ["Nowhere was it behind no change or the baseline."]
