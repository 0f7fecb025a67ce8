"""The envelope: what a host sends upstream, schema 1; parsed strictly once."""

from agent.core.envelope.cards import CardReport, is_sound
from agent.core.envelope.document import (
    SCHEMA,
    Envelope,
    Span,
    parse_envelope,
)
from agent.core.envelope.labelled import Labelled, LabelledRow, Seen, row_of
from agent.core.envelope.parts import (
    Drift,
    FeatureDrift,
    Health,
    LineUpReport,
    Placed,
    Resources,
    SpoolHealth,
    ToldEvent,
    TrialReport,
    TrustHealth,
)

__all__ = [
    "SCHEMA",
    "CardReport",
    "Drift",
    "Envelope",
    "FeatureDrift",
    "Health",
    "Labelled",
    "LabelledRow",
    "LineUpReport",
    "Placed",
    "Resources",
    "Seen",
    "Span",
    "SpoolHealth",
    "ToldEvent",
    "TrialReport",
    "TrustHealth",
    "is_sound",
    "parse_envelope",
    "row_of",
]
