"""Reports as a host sends them: small ones for laws, full ones for measuring."""

import hashlib
from datetime import UTC, datetime, timedelta

import msgspec

from agent.core.envelope import (
    CardReport,
    Drift,
    Envelope,
    FeatureDrift,
    Labelled,
    LabelledRow,
    LineUpReport,
    Placed,
    Seen,
    Span,
    ToldEvent,
    TrialReport,
)
from agent.core.evidence import Evidence, Question
from agent.core.fleet_row import FleetRow
from agent.core.moment import BASELINE, Role, Thesis
from agent.core.release import ReleaseState
from agent.core.scorecard import Scorecard
from central.ports.fleet import Arrival

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = START.date()
HOUR = timedelta(hours=1)
HOST = "host-000001"
TASK = "memory-pressure"
ACTIVE, SHADOW = "a" * 64, "b" * 64


def report(sequence=1, *, host_id=HOST, **parts):
    """Return a report that tells of its hour, and of nothing else but `parts`."""
    end = START + min(sequence, 10_000) * HOUR
    return Envelope(
        **{
            "schema": 1,
            "host_id": host_id,
            "sequence": sequence,
            "agent": "1.0",
            "window": Span(start=end - HOUR, end=end),
            **parts,
        }
    )


def full_report(sequence=1, *, host_id=HOST, samples=0, features=30):
    """Return a report with something of everything, as an hour of one task brings."""
    end = START + sequence * HOUR
    return report(
        sequence,
        host_id=host_id,
        labels={"role": "db", "cluster": "west"},
        line_ups=(line_up(),),
        scorecards=tuple(
            card_report(sequence, digest=digest, role=role, day=end.date())
            for role, digest in (
                (Role.BASELINE, BASELINE),
                (Role.ACTIVE, ACTIVE),
                (Role.SHADOW, SHADOW),
            )
        ),
        evidence=(evidence(at=end), evidence(at=end, thesis=Thesis.NOT_WORSE)),
        trials=(trial(sequence, host_id=host_id),),
        drift=(drift(rows=sequence, features=features),),
        events=tuple(
            ToldEvent(id=10 * sequence + n, at=end, name=name, fields={"task": TASK})
            for n, name in enumerate(("update_finished", "report_sent"))
        ),
        labelled=labelled(samples, at=end, features=features) if samples else None,
    )


def arrival(envelope, *, at=START):
    """Return a report as it is handed over to be stored."""
    document = msgspec.json.encode(envelope)
    sha256 = hashlib.sha256(document).hexdigest()
    return Arrival(envelope=envelope, sha256=sha256, length=len(document), at=at)


def line_up(task=TASK, *, confirmed=ACTIVE):
    placed = Placed(digest=ACTIVE, version=7, state=ReleaseState.CONFIRMED)
    return LineUpReport(task=task, active=placed, confirmed_running=confirmed)


def card_report(resolved=1, *, task=TASK, digest=BASELINE, role=Role.BASELINE, day=DAY):
    card = Scorecard()
    for number in range(resolved):
        card.add_event(
            (number % 10) / 10,
            baseline=0.1,
            happened=number % 7 == 0,
            threshold=0.5,
            lead_s=60.0,
        )
    return CardReport.of(card, task=task, digest=digest, role=role, day=day)


def trial(block=1, *, host_id=HOST, digest=SHADOW):
    row = FleetRow(host=host_id, version=8, block=block, n=60)
    return TrialReport(task=TASK, digest=digest, ticks=60, score_every_s=60.0, row=row)


def drift(*, rows=1, task=TASK, features=1):
    each = FeatureDrift(feature=0, counts=(rows,) * 10, psi=0.1, threshold=0.2)
    return Drift(
        task=task,
        digest=ACTIVE,
        rows=rows,
        effective_rows=rows / 2,
        features=(each,) * features,
    )


def evidence(*, at=START, thesis=Thesis.WORSE, task=TASK, e_value=1.5):
    return Evidence(
        at=at,
        task=task,
        question=Question(thesis=thesis, release=ACTIVE, reference=BASELINE),
        e_value=e_value,
        threshold=100.0,
        blocks=3,
        ticks=300,
        episodes=1,
        lost=0,
        loss=0.1,
        reference_loss=0.2,
        allowed=0.22,
        predictions=300,
        run_blocks=3,
        run_episodes=1,
        run_lost=0,
        since=START,
        started_at=START,
    )


def labelled(count, *, at=START, task=TASK, features=3):
    """Return samples of which every tenth is an event, a second apart."""
    rows = tuple(
        LabelledRow(
            task=task,
            release=ACTIVE,
            entity="",
            at=at + number * timedelta(seconds=1),
            label=float(number % 10 == 0),
            baseline=(0.1,),
            active=(0.2,),
            features=tuple(round(0.123 * n + number, 3) for n in range(features)),
        )
        for number in range(count)
    )
    events = sum(row.label == 1 for row in rows)
    seen = Seen(
        task=task,
        events=events,
        quiet=9 * count,
        sent_events=events,
        sent_quiet=count - events,
    )
    return Labelled(scheme="halves-1", rows=rows, weights=(2.5,) * count, seen=(seen,))
