"""Labelled samples: weighted features with what came, for training."""

import math
from collections.abc import Sequence
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt

from agent.core.envelope.part import Count, Part, Text, Utc
from agent.core.manifest_parts import Name, Sha256

# What a float32 holds.
_Feature = Annotated[float, msgspec.Meta(ge=-3.4028235e38, le=3.4028235e38)]
_Features = Annotated[tuple[_Feature | None, ...], msgspec.Meta(max_length=512)]
_Values = Annotated[tuple[float, ...], msgspec.Meta(max_length=100)]


class LabelledRow(
    msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True
):
    """One resolved moment.

    Attributes:
        task: The task's name.
        release: Digest of the manifest whose features these are, in its order.
        entity: What it speaks of; empty for the host itself.
        at: When it was predicted.
        label: 1 or 0 for an event, else the value that came.
        baseline: What the baseline said.
        active: What the active release said; empty where there was none.
        features: A gap is `null`; the shortest decimals that read back as the same
            float32.
    """

    task: Name
    release: Sha256
    entity: Text
    at: Utc
    label: float
    baseline: _Values
    active: _Values
    features: _Features


class Seen(Part, frozen=True):
    """What the rows of one task were chosen from, since the last report.

    Attributes:
        events: Resolved moments that happened; of a value task all are `quiet`.
        quiet: Resolved moments that did not.
        sent_events: How many of the events are among the rows.
        sent_quiet: How many of the others.
    """

    task: Name
    events: Count = 0
    quiet: Count = 0
    sent_events: Count = 0
    sent_quiet: Count = 0


class Labelled(Part, frozen=True):
    """The labelled samples of a report.

    Attributes:
        scheme: How they were chosen.
        weights: For how many resolved moments each row stands: the inverse of the
            probability with which it was chosen.
    """

    scheme: Annotated[str, msgspec.Meta(max_length=64)]
    rows: tuple[LabelledRow, ...] = ()
    weights: tuple[Annotated[float, msgspec.Meta(ge=1)], ...] = ()
    seen: tuple[Seen, ...] = ()


def row_of(features: npt.NDArray[np.float32]) -> tuple[float | None, ...]:
    """Return features as they are sent: few digits, None for a gap."""
    return tuple(
        float(str(value)) if math.isfinite(value) else None for value in features
    )


def flaw(labelled: Labelled) -> str:
    """Return what makes a set of samples impossible; or nothing."""
    if len(labelled.rows) != len(labelled.weights):
        return (
            f"labelled.weights: expected {len(labelled.rows)}, one a row, "
            f"got {len(labelled.weights)}"
        )
    return _too_many(labelled.seen)


def _too_many(seen: Sequence[Seen]) -> str:
    for each in seen:
        if each.sent_events > each.events or each.sent_quiet > each.quiet:
            return (
                f"labelled.seen of {each.task}: expected no more sent than seen, got "
                f"{each.sent_events} of {each.events} events and {each.sent_quiet} of "
                f"{each.quiet} others"
            )
    return ""
