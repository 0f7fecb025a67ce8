"""Trial rows: closed blocks of the wall clock, priced as the guard prices them."""

from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.case import Case, Pair, margin_of
from agent.core.evidence import Question
from agent.core.fleet_row import NO_BETS, UNIT
from agent.core.guard import Terms
from agent.core.lineup import LineUp
from agent.core.loss import AbsoluteError, LogLoss, log_loss
from agent.core.manifest import parse_manifest
from agent.core.moment import (
    BASELINE,
    Moment,
    Outcome,
    OutcomeKind,
    Prediction,
    Role,
    Thesis,
    Wager,
)
from agent.core.release import Release, ReleaseState
from agent.core.trial_rows import (
    Trial,
    TrialState,
    _Account,
    as_of,
    fleet_ticks,
    on_trial,
    rows,
    trial_of,
)
from tests.fakes.life import ACTIVE, SHADOW, STANDBY, manifest_of

HOST = "0123456789abcdef"
STEP_S = 30.0
BLOCK = 10
TICKS = 20
# Where a fleet block of 20 ticks of 30 s begins.
START = datetime.fromtimestamp(600 * 2_950_000, UTC)
HORIZON = timedelta(minutes=1)
EVER = START + timedelta(days=9)


def release(digest=SHADOW, *, state=ReleaseState.SHADOW, **changes):
    manifest = parse_manifest(manifest_of(version=3, **changes))
    return Release(digest=digest, manifest=manifest, state=state)


def case_of(thesis, *, first_moment=1, is_strict=False, loss=None):
    return Case(
        Question(thesis, SHADOW, ACTIVE),
        role=Role.SHADOW,
        loss=loss or LogLoss(),
        terms=Terms(BLOCK, margin_of(thesis, tolerance=0.1), 0.01, 6, is_strict),
        at=START,
        first_moment=first_moment,
    )


def trial(*, has_merit=True, **options):
    return Trial(
        release=release(),
        ticks=TICKS,
        harm=case_of(Thesis.WORSE, **options),
        merit=case_of(Thesis.NOT_WORSE, **options) if has_merit else None,
    )


def moment(number, *, instant=None, entity="", own=0.6, other=0.2, bets=5, parts=1):
    """Return a moment that was predicted at an instant, by default its number."""
    at = (
        START
        - HORIZON
        + timedelta(seconds=STEP_S) * (number - 1 if instant is None else instant)
    )
    both = [(Role.SHADOW, SHADOW, own), (Role.ACTIVE, ACTIVE, other)]
    theses = (Thesis.WORSE, Thesis.NOT_WORSE)
    return Moment(
        id=number,
        task="cpu-busy",
        entity=entity,
        at=at,
        due_at=at + HORIZON,
        limit=0.9,
        origin=0.1,
        state=1,
        features=np.zeros(2, dtype=np.float32),
        predictions=tuple(
            Prediction(role=role, digest=digest, values=(said,))
            for role, digest, said in both
        ),
        wagers=tuple(
            Wager(thesis, Role.SHADOW, Role.ACTIVE, number, bets, parts)
            for thesis in theses
        ),
    )


def came(moment, kind=OutcomeKind.DID_NOT, value=None):
    return moment, Outcome(kind=kind, resolved_at=moment.due_at, value=value)


def rows_of(resolved, *, of=None, state=None, until=EVER):
    return rows(
        of or trial(), resolved, state=state or TrialState(), until=until, host=HOST
    )


# --- on trial ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slots", "states", "asked"),
    [
        pytest.param({}, {}, [], id="nobody"),
        pytest.param({"active": "a"}, {"a": "confirmed"}, [], id="trusted"),
        pytest.param(
            {"active": "a"}, {"a": "probation"}, [("a", BASELINE)], id="first"
        ),
        pytest.param(
            {"active": "a", "standby": "b"},
            {"a": "probation", "b": "standby"},
            [("a", "b")],
            id="probation",
        ),
        pytest.param(
            {"active": "a", "shadow": "c"},
            {"a": "confirmed", "c": "shadow"},
            [("c", "a")],
            id="shadow",
        ),
        pytest.param(
            {"active": "a", "shadow": "c"},
            {"a": "probation", "c": "shadow"},
            [("a", BASELINE), ("c", "a")],
            id="both",
        ),
        pytest.param({"shadow": "c"}, {"c": "shadow"}, [], id="a_shadow_alone"),
        pytest.param(
            {"active": "a", "shadow": "c"}, {"a": "confirmed"}, [], id="one_unknown"
        ),
    ],
)
def test_who_is_on_trial_beside_whom(slots, states, asked):
    known = {
        digest: release(digest, state=ReleaseState(state))
        for digest, state in states.items()
    }
    found = on_trial(LineUp(task="cpu-busy", **slots), known)
    assert list(found) == [Question(Thesis.WORSE, *pair) for pair in asked]


def test_a_trial_begins_with_the_guards_case():
    harm, merit = case_of(Thesis.WORSE), case_of(Thesis.NOT_WORSE)
    own = release()
    assert trial_of(harm.question, release=own, cases={}) is None
    alone = trial_of(harm.question, release=own, cases={harm.question: harm})
    assert (alone.harm, alone.merit) == (harm, None)
    cases = {case.question: case for case in (harm, merit)}
    assert trial_of(harm.question, release=own, cases=cases).merit is merit


@pytest.mark.parametrize(
    ("target", "score_every", "ticks"),
    [
        # Whole guard blocks of 20 min or two horizons; six horizons, or one block.
        pytest.param({"within": "60s"}, "30s", 40, id="short"),
        pytest.param({"within": "15m"}, "60s", 90, id="a_quarter"),
        pytest.param({"within": "6h"}, "60s", 2160, id="long"),
    ],
)
def test_a_fleet_block_is_six_horizons_in_whole_blocks(target, score_every, ticks):
    manifest = release(target=target, score_every=score_every).manifest
    assert fleet_ticks(manifest) == ticks


# --- rows -------------------------------------------------------------------------


def test_a_block_by_hand():
    told = [came(moment(1)), came(moment(2), OutcomeKind.HAPPENED), came(moment(3))]
    (report,), state = rows_of(told)
    row = report.row
    own = [log_loss(0.6, y, 0.001) for y in (0, 1, 0)]
    other = [log_loss(0.2, y, 0.001) for y in (0, 1, 0)]
    assert (report.task, report.digest) == ("cpu-busy", SHADOW)
    assert (report.ticks, report.score_every_s) == (TICKS, STEP_S)
    assert (row.host, row.version, row.block) == (HOST, 3, 2_950_000)
    assert (row.n, row.episodes) == (3, 1)
    assert row.active == pytest.approx(sum(own) * UNIT, abs=3)
    assert row.reference == pytest.approx(sum(other) * UNIT, abs=3)
    harm = sum(a - 1.1 * b for a, b in zip(own, other, strict=True))
    merit = sum(b - a / 1.1 for a, b in zip(own, other, strict=True))
    assert row.harm == pytest.approx((harm * UNIT,) * 5, abs=3)
    assert row.merit == pytest.approx((merit * UNIT,) * 5, abs=3)
    assert state.through == 3


def test_only_those_that_bet_win_or_lose():
    (report,), _ = rows_of([came(moment(1, bets=2))])
    assert report.row.harm[2:] == report.row.merit[2:] == (0, 0, 0)
    assert 0 not in report.row.harm[:2]


def test_entities_share_a_tick():
    told = [came(moment(n, instant=0, entity=str(n), parts=4)) for n in range(1, 5)]
    (whole,), _ = rows_of([came(moment(1))])
    (parts,), _ = rows_of(told)
    assert parts.row.n == 4
    assert parts.row.harm == pytest.approx(whole.row.harm, abs=4)


@pytest.mark.parametrize("is_strict", [False, True])
def test_what_can_never_be_known_counts_as_the_guard_has_it(is_strict):
    own = trial(is_strict=is_strict)
    (report,), _ = rows_of([came(moment(1), OutcomeKind.VOID)], of=own)
    worst = own.harm.worst(Pair((0.6,), (0.2,))) if is_strict else 0.0
    assert report.row.harm[0] == pytest.approx(-worst * UNIT, abs=1)
    assert (report.row.n, report.row.active, report.row.episodes) == (0, 0, 0)


def test_values_are_priced_too():
    own = trial(loss=AbsoluteError(scale=10.0))
    told = [came(moment(1, own=5.0, other=3.0), OutcomeKind.VALUE, value=2.0)]
    (report,), _ = rows_of(told, of=own)
    assert (report.row.active, report.row.reference) == (3 * UNIT // 10, UNIT // 10)
    assert report.row.episodes == 0


def test_a_block_is_told_once_all_of_it_is_known():
    told = [came(moment(n)) for n in range(1, 3 * TICKS + 1)]
    for seconds, blocks in ((0, 0), (599, 0), (600, 1), (1_199, 1), (1_800, 3)):
        found, state = rows_of(told, until=START + timedelta(seconds=seconds))
        assert len(found) == blocks
        assert state.through == blocks * TICKS
        assert all(report.row.n == TICKS for report in found)


def test_nothing_is_told_before_the_first_block_is_over():
    found, state = rows_of([came(moment(1))], until=START)
    assert found == []
    assert (state.through, state.in_event) == (0, ())


def test_what_the_case_has_not_staked_is_left_aside():
    own = trial(first_moment=3)
    unknown = msgspec.structs.replace(moment(4), wagers=())
    told = [came(moment(n)) for n in range(1, 4)] + [came(unknown)]
    (report,), state = rows_of(told, of=own)
    assert report.row.n == 1
    assert state.through == 4
    assert rows_of([came(moment(1))], of=own)[0] == []


def test_bets_against_another_reference_are_not_its_own():
    other = msgspec.structs.replace(
        moment(1),
        predictions=(
            Prediction(role=Role.SHADOW, digest=SHADOW, values=(0.6,)),
            Prediction(role=Role.ACTIVE, digest=STANDBY, values=(0.2,)),
        ),
    )
    assert rows_of([came(other)])[0] == []


def test_without_the_mirrored_test_there_is_no_merit():
    (report,), _ = rows_of([came(moment(1))], of=trial(has_merit=False))
    assert report.row.merit == NO_BETS
    assert report.row.harm != NO_BETS


def test_an_episode_that_spans_two_reports_is_one():
    happens = [
        came(moment(n), OutcomeKind.HAPPENED if 15 < n < 30 else OutcomeKind.DID_NOT)
        for n in range(1, 2 * TICKS + 1)
    ]
    first, state = rows_of(happens, until=START + timedelta(seconds=600))
    assert state.in_event == ("",)
    second, state = rows_of(happens[TICKS:], state=state)
    assert [each.row.episodes for each in first + second] == [1, 0]
    assert state.in_event == ()


def test_what_befalls_entities_together_is_one_episode():
    told = [
        came(moment(n, instant=0, entity=str(n), parts=2), OutcomeKind.HAPPENED)
        for n in (1, 2)
    ]
    (report,), state = rows_of(told)
    assert report.row.episodes == 1
    assert state.in_event == ("1", "2")


def test_an_entity_of_which_nothing_is_known_any_more_holds_no_event():
    told = [
        came(moment(n, instant=n, entity=entity), kind)
        for n, (entity, kind) in enumerate(
            [
                ("/gone", OutcomeKind.HAPPENED),
                ("/gone", OutcomeKind.VOID),
                ("/", OutcomeKind.HAPPENED),
            ],
            1,
        )
    ]
    (report,), state = rows_of(told)
    assert report.row.episodes == 2
    assert state.in_event == ("/",)


def test_a_block_of_a_time_that_has_not_come_is_forgotten():
    """The one that is open now may have been told in part."""
    own, told = trial(), [came(moment(n)) for n in range(1, 3 * TICKS + 1)]
    _, ahead = rows_of([], of=own, until=START + timedelta(days=400))
    state = as_of(own, ahead, newest=START)
    assert state.block == own.block_of(START)
    found, _ = rows_of(told, of=own, state=state)
    assert [each.row.block - state.block for each in found] == [1, 2]
    assert as_of(own, state, newest=START + timedelta(days=1)) == state


# --- laws -------------------------------------------------------------------------

INSTANTS = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.floats(0, 1),
        st.integers(0, 5),
        st.sampled_from([*list(OutcomeKind)[:2], OutcomeKind.VOID]),
        st.integers(1, 3),
    ),
    min_size=1,
    max_size=70,
)


def lived(instants, *, hurried=1):
    """Return resolved moments; `hurried` times as many ticks as a block holds."""
    told, number = [], 0
    for instant, (own, other, bets, kind, parts) in enumerate(instants):
        for part in range(parts):
            number += 1
            one = moment(
                number,
                instant=instant / hurried,
                entity=str(part),
                own=own,
                other=other,
                bets=bets,
                parts=parts,
            )
            told.append(came(one, kind))
    return told


@given(INSTANTS, st.sampled_from([1, 4]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_no_row_is_one_that_an_honest_host_cannot_send(instants, hurried, is_strict):
    found, _ = rows_of(lived(instants, hurried=hurried), of=trial(is_strict=is_strict))
    assert found
    for report in found:
        assert report.row.flaw(report.ticks) == ""


@given(INSTANTS, st.lists(st.integers(0, 70), max_size=6).map(sorted))
@settings(max_examples=60, deadline=None)
def test_however_often_one_tells_the_rows_are_the_same(instants, cuts):
    told = lived(instants)
    whole, last = rows_of(told)
    found, state = [], TrialState()
    for cut in [*cuts, None]:
        until = EVER if cut is None else START + timedelta(seconds=STEP_S) * cut
        rest = [each for each in told if each[0].id > state.through]
        more, state = rows_of(rest, state=state, until=until)
        found += more
    assert (found, state) == (whole, last)


def test_a_state_travels():
    _, state = rows_of([came(moment(1), OutcomeKind.HAPPENED)])
    assert msgspec.json.decode(msgspec.json.encode(state), type=TrialState) == state


def test_more_instants_than_a_block_has_bet_nothing_more():
    account = _Account()
    wager = Wager(Thesis.WORSE, Role.SHADOW, Role.ACTIVE, 0, 5, 1)
    for _ in range(3):
        account.take(wager, worst=0.0, excess=0.5, ticks=2)
    assert account.sums == (UNIT,) * 5
