"""What is kept, to and from the rows of the database."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from agent.core.event import Event
from agent.core.evidence import Evidence
from agent.core.lineup import LineUp
from agent.core.moment import (
    Moment,
    Outcome,
    OutcomeKind,
    Prediction,
    Role,
    Void,
    Wager,
)
from agent.core.recalibration import Calibration
from agent.core.request import Answer, Request
from agent.core.sample import Sample
from agent.core.scorecard import Scorecard

Row = tuple[Any, ...]
MOMENT_COLUMNS = 10

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FLOAT = np.dtype("<f4")


def stamp(at: datetime) -> int:
    """Return an aware instant as whole microseconds since 1970, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def instant(stamped: int) -> datetime:
    """Return the instant that was stamped; aware, UTC."""
    return _EPOCH + timedelta(microseconds=stamped)


def packed(values: npt.NDArray[np.float32]) -> bytes:
    """Return the values as little-endian float32, gaps included."""
    return values.astype(_FLOAT, copy=False).tobytes()


def unpacked(blob: bytes) -> npt.NDArray[np.float32]:
    """Return what was packed; not writable."""
    return np.frombuffer(blob, dtype=_FLOAT)


def layout_text(layout: Sequence[str]) -> str:
    """Return a layout as one text; equal layouts have equal texts."""
    return msgspec.json.encode(layout).decode()


def layout_of(text: str) -> tuple[str, ...]:
    """Return the layout that was written."""
    return msgspec.json.decode(text, type=tuple[str, ...])


def sample_row(sample: Sample, *, layout: int) -> Row:
    """Return (at, layout, row); failures are kept as events, not here."""
    return stamp(sample.at), layout, packed(sample.values)


def sample_of(row: Row, *, layout: tuple[str, ...]) -> Sample:
    """Return the sample of (at, blob)."""
    return Sample(at=instant(row[0]), layout=layout, values=unpacked(row[1]))


def moment_row(moment: Moment) -> Row:
    """Return a moment's columns in the table's order; NaN becomes NULL."""
    limit = moment.limit
    return (
        moment.id,
        moment.task,
        moment.entity,
        stamp(moment.at),
        stamp(moment.due_at),
        None if limit is None else float(limit),
        float(moment.origin),
        int(moment.state),
        packed(moment.features),
        text(moment.wagers) if moment.wagers else None,
    )


def moment_of(row: Row, *, predictions: Iterable[Prediction]) -> Moment:
    """Return the moment of a row of the table, with what was predicted at it."""
    number, task, entity, at, due_at, limit, origin, state, features, wagers = row
    return Moment(
        id=number,
        task=task,
        entity=entity,
        at=instant(at),
        due_at=instant(due_at),
        limit=limit,
        origin=np.nan if origin is None else origin,
        state=state,
        features=unpacked(features),
        predictions=tuple(predictions),
        wagers=() if wagers is None else wagers_of(wagers),
    )


def prediction_row(prediction: Prediction, *, moment: int, digest: int) -> Row:
    """Return (moment, role, digest, scores, features, calibration)."""
    features, calibration = prediction.features, prediction.calibration
    return (
        moment,
        prediction.role.value,
        digest,
        scores_text(prediction.values),
        None if features is None else packed(features),
        None if calibration is None else text(msgspec.structs.astuple(calibration)),
    )


def prediction_of(row: Row) -> Prediction:
    """Return the prediction of a row, with its digest's text; without its moment."""
    role, digest, scores, features, calibration = row
    return Prediction(
        role=Role(role),
        digest=digest,
        values=scores_of(scores),
        features=None if features is None else unpacked(features),
        calibration=None if calibration is None else _calibration_of(calibration),
    )


def _calibration_of(text: str) -> Calibration:
    """Return the calibration that was written."""
    found = msgspec.json.decode(text, type=tuple[float, float, float, int])
    return Calibration(*found)


def scores_text(values: Sequence[float]) -> str:
    """Return scores as a JSON array that reads back exactly; `null` is NaN."""
    return msgspec.json.encode(values).decode()


def scores_of(text: str) -> tuple[float, ...]:
    """Return the scores that were written."""
    found = msgspec.json.decode(text, type=tuple[float | None, ...])
    return tuple(np.nan if value is None else value for value in found)


def wagers_of(text: str) -> tuple[Wager, ...]:
    """Return the wagers that were written."""
    return msgspec.json.decode(text, type=tuple[Wager, ...])


def outcome_row(outcome: Outcome, *, moment: int) -> Row:
    """Return (moment, kind, resolved_at, value, happened_at, void)."""
    value, happened_at, void = outcome.value, outcome.happened_at, outcome.void
    return (
        moment,
        outcome.kind.value,
        stamp(outcome.resolved_at),
        None if value is None else float(value),
        None if happened_at is None else stamp(happened_at),
        None if void is None else void.value,
    )


def outcome_of(row: Row) -> Outcome:
    """Return the outcome of (kind, resolved_at, value, happened_at, void)."""
    kind, resolved_at, value, happened_at, void = row
    return Outcome(
        kind=OutcomeKind(kind),
        resolved_at=instant(resolved_at),
        value=value,
        happened_at=None if happened_at is None else instant(happened_at),
        void=None if void is None else Void(void),
    )


def event_row(event: Event) -> Row:
    """Return (at, level, name, fields)."""
    fields = msgspec.json.encode(event.fields).decode()
    return stamp(event.at), event.level.value, event.name.value, fields


def evidence_row(evidence: Evidence) -> Row:
    """Return (at, task, document)."""
    return stamp(evidence.at), evidence.task, text(evidence)


def evidence_of(text: str) -> Evidence:
    """Return the evidence that was written."""
    return msgspec.json.decode(text, type=Evidence)


def lineup_row(lineup: LineUp) -> Row:
    """Return (task, active, standby, shadow, pinned)."""
    slots = (lineup.active, lineup.standby, lineup.shadow)
    return lineup.task, *slots, int(lineup.is_pinned)


def lineup_of(row: Row) -> LineUp:
    """Return the line-up of a row of the table."""
    task, active, standby, shadow, pinned = row
    return LineUp(
        task=task,
        active=active,
        standby=standby,
        shadow=shadow,
        is_pinned=bool(pinned),
    )


def request_of(number: int, text: str) -> Request:
    """Return the request that was written, with its number.

    Raises:
        msgspec.ValidationError: A newer program has asked for what this one cannot.
    """
    found = msgspec.json.decode(text, type=Request)
    return msgspec.structs.replace(found, id=number)


def answer_of(text: str | None) -> Answer | None:
    """Return the answer that was written; None before there is one."""
    return None if text is None else msgspec.json.decode(text, type=Answer)


def text(document: object) -> str:
    """Return a document as JSON."""
    return msgspec.json.encode(document).decode()


def card_text(card: Scorecard) -> str:
    """Return a scorecard as JSON."""
    return msgspec.json.encode(card).decode()


def card_of(text: str) -> Scorecard:
    """Return the scorecard that was written."""
    return msgspec.json.decode(text, type=Scorecard)
