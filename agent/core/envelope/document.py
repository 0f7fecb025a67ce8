"""The envelope itself, and what ties its parts together."""

from typing import Annotated, Final

import msgspec

from agent.core.envelope.cards import CardReport, miscount
from agent.core.envelope.labelled import Labelled, flaw
from agent.core.envelope.part import HostId, Part, Text, Utc
from agent.core.envelope.parts import (
    Drift,
    Health,
    LineUpReport,
    ToldEvent,
    TrialReport,
)
from agent.core.evidence import Evidence
from agent.errors import ReportError

SCHEMA: Final = 1
_MAX_LABELS: Final = 64
_Label = Annotated[str, msgspec.Meta(max_length=100)]
_Labels = Annotated[dict[_Label, Text], msgspec.Meta(max_length=_MAX_LABELS)]


class Span(Part, frozen=True):
    """From when to when."""

    start: Utc
    end: Utc


class Envelope(Part, frozen=True):
    """Everything that a host says in one report.

    Attributes:
        sequence: Grows by one with each report of this host.
        agent: Version of the program.
        labels: What the operator says this host is for.
        host_name: Only where the site's policy lets it out.
        window: What is told of: since the last report.
        evidence: The newest of each of the guard's questions.
        trials: Closed fleet blocks since the last report.
        events: Of the audit log, since the last report.
        labelled: None unless the site's policy lets samples out.
    """

    schema: int
    host_id: HostId
    sequence: Annotated[int, msgspec.Meta(gt=0, le=2**53)]
    agent: Annotated[str, msgspec.Meta(max_length=64)]
    window: Span
    labels: _Labels = msgspec.field(default_factory=dict)
    host_name: Text | None = None
    line_ups: tuple[LineUpReport, ...] = ()
    scorecards: tuple[CardReport, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    trials: tuple[TrialReport, ...] = ()
    drift: tuple[Drift, ...] = ()
    events: tuple[ToldEvent, ...] = ()
    health: Health = Health()
    labelled: Labelled | None = None


def parse_envelope(document: bytes) -> Envelope:
    """Return the envelope that the JSON document holds, every part understood.

    Raises:
        ReportError: Names the key, what was expected and what was got.
    """
    try:
        _check_schema(document)
        envelope = msgspec.json.decode(document, type=Envelope)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ReportError(f"report: {error}") from error
    for law, is_kept in _laws(envelope):
        if not is_kept:
            raise ReportError(f"report {envelope.sequence}: {law}")
    return envelope


class _Head(msgspec.Struct):
    schema: int


def _check_schema(document: bytes) -> None:
    schema = msgspec.json.decode(document, type=_Head).schema
    if schema != SCHEMA:
        raise ReportError(f"report: expected schema {SCHEMA}, got {schema}")


def _laws(envelope: Envelope) -> list[tuple[str, bool]]:
    """Return what ties the parts together: each law in words, and whether it holds."""
    window, labelled = envelope.window, envelope.labelled
    wrong = "" if labelled is None else flaw(labelled)
    return [
        ("window: expected the start first", window.start <= window.end),
        (
            "trials: expected rows of the sender only",
            all(each.row.host == envelope.host_id for each in envelope.trials),
        ),
        *[
            (f"scorecards of {each.task}: {found}", False)
            for each in envelope.scorecards
            if (found := miscount(each))
        ],
        *[
            (f"trials of {each.task}: {found}", False)
            for each in envelope.trials
            if (found := each.row.flaw(each.ticks))
        ],
        (wrong, not wrong),
    ]
