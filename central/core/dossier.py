"""The dossier: all that is known of a retrained release, and what is signed of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from agent import __version__
from central.core.decision import Alarms, Threshold
from central.core.exam import BASELINE, CURRENT, Gain, Result
from central.core.platt import Line
from central.core.settings import Settings


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """How much one part of the samples holds.

    Attributes:
        events: Of the rows; None for a value.
    """

    rows: int
    hosts: int
    events: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """All that is known of a retrained release.

    Attributes:
        parent: Digest of the release that it comes from.
        current: Version of the current release; None: there is none.
        made_at: When.
        amounts: Of each part of the samples: `teach`, `tune`, `judge`, and
            `all`, which teaches what is shipped.
        split: How the samples were parted.
        data_sha256: Fingerprint of the rows that taught what is shipped.
        dropped: How many samples were left out, for they cannot be.
        lightened: How many had their weight cut to `heaviest`.
        settings: The trees'.
        trials: How many settings were tried.
        shift: What set the rate right; 0 for a value.
        line: What calibrated it afterwards.
        threshold: None for a value.
        alarms: What they came to on the judged moments; None for a value.
        difference: The largest between the model's file and what it was made from.
        rescored: Whether the current release answered the very rows that were judged;
            False: what it had said on the hosts stands for it.
        loss_name: What `loss` is.
        result: Of the exam.
    """

    task: str
    version: int
    title: str
    parent: str
    current: int | None
    made_at: datetime
    amounts: Mapping[str, Amount]
    split: str
    data_sha256: str
    dropped: int
    lightened: int
    heaviest: float
    settings: Settings
    trials: int
    shift: float
    line: Line
    threshold: Threshold | None
    alarms: Alarms | None
    difference: float
    rescored: bool
    loss_name: str
    result: Result


def provenance(known: Dossier, *, card: str) -> dict[str, Any]:
    """Return what is signed about the training.

    Args:
        known: The dossier.
        card: Where the card is, from central's folder.
    """
    taught = known.amounts["all"]
    return {
        "parent": known.parent,
        "trained_at": f"{known.made_at:%Y-%m-%dT%H:%M:%SZ}",
        "trained_by": f"forewarn-central {__version__}",
        "rows": taught.rows,
        "hosts": taught.hosts,
        "data_sha256": known.data_sha256,
        "dropped": known.dropped,
        "lightened": known.lightened,
        "split": known.split,
        "parts": msgspec.to_builtins(dict(known.amounts)),
        "settings": known.settings.document(),
        "seed": known.settings.seed,
        "trials": known.trials,
        "calibration": {
            "rate_shift": round(known.shift, 6),
            "slope": round(known.line.slope, 6),
            "shift": round(known.line.shift, 6),
        },
        "evaluation": evaluation(known),
        "card": card,
    }


def evaluation(known: Dossier) -> dict[str, Any]:
    """Return what came of the exam, as it is signed and logged."""
    result = known.result
    own, baseline = result.own, result.marks[BASELINE]
    found = {
        "rows": result.rows,
        "events": result.events,
        "hosts": result.hosts,
        "loss": known.loss_name,
        "auprc": own.auprc,
        "baseline_auprc": baseline.auprc,
        "skill": own.skill,
        "baseline_skill": baseline.skill,
        "calibration_error": own.calibration_error,
        "baseline_calibration_error": baseline.calibration_error,
        "gains": {name: _interval(gain) for name, gain in result.gains.items()},
        "groups": {name: _interval(gain) for name, gain in result.groups.items()},
        "split": known.split,
    }
    if known.settings.levels == ():
        # Under the names that every event release has them.
        found |= {"brier_skill": own.skill, "baseline_brier_skill": baseline.skill}
    if (current := result.marks.get(CURRENT)) is not None:
        found |= {"current_auprc": current.auprc, "current_skill": current.skill}
        found["current_is_rescored"] = known.rescored
    return found


def _interval(gain: Gain) -> dict[str, Any]:
    return {"gain": gain.gain, "low": gain.low, "high": gain.high, "rows": gain.rows}
