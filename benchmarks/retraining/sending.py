"""What the agents of the senders report: samples, hour by hour within a budget."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from retraining.world import SEED, Lived, day_of

from agent.core.envelope import Envelope, Labelled, LabelledRow, Span
from agent.core.envelope.labelled import row_of
from agent.core.quantity import duration_s
from agent.core.reporting import Sender, cost
from agent.core.sampling import SCHEME, choose
from central.core.plan import Plan

START: Final = datetime(2026, 1, 5, tzinfo=UTC)
_DAY: Final = timedelta(days=1)
_DAY_S: Final = 86_400.0
_ROWS_AN_HOUR: Final = 60
# The shipped starters share a host's budget.
_STARTERS: Final = 3
_BUDGET_BYTES: Final = int(
    next(
        field.default
        for name, field in Sender.__dataclass_fields__.items()
        if name == "labelled_bytes_per_day"
    )
)


def share_of(plan: Plan, lives: list[Lived]) -> float:
    """Return which share of its moments a host at its usual pace may send by default.

    The recordings have a sample a minute, so a host of theirs would stay far below the
    budget; the share is that of a host that scores as often as the manifest says.
    """
    rows = [
        _row(life, 0, digest="a" * 64, task=plan.task, said=0.123) for life in lives
    ]
    row_bytes = float(np.mean([cost(row) for row in rows]))
    moments_a_day = _DAY_S / duration_s(plan.score_every)
    return min(1.0, _BUDGET_BYTES / _STARTERS / row_bytes / moments_a_day)


def envelopes(
    life: Lived,
    *,
    plan: Plan,
    digest: str,
    said: np.ndarray,
    share: float,
) -> Iterator[Envelope]:
    """Yield the reports of a machine's hosts, one a host and day; each case is a host.

    Args:
        life: The machine.
        plan: The task.
        digest: Of the release that ran.
        said: What it said, a moment each.
        share: Of the moments that may be sent.
    """
    found, days = life.examples, day_of(life.examples.row)
    rng = np.random.default_rng([SEED, sum(life.machine.encode())])
    for case in range(int(found.case.max()) + 1):
        own = life.early() & (found.case == case)
        for number, day in enumerate(sorted(set(days[own].tolist())), start=1):
            places = np.flatnonzero(own & (days == day))
            picked = _chosen(life, places, share=share, rng=rng)
            rows = tuple(
                _row(
                    life, place, digest=digest, task=plan.task, said=float(said[place])
                )
                for place, _ in picked
            )
            yield Envelope(
                schema=1,
                host_id=f"{life.machine}.case-{case}",
                sequence=number,
                agent="1.0",
                labels={"cluster": life.group},
                window=Span(start=START + day * _DAY, end=START + (day + 1) * _DAY),
                labelled=Labelled(
                    scheme=SCHEME, rows=rows, weights=tuple(w for _, w in picked)
                ),
            )


def _chosen(
    life: Lived, places: np.ndarray, *, share: float, rng: np.random.Generator
) -> list[tuple[int, float]]:
    """Return what leaves of a day, and for how many each one stands: hour by hour."""
    hours = life.examples.row[places] // _ROWS_AN_HOUR
    picked: list[tuple[int, float]] = []
    for hour in np.unique(hours):
        within = places[hours == hour]
        happened = life.examples.happened[within]
        at, weights = choose(
            np.flatnonzero(happened).tolist(),
            np.flatnonzero(~happened).tolist(),
            budget=share * len(within),
            rng=rng,
        )
        picked += zip(within[at].tolist(), weights, strict=True)
    return picked


def _row(
    life: Lived, place: int, *, digest: str, task: str, said: float
) -> LabelledRow:
    found = life.examples
    return LabelledRow(
        task=task,
        release=digest,
        entity="",
        at=START + timedelta(minutes=int(found.row[place])),
        label=float(found.happened[place]),
        baseline=(float(found.baseline[place]),),
        active=(said,),
        features=row_of(found.features[place]),
    )
