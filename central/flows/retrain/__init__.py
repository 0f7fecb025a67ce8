"""Retraining: from labelled samples to a signed, unapproved release."""

from central.flows.retrain.job import (
    SEED,
    TRIALS,
    GateRefused,
    NotYet,
    Order,
    Outcome,
    Retrained,
    RetrainPorts,
)
from central.flows.retrain.story import retrain

__all__ = [
    "SEED",
    "TRIALS",
    "GateRefused",
    "NotYet",
    "Order",
    "Outcome",
    "RetrainPorts",
    "Retrained",
    "retrain",
]
