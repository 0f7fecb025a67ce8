"""The envelope: what it says is understood whole."""

import json
from datetime import UTC, date, datetime

import msgspec

from agent.core.envelope import (
    SCHEMA,
    Envelope,
    FeatureDrift,
    Placed,
    Seen,
    Span,
    parse_envelope,
)
from agent.core.evidence import Question
from agent.core.moment import BASELINE, Role, Thesis
from agent.core.release import ReleaseState
from tests.fakes.report_document import (
    ACTIVE,
    EXAMPLE,
    HOST,
    LEAST,
    SHADOW,
    TASK,
    UNIT,
    changed,
    written,
)


def test_the_example_of_the_contract_is_understood_and_reads_back_equal():
    envelope = parse_envelope(written(EXAMPLE))
    assert json.loads(msgspec.json.encode(envelope)) == EXAMPLE
    assert envelope.schema == SCHEMA
    assert envelope.window == Span(
        start=datetime(2026, 3, 1, 11, tzinfo=UTC),
        end=datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC),
    )


def test_the_parts_are_what_the_agent_calls_them():
    envelope = parse_envelope(written(EXAMPLE))
    first, second = envelope.line_ups
    assert first.shadow == Placed(digest=SHADOW, version=8, state=ReleaseState.SHADOW)
    assert (second.active, second.is_pinned) == (None, True)
    (card,), (found,), (trial,) = (
        envelope.scorecards,
        envelope.evidence,
        envelope.trials,
    )
    assert (card.role, card.day) == (Role.ACTIVE, date(2026, 3, 1))
    assert found.question == Question(Thesis.WORSE, ACTIVE, BASELINE)
    assert trial.row.host == HOST
    assert trial.row.harm == (UNIT, UNIT, UNIT, 0, 0)
    assert envelope.labelled.rows[1].features == (None, -3e38)
    assert envelope.labelled.seen == (
        Seen(task=TASK, events=1, quiet=59, sent_events=1, sent_quiet=1),
    )


def test_a_report_of_nothing_is_a_report():
    envelope = parse_envelope(written(LEAST))
    assert envelope == Envelope(
        schema=1,
        host_id=HOST,
        sequence=41,
        agent="1.2.0",
        window=parse_envelope(written(EXAMPLE)).window,
    )
    assert envelope.labelled is None


def test_an_instant_of_another_zone_is_the_same_instant():
    moved = changed("window", "end", to="2026-03-01T14:00:00.5+02:00")
    assert parse_envelope(written(moved)) == parse_envelope(written(EXAMPLE))


def test_a_window_may_be_an_instant():
    point = {"start": "2026-03-01T11:00:00Z", "end": "2026-03-01T11:00:00Z"}
    window = parse_envelope(written({**EXAMPLE, "window": point})).window
    assert window.start == window.end


def test_a_feature_has_drifted_only_above_its_threshold():
    drifts = [
        FeatureDrift(feature=0, counts=(), psi=psi, threshold=0.5)
        for psi in (0.4, 0.5, 0.6)
    ]
    assert [each.has_drifted for each in drifts] == [False, False, True]
