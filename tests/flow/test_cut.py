"""The cut on a real ledger: what a host says is all there, and said exactly once."""

import sqlite3
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.adapters.store.past import SqlitePast
from agent.adapters.store.registry import SqliteRegistry
from agent.adapters.store.spool import SqliteSpool
from agent.core.envelope import parse_envelope
from agent.core.event import Event, EventName
from agent.core.fleet_row import UNIT
from agent.core.lineup import LineUp
from agent.core.manifest import parse_manifest
from agent.core.moment import Outcome, OutcomeKind, Role
from agent.core.packing import packed, unpacked
from agent.core.release import Release, ReleaseState
from agent.core.reporting import Sender, Sharing, WhenFull, read_state
from agent.core.scorecard import merged
from agent.errors import StateError
from agent.flows.arrival import arrive
from agent.flows.cut import cut, preview, withhold
from agent.flows.gleaning import Leading, gleaned
from agent.ports import CardKey
from tests.fakes.judged import (
    QUICK,
    TASK,
    better,
    document,
    good,
    host,
    inverted,
    judged,
    poor,
)
from tests.fakes.ledger import moment, prediction
from tests.fakes.life import ACTIVE, SHADOW, STANDBY, InSqlite, Life, at
from tests.fakes.models import FixedModels

HOST = "0123456789abcdef"
SAMPLES = Sender(
    host_id=HOST,
    agent="1.2.0",
    labels={"ring": "canary"},
    sharing=Sharing.SAMPLES,
)


@pytest.fixture
def bench(tmp_path):
    with closing(InSqlite(tmp_path)) as made:
        yield made


@pytest.fixture
def spool(bench):
    with closing(SqliteSpool.open(bench.path)) as opened:
        yield opened


@contextmanager
def past_of(bench):
    with closing(SqlitePast.open(bench.path)) as opened:
        yield opened


def cut_at(life, spool, *, sender=SAMPLES, now=None):
    """Cut a report now; return it as central understands it."""
    life.ticker.close(life.now)
    with past_of(life.bench) as past:
        parcel = cut(past, spool, host=sender, now=now or life.now)
    return None if parcel is None else parse_envelope(unpacked(parcel.body))


def spool_state(spool):
    return read_state(spool.state())


def lived(bench, ticks=60, **slots):
    slots = slots or {"active": ACTIVE}
    life = judged(bench, dict.fromkeys(slots.values(), good), **slots)
    life.ticks(*range(ticks))
    return life


def resolved_of(bench):
    """Return the moments with an outcome that is not void."""
    return [
        (moment, outcome)
        for moment, outcome in bench.moments()
        if outcome is not None and outcome.kind is not OutcomeKind.VOID
    ]


def cards_of(envelopes):
    """Return the cards that central ends with: the last of each."""
    cards = {}
    for envelope in envelopes:
        for told in envelope.scorecards:
            key = CardKey(told.task, told.digest, told.role, told.day)
            cards[key] = told.card()
    return cards


def test_a_report_says_who_where_and_when(bench, spool):
    life = lived(bench)
    first = cut_at(life, spool)
    assert (first.host_id, first.sequence, first.agent) == (HOST, 1, "1.2.0")
    assert first.labels == {"ring": "canary"}
    assert (first.window.start, first.window.end) == (life.now, life.now)
    (line_up,) = first.line_ups
    assert (line_up.task, line_up.active.digest) == (TASK, ACTIVE)
    assert line_up.confirmed_running == ACTIVE
    life.ticks(60)
    second = cut_at(life, spool)
    assert second.sequence == 2
    assert (second.window.start, second.window.end) == (first.window.end, life.now)


def test_an_active_release_counts_as_running_once_it_is_confirmed(bench, spool):
    life = judged(
        bench, {ACTIVE: good}, states={ACTIVE: ReleaseState.PROBATION}, active=ACTIVE
    )
    life.ticks(*range(10))
    (line_up,) = cut_at(life, spool).line_ups
    assert line_up.active.state is ReleaseState.PROBATION
    assert line_up.confirmed_running is None


def test_a_report_without_news_is_a_sign_of_life(bench, spool):
    life = lived(bench, ticks=0)
    envelope = cut_at(life, spool)
    assert envelope.scorecards == envelope.drift == envelope.labelled.rows == ()
    assert spool.size().waiting == 1


def test_every_resolved_moment_is_a_sample_once(bench, spool):
    life = lived(bench, ticks=0)
    envelopes = []
    for number in range(90):
        life.tick(number)
        if number % 13 == 0:
            envelopes.append(cut_at(life, spool))
    envelopes.append(cut_at(life, spool))
    rows = [row for e in envelopes for row in e.labelled.rows]
    known = resolved_of(bench)
    assert Counter(row.at for row in rows) == Counter(m.at for m, _ in known)
    by_at = {moment.at: (moment, outcome) for moment, outcome in known}
    for row in rows:
        moment, outcome = by_at[row.at]
        assert row.release == ACTIVE
        assert row.label == (outcome.kind is OutcomeKind.HAPPENED)
        assert row.active == moment.by(Role.ACTIVE).values
        assert row.baseline == moment.by(Role.BASELINE).values
        assert np.array_equal(np.float32(row.features), moment.features)
    assert {w for e in envelopes for w in e.labelled.weights} == {1.0}


@given(
    steps=st.lists(st.integers(1, 25), min_size=1, max_size=5),
    per_day=st.sampled_from([0, 200, 20_000, 2_000_000, 40_000_000]),
)
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_over_many_cuts_each_moment_is_seen_once_and_none_sent_twice(
    tmp_path_factory, steps, per_day
):
    with closing(InSqlite(tmp_path_factory.mktemp("life"))) as bench:
        life = lived(bench, ticks=0)
        sender = replace(SAMPLES, labelled_bytes_per_day=per_day)
        envelopes, number = [], 0
        with closing(SqliteSpool.open(bench.path)) as spool:
            for step in steps:
                life.ticks(*range(number, number + step))
                number += step
                envelopes.append(cut_at(life, spool, sender=sender))
            # What waits for a choice worth making waits until a day's worth is saved,
            # and the last row may have been on credit.
            later = life.now + timedelta(days=3)
            envelopes.append(cut_at(life, spool, sender=sender, now=later))
    seen = [each for e in envelopes for each in e.labelled.seen]
    known = [each for result in life.results for each in result.resolved]
    came = Counter(each.outcome.kind for each in known)
    assert sum(each.events for each in seen) == came[OutcomeKind.HAPPENED]
    assert sum(each.quiet for each in seen) == came[OutcomeKind.DID_NOT]
    sent = [row.at for e in envelopes for row in e.labelled.rows]
    assert len(sent) == len(set(sent))
    assert len(sent) == sum(each.sent_events + each.sent_quiet for each in seen)
    used = sum(len(msgspec.json.encode(r)) for e in envelopes for r in e.labelled.rows)
    # A day's worth at first, what came meanwhile, and one row a report beyond.
    assert used <= per_day * (4 + number * 10 / 86_400) + 400 * len(envelopes)


def test_where_little_may_leave_moments_wait_for_a_choice_worth_making(bench, spool):
    """A row takes some 300 bytes, so a day is worth some 30 of them."""
    life = lived(bench)
    sender = replace(SAMPLES, labelled_bytes_per_day=10_000)
    first = cut_at(life, spool, sender=sender)
    spent = spool_state(spool).allowance
    life.ticks(*range(60, 160))
    second = cut_at(life, spool, sender=sender)
    assert second.labelled.seen == ()
    assert spool_state(spool).allowance.left >= spent.left
    third = cut_at(life, spool, sender=sender, now=life.now + timedelta(days=1))
    (told,) = third.labelled.seen
    (before,) = first.labelled.seen
    known = resolved_of(bench)
    assert told.events + told.quiet + before.events + before.quiet == len(known)
    assert len(third.labelled.rows) >= 24


def test_the_same_cut_chooses_the_same_rows(bench, spool):
    life = lived(bench)
    life.ticker.close(life.now)
    sender = replace(SAMPLES, labelled_bytes_per_day=2_000)
    with past_of(bench) as past:
        before = preview(past, spool, host=sender, now=life.now)
        again = preview(past, spool, host=sender, now=life.now)
        assert spool.size().waiting == 0
        assert spool.state() is None
        parcel = cut(past, spool, host=sender, now=life.now)
    assert 0 < len(before.labelled.rows) < 50
    assert before == again == parse_envelope(unpacked(parcel.body))
    assert parcel.body == packed(msgspec.json.encode(before))
    assert spool.waiting(limit=9) == (parcel,)


@pytest.mark.parametrize(
    ("sharing", "is_sent", "has_samples"),
    [
        pytest.param(Sharing.NOTHING, False, False, id="nothing"),
        pytest.param(Sharing.SUMMARIES, True, False, id="summaries"),
        pytest.param(Sharing.SAMPLES, True, True, id="samples"),
    ],
)
def test_the_site_says_what_leaves(bench, spool, sharing, is_sent, has_samples):
    life = lived(bench)
    sender = replace(SAMPLES, sharing=sharing)
    with past_of(bench) as past:
        shown = preview(past, spool, host=sender, now=life.now)
    told = cut_at(life, spool, sender=sender)
    assert (told is not None) == (shown is not None) == is_sent
    assert (spool.state() is not None) == is_sent
    if is_sent:
        assert told.scorecards
        assert (told.labelled is not None) == has_samples


SUMMARIES = replace(SAMPLES, sharing=Sharing.SUMMARIES)


def referring(version):
    reference = {"quantiles": [[n / 10 for n in range(11)]], "rows": 1_000}
    return document(version, reference=reference)


def test_summaries_tell_of_twenty_predictions_and_never_of_one(bench, spool):
    life = judged(bench, {ACTIVE: good}, active=ACTIVE, write=referring)
    told, drifts = {}, []
    for number in range(150):
        life.tick(number)
        envelope = cut_at(life, spool, sender=SUMMARIES)
        drifts += [drift.rows for drift in envelope.drift]
        for card in envelope.scorecards:
            told.setdefault(card.role, [0]).append(card.counts.resolved)
    assert all(np.diff(numbers).min() >= 20 for numbers in told.values())
    assert len(told[Role.ACTIVE]) > 4
    assert min(drifts) >= 20
    assert len(resolved_of(bench)) - sum(drifts) < 20


def test_summaries_tell_all_of_a_day_that_is_over(bench, spool):
    life, envelopes = lived(bench, ticks=0), []
    for number in range(0, 90, 10):
        life.ticks(*range(number, number + 10))
        envelopes.append(cut_at(life, spool, sender=SUMMARIES))
    assert cards_of(envelopes) != bench.cards()
    tomorrow = life.now + timedelta(days=1)
    envelopes.append(cut_at(life, spool, sender=SUMMARIES, now=tomorrow))
    assert cards_of(envelopes) == bench.cards()
    quiet = cut_at(life, spool, sender=SUMMARIES, now=tomorrow)
    assert quiet.scorecards == ()


def test_summaries_name_no_operator_and_no_moment(bench, spool):
    life = lived(bench, ticks=1)
    label = {"task": TASK, "moment": 7, "label": "happened", "by": "ada"}
    with SqliteRegistry.open(bench.path) as registry:
        registry.record(
            Event(at=at(1), name=EventName.PREDICTION_LABELLED, fields=label)
        )
    (told,) = cut_at(life, spool, sender=SUMMARIES).events
    assert told.name == "prediction_labelled"
    assert told.fields == {"task": TASK, "by": "operator"}


@pytest.mark.parametrize(
    ("sender", "left"),
    [
        pytest.param(replace(SAMPLES, host_name="db-1"), [1, 2, 3], id="as_before"),
        pytest.param(SAMPLES, [2, 3], id="no_name"),
        pytest.param(replace(SUMMARIES, host_name="db-1"), [1, 3], id="no_samples"),
        pytest.param(SUMMARIES, [3], id="neither"),
        pytest.param(
            replace(SAMPLES, sharing=Sharing.NOTHING), [1, 2, 3], id="nothing_leaves"
        ),
    ],
)
def test_what_waits_is_held_against_what_may_leave_now(bench, spool, sender, left):
    life = lived(bench, ticks=1)
    for before in (replace(SUMMARIES, host_name="db-1"), SAMPLES, SUMMARIES):
        cut_at(life, spool, sender=before)
    withhold(spool, host=sender, now=life.now)
    assert [each.sequence for each in spool.waiting(limit=9)] == left
    assert spool.size().dropped == 3 - len(left)
    assert (EventName.REPORTS_DROPPED in bench.events()) == (len(left) < 3)


def test_only_what_leaves_next_is_looked_at_while_it_holds_no_more(bench, spool):
    life = lived(bench, ticks=1)
    for before in (SUMMARIES, SAMPLES, SUMMARIES, SAMPLES):
        cut_at(life, spool, sender=before)
    withhold(spool, host=SUMMARIES, limit=1, now=life.now)
    assert spool.size().waiting == 4
    spool.acknowledge(1)
    withhold(spool, host=SUMMARIES, limit=1, now=life.now)
    assert [each.sequence for each in spool.waiting(limit=9)] == [3]


def test_central_ends_with_the_cards_of_the_ledger(bench, spool):
    life, envelopes = lived(bench, ticks=0, active=ACTIVE, shadow=SHADOW), []
    for number in range(0, 120, 20):
        life.ticks(*range(number, number + 20))
        envelopes.append(cut_at(life, spool))
    assert cards_of(envelopes) == bench.cards()
    assert envelopes[-1].scorecards
    quiet = cut_at(life, spool)
    assert quiet.scorecards == ()
    total = merged([c for k, c in cards_of(envelopes).items() if k.digest == ACTIVE])
    assert total.resolved == len(resolved_of(bench))


def test_what_was_given_up_is_told_again_where_it_can_be(bench, spool):
    life = lived(bench, ticks=40)
    small = replace(SAMPLES, max_bytes=10)
    assert cut_at(life, spool, sender=small) is None
    assert (spool.size().waiting, spool.size().dropped) == (0, 1)
    assert EventName.REPORTS_DROPPED in bench.events()
    envelope = cut_at(life, spool)
    assert envelope.sequence == 2
    assert cards_of([envelope]) == bench.cards()
    assert envelope.health.spool.dropped == 1
    assert cut_at(life, spool).scorecards == ()


@pytest.mark.parametrize(
    ("when_full", "left"),
    [
        pytest.param(WhenFull.DROP_OLDEST, [2, 3], id="oldest"),
        pytest.param(WhenFull.DROP_NEWEST, [1, 2], id="newest"),
    ],
)
def test_a_full_spool_gives_up_from_one_end(bench, spool, when_full, left):
    life = lived(bench, ticks=0)
    sender = replace(SAMPLES, when_full=when_full)
    cut_at(life, spool, sender=sender)
    cut_at(life, spool, sender=sender)
    bound = spool.size().waiting_bytes + 20
    cut_at(life, spool, sender=replace(sender, max_bytes=bound))
    assert [each.sequence for each in spool.waiting(limit=9)] == left
    assert spool.size().dropped == 1


def test_a_report_that_waited_too_long_is_given_up(bench, spool):
    life = lived(bench, ticks=1)
    cut_at(life, spool)
    later = life.now + timedelta(days=30, seconds=1)
    cut_at(life, spool, now=later)
    assert [each.sequence for each in spool.waiting(limit=9)] == [2]


def test_a_clock_that_went_back_makes_no_impossible_window(bench, spool):
    life = lived(bench, ticks=5)
    cut_at(life, spool)
    early = life.now - timedelta(hours=1)
    window = cut_at(life, spool, now=early).window
    assert window.start == window.end == early


def test_audit_events_are_told_once(bench, spool):
    life = lived(bench, ticks=1)
    with SqliteRegistry.open(bench.path) as registry:
        for name in (EventName.RELEASE_HEARD, EventName.UPDATE_FINISHED):
            registry.record(Event(at=at(1), name=name, fields={"task": TASK}))
    told = cut_at(life, spool)
    assert [event.name for event in told.events] == ["release_heard"]
    assert told.events[0].fields == {"task": TASK}
    assert cut_at(life, spool).events == ()


def test_gaps_and_evidence_are_told(bench, spool):
    life = lived(bench, ticks=80)
    told = cut_at(life, spool)
    assert {each.question.release for each in told.evidence} == {ACTIVE}
    points = [each for each in bench.evidence() if each.task == TASK]
    newest = {each.question: each for each in points}
    assert set(told.evidence) == set(newest.values())
    assert told.health.gaps == {}


def test_drift_is_told_of_the_leading_release(bench, spool):
    life = judged(bench, {ACTIVE: good}, active=ACTIVE, write=referring)
    life.ticks(*range(300))
    (drift,) = cut_at(life, spool).drift
    assert (drift.task, drift.digest) == (TASK, ACTIVE)
    assert drift.rows == len(resolved_of(bench))
    (feature,) = drift.features
    assert sum(feature.counts) == drift.rows
    # An omen is 0 or 1, and nothing between.
    assert sum(feature.counts[1:-1]) == 0
    assert feature.has_drifted


# --- killed ---------------------------------------------------------------------


class DyingConnection:
    """Dies before its nth statement that writes, as a process does."""

    def __init__(self, connection, *, statements):
        self._connection, self._left = connection, statements

    def execute(self, statement, *values):
        if not statement.lower().startswith(("select", "pragma")):
            self._left -= 1
            if self._left < 0:
                raise KeyboardInterrupt
        return self._connection.execute(statement, *values)

    @property
    def in_transaction(self):
        return self._connection.in_transaction


# BEGIN, the report, the state, two drops, their count, the event, COMMIT.
@pytest.mark.parametrize("statements", range(9))
def test_killed_in_a_cut_leaves_the_old_spool_or_the_new_one(bench, spool, statements):
    life = lived(bench, ticks=30)
    cut_at(life, spool)
    cut_at(life, spool)
    life.ticks(*range(30, 60))
    life.ticker.close(life.now)
    before = spool.waiting(limit=9), spool.state(), spool.size(), bench.events()
    small = replace(SAMPLES, max_bytes=10)
    whole = spool._connection
    spool._connection = DyingConnection(whole, statements=statements)
    died = False
    with past_of(bench) as past:
        try:
            cut(past, spool, host=small, now=life.now)
        except KeyboardInterrupt:
            died = True
    spool._connection = whole
    if whole.in_transaction:
        whole.execute("ROLLBACK")
    after = spool.waiting(limit=9), spool.state(), spool.size(), bench.events()
    if died:
        assert after == before
    else:
        assert statements == 8
        assert read_state(spool.state()).next_sequence == 4
        assert spool.size().dropped == 3


def test_a_spool_that_cannot_be_written_changes_nothing(bench, spool):
    life = lived(bench, ticks=30)
    spool._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StateError, match="readonly"):
        cut_at(life, spool)
    spool._connection.execute("PRAGMA query_only = OFF")
    assert spool.state() is None
    assert len(cut_at(life, spool).labelled.rows) == len(resolved_of(bench))


# --- trials ---------------------------------------------------------------------


def trial_life(bench, ticks=400, *, shadow=poor):
    life = judged(
        bench,
        {ACTIVE: good, SHADOW: shadow},
        active=ACTIVE,
        shadow=SHADOW,
        policy=replace(QUICK, min_blocks=10**6, promotion=1e9),
    )
    life.ticks(*range(ticks))
    return life


def test_closed_fleet_blocks_of_a_trial_are_told_once(bench, spool):
    life, reports = trial_life(bench, ticks=0), []
    for number in range(0, 600, 50):
        life.ticks(*range(number, number + 50))
        reports += cut_at(life, spool).trials
    blocks = [each.row.block for each in reports]
    assert len(blocks) == len(set(blocks)) >= 3
    assert {each.digest for each in reports} == {SHADOW}
    span_s = reports[0].ticks * reports[0].score_every_s
    for each in reports:
        inside = [
            outcome
            for moment, outcome in resolved_of(bench)
            if moment.due_at.timestamp() // span_s == each.row.block
            and moment.by(Role.SHADOW)
        ]
        assert each.row.n == len(inside)
        assert each.row.host == HOST
        assert not each.row.flaw(each.ticks)
    newest = max(moment.due_at for moment, _ in resolved_of(bench))
    assert max(blocks) < newest.timestamp() // span_s


@pytest.mark.parametrize("is_cut_ahead", [True, False])
def test_a_clock_that_was_ahead_once_does_not_silence_the_trials(
    bench, spool, is_cut_ahead
):
    life = trial_life(bench, ticks=100)
    cut_at(life, spool)
    life.ticks(*range(10**6, 10**6 + 30))
    ahead = cut_at(life, spool).trials if is_cut_ahead else []
    assert bool(ahead) == is_cut_ahead
    life.tick(100)
    cut_at(life, spool)
    life.ticks(*range(101, 300))
    reports = cut_at(life, spool).trials
    span_s = reports[0].ticks * reports[0].score_every_s
    newest = int(life.now.timestamp() // span_s)
    assert newest - 2 <= max(each.row.block for each in reports) < newest


def test_how_often_one_cuts_does_not_change_the_rows(tmp_path):
    found = []
    for name, every in (("often", 7), ("rarely", 400)):
        (tmp_path / name).mkdir()
        with closing(InSqlite(tmp_path / name)) as bench:
            life, reports = trial_life(bench, ticks=0), []
            with closing(SqliteSpool.open(bench.path)) as spool:
                for number in range(400):
                    life.tick(number)
                    if number % every == every - 1:
                        reports += cut_at(life, spool).trials
                reports += cut_at(life, spool).trials
        found.append(reports)
    assert found[0] == found[1] != []


@pytest.mark.parametrize(
    ("shadow", "is_worse"),
    [
        pytest.param(inverted, True, id="inverted"),
        pytest.param(better, False, id="better"),
    ],
)
def test_the_rows_say_who_is_worse(bench, spool, shadow, is_worse):
    trials = cut_at(trial_life(bench, shadow=shadow), spool).trials
    harm = sum(each.row.harm[0] for each in trials)
    merit = sum(each.row.merit[0] for each in trials)
    losses = sum(each.row.active - each.row.reference for each in trials)
    assert (harm > 0, merit < 0, losses > 0) == (is_worse,) * 3
    assert all(each.row.episodes for each in trials)


def test_a_probation_is_told_beside_the_standby(bench, spool):
    life = judged(
        bench,
        {ACTIVE: poor, STANDBY: good},
        states={ACTIVE: ReleaseState.PROBATION},
        active=ACTIVE,
        standby=STANDBY,
        policy=replace(QUICK, min_blocks=10**6),
    )
    life.ticks(*range(300))
    trials = cut_at(life, spool).trials
    assert {each.digest for each in trials} == {ACTIVE}
    assert all(each.row.active > each.row.reference for each in trials)
    assert all(each.row.merit == (0,) * 5 for each in trials)


def test_the_bets_of_a_row_are_what_the_guard_won(bench, spool):
    trials = cut_at(trial_life(bench), spool).trials
    closed = {each.row.block: each.row for each in trials}
    span_s = trials[0].ticks * trials[0].score_every_s
    sums = dict.fromkeys(closed, 0.0)
    for one, outcome in resolved_of(bench):
        block = int(one.due_at.timestamp() // span_s)
        shadow, active = one.by(Role.SHADOW), one.by(Role.ACTIVE)
        if block not in closed or not shadow or not active:
            continue
        wager = next(
            w for w in one.wagers if w.thesis == "worse" and w.release is Role.SHADOW
        )
        if wager.bets:
            came = outcome.kind is OutcomeKind.HAPPENED
            own, other = (_log_loss(p.values[0], came) for p in (shadow, active))
            sums[block] += own - 1.5 * other
    for block, row in closed.items():
        assert row.harm[0] / UNIT == pytest.approx(sums[block], abs=1e-6)


def _log_loss(probability, came):
    right = probability if came else 1 - probability
    return np.log(np.clip(right, 0.001, 0.999)) / np.log(0.001)


# --- surveys --------------------------------------------------------------------


def survey(version=1):
    content = msgspec.json.decode(document(version))
    del content["model"], content["decision"]
    return msgspec.json.encode(content)


def offered(bench, manifest, digest):
    """Take a release in as a courier does."""
    bench.documents[digest] = manifest
    with SqliteRegistry.open(bench.path) as registry, registry.transaction():
        registry.admit(digest=digest, manifest=manifest, at=at(0))
        return arrive(
            registry,
            digest,
            task=parse_manifest(manifest).task,
            tell=lambda name: Event(at=at(0), name=name, fields={"task": TASK}),
        )


def test_a_survey_is_at_work_and_its_samples_leave(bench, spool):
    assert offered(bench, survey(), STANDBY)
    life = Life(bench, host(), policy=QUICK, commit_every_s=600.0)
    life.ticks(*range(60))
    told = cut_at(life, spool)
    (line_up,) = told.line_ups
    assert line_up.confirmed_running == line_up.active.digest == STANDBY
    assert told.trials == told.evidence == ()
    rows = told.labelled.rows
    assert len(rows) == len(resolved_of(bench)) > 40
    assert {row.release for row in rows} == {STANDBY}
    assert {row.active for row in rows} == {()}
    assert all(len(row.baseline) == 1 for row in rows)
    assert {card.role for card in told.scorecards} == {Role.BASELINE}
    assert not {"release_unusable", "task_skipped", "scoring_failed"} & {*life.events}


def test_a_survey_gives_its_place_to_the_first_model(bench, spool):
    offered(bench, survey(), STANDBY)
    life = Life(
        bench, host(), models=judged_models(), policy=QUICK, commit_every_s=600.0
    )
    life.ticks(*range(30))
    cut_at(life, spool)
    assert offered(bench, document(2), ACTIVE)
    assert bench.lineup(TASK) == LineUp(task=TASK, active=ACTIVE, standby=STANDBY)
    assert bench.states() == {
        ACTIVE: ReleaseState.PROBATION,
        STANDBY: ReleaseState.STANDBY,
    }
    life.ticks(*range(30, 90))
    told = cut_at(life, spool)
    # What the survey still waited for when it went, nobody surely led.
    assert {row.release for row in told.labelled.rows} == {ACTIVE}
    assert {each.question.release for each in told.evidence} == {ACTIVE}


def judged_models():
    return FixedModels({ACTIVE: good, SHADOW: good})


def test_a_model_that_fails_gives_the_task_back_to_the_survey(bench, spool):
    offered(bench, survey(), STANDBY)
    offered(bench, document(2), ACTIVE)
    models = judged_models()
    models.answers[ACTIVE] = float("nan")
    life = Life(bench, host(), models=models, policy=QUICK)
    life.ticks(*range(40))
    assert bench.lineup(TASK) == LineUp(task=TASK, active=STANDBY)
    assert bench.states()[STANDBY] is ReleaseState.CONFIRMED
    assert bench.states()[ACTIVE] is ReleaseState.ROLLED_BACK
    life.ticks(*range(40, 80))
    assert cut_at(life, spool).line_ups[0].confirmed_running == STANDBY


def test_a_survey_that_follows_a_survey_takes_its_place(bench):
    offered(bench, survey(), STANDBY)
    offered(bench, survey(2), ACTIVE)
    offered(bench, document(3), SHADOW)
    assert bench.lineup(TASK) == LineUp(task=TASK, active=SHADOW, standby=ACTIVE)
    assert bench.states()[STANDBY] is ReleaseState.RETIRED


SHARED = np.array([1.0], dtype=np.float32)


def leader(*, is_sure):
    release = Release(
        digest=ACTIVE,
        manifest=parse_manifest(document()),
        state=ReleaseState.CONFIRMED,
    )
    return Leading(release=release, is_sure=is_sure)


@pytest.mark.parametrize(
    ("said", "is_sure", "found"),
    [
        pytest.param({Role.ACTIVE: None}, False, ACTIVE, id="the_active_one"),
        pytest.param({Role.ACTIVE: SHARED}, True, None, id="it_has_its_own"),
        pytest.param(
            {Role.ACTIVE: SHARED, Role.STANDBY: None}, False, STANDBY, id="the_standby"
        ),
        pytest.param({}, True, ACTIVE, id="nobody_spoke"),
        pytest.param({}, False, None, id="nobody_spoke_and_who_led"),
    ],
)
def test_whose_features_a_moment_has(said, is_sure, found):
    digests = {Role.ACTIVE: ACTIVE, Role.STANDBY: STANDBY}
    predictions = [
        prediction(role, digests[role], 0.5, features=own) for role, own in said.items()
    ]
    baseline = prediction(Role.BASELINE, "baseline", 0.1)
    one = moment(1, predictions=(*predictions, baseline), features=SHARED)
    assert leader(is_sure=is_sure).of(one) == found


def test_a_vector_of_another_length_is_not_the_leaders():
    one = moment(1, predictions=(), features=np.ones(3, dtype=np.float32))
    assert leader(is_sure=True).of(one) is None
    assert Leading(release=None, is_sure=True).of(one) is None


@pytest.mark.parametrize(
    ("changes", "value"),
    [
        pytest.param({"entity": "/" + "x" * 500}, 1.0, id="a_long_mount_point"),
        pytest.param({}, float("nan"), id="no_number_came"),
        pytest.param(
            {"predictions": (prediction(Role.ACTIVE, ACTIVE, float("inf")),)},
            1.0,
            id="no_number_was_said",
        ),
    ],
)
def test_a_row_that_central_would_not_take_is_left_out(bench, changes, value):
    first = moment(1, predictions=(prediction(Role.ACTIVE, ACTIVE, 0.5),))
    ones = [first, msgspec.structs.replace(first, id=2, **changes)]
    outcomes = [
        Outcome(kind=OutcomeKind.VALUE, resolved_at=at(1), value=each)
        for each in (1.0, value)
    ]
    with past_of(bench) as past:
        past.resolved = lambda *_, **__: zip(ones, outcomes, strict=True)
        found = gleaned(past, TASK, who=leader(is_sure=True), after=0)
    assert (found.numbers, found.state.through) == ([1], 2)


def test_a_first_report_does_not_begin_with_the_whole_history(bench, spool):
    life = lived(bench, ticks=10)
    later = life.now + timedelta(days=3)
    assert cut_at(life, spool, now=later).labelled.rows == ()


def test_the_file_is_read_while_others_write(bench, spool):
    life = lived(bench, ticks=30)
    with past_of(bench) as past:
        before = preview(past, spool, host=SAMPLES, now=life.now)
        life.ticks(*range(30, 60))
        life.ticker.close(life.now)
        assert preview(past, spool, host=SAMPLES, now=life.now).scorecards == (
            before.scorecards
        )
    with pytest.raises(sqlite3.ProgrammingError):
        past._connection.execute("select 1")
