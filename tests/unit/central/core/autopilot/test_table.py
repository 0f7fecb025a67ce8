"""The autopilot's table: every way from stage to stage, and what never happens."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.fleet import FleetGuard
from agent.core.pointer import Pointer, Rollout, manifest_path
from agent.errors import ConfigError
from central.core.autopilot import (
    RESTING,
    TABLE,
    Candidate,
    Course,
    Crowd,
    Facts,
    Fallen,
    Fresh,
    Made,
    Outcome,
    Plan,
    Stage,
    Terms,
    decided,
    halted,
    new_plan,
    parse_plan,
    paused,
    resumed,
    rolled,
)
from central.core.autopilot.signs import course_of
from tests.fakes.plans import START, row_of

NEW, OLD, OTHER = "a" * 64, "b" * 64, "c" * 64
DAY = timedelta(days=1)
NOW = START + 10 * DAY
AUTO = Terms(is_automatic=True)
FREE = Terms(is_automatic=True, hold=False)
CANDIDATE = Candidate(version=2, digest=NEW)
MADE = Made(outcome=Outcome.PUBLISHED, reasons=("better",), candidate=CANDIDATE)


def guard(*, merit=0.0, excess=0.0, blocks=30, episodes=5, losses=(50, 100)):
    found = FleetGuard(60, 24)
    for block in range(blocks):
        rows = {
            name: [
                row_of(
                    name,
                    2,
                    block,
                    excess=excess,
                    merit=merit,
                    episodes=episodes,
                    losses=losses,
                )
            ]
            for name in "xyz"
        }
        found.add(block, rows)
    return found


GOOD, BAD = guard(merit=0.1), guard(excess=0.1)


def pointer(digest=NEW, *, percent=1, revoked=(), not_before=None):
    version = 2 if digest == NEW else 1
    return Pointer(
        schema=1,
        task="cpu",
        channel="stable",
        serial=3,
        manifest=manifest_path("cpu", version),
        sha256=digest,
        length=1,
        version=version,
        revoked=revoked,
        rollout=Rollout(percent=percent, salt="s"),
        not_before=not_before,
    )


def course(**changes):
    known = {"version": 2, "digest": NEW, "before": OLD, "rings": (1, 10, 100)}
    return Course(**{**known, "began_at": START, **changes})


def opened(**changes):
    return course(opened_at=NOW - 2 * DAY, **changes)


def plan(stage, **changes):
    return Plan(task="cpu", stage=Stage(stage), since=START, **changes)


def facts(seen=None, **changes):
    signed = changes.pop("signed", seen)
    crowd = {"members": 9, "tried": 9, **changes.pop("crowd", {})}
    return Facts(
        now=NOW, signed=signed, published=seen, crowd=Crowd(**crowd), **changes
    )


ENOUGH = Fresh(rows=1000, events=50)
LIVES = [
    ("too_few_labels", plan("watching"), facts(fresh=Fresh(rows=999, events=99)), "="),
    ("too_few_events", plan("watching"), facts(fresh=Fresh(rows=9999, events=49)), "="),
    ("enough_labels", plan("watching"), facts(fresh=ENOUGH), "due"),
    (
        "values_have_no_events",
        plan("done"),
        facts(fresh=Fresh(rows=1000, has_events=False)),
        "due",
    ),
    (
        "hosts_fell_back",
        plan("refused"),
        facts(fallen=Fallen(version=1, hosts=30, fallen=3)),
        "due",
    ),
    (
        "few_hosts_fell_back",
        plan("watching"),
        facts(fallen=Fallen(version=1, hosts=30, fallen=2)),
        "=",
    ),
    (
        "nothing_is_approved",
        plan("watching"),
        facts(fallen=Fallen(hosts=30, fallen=30)),
        "=",
    ),
    ("drift", plan("halted"), facts(drifted="cpu"), "due"),
    ("never_retrained", plan("due", why="drift"), facts(), "retraining"),
    ("rested", plan("due", retrained_at=NOW - DAY), facts(), "retraining"),
    ("rests", plan("due", retrained_at=NOW - DAY / 2), facts(), "="),
    ("retrains", plan("retraining"), facts(), "="),
    (
        "not_yet",
        plan("retraining"),
        facts(made=Made(outcome=Outcome.NOT_YET, reasons=("few",))),
        "watching",
    ),
    (
        "refused",
        plan("retraining"),
        facts(made=Made(outcome=Outcome.REFUSED)),
        "refused",
    ),
    ("made", plan("retraining"), facts(pointer(OLD), made=MADE), "awaiting approval"),
    (
        "waits_for_a_person",
        plan("awaiting approval", course=course(began_at=None)),
        facts(pointer(OLD), candidate=CANDIDATE),
        "=",
    ),
    (
        "a_person_approves",
        plan("awaiting approval", course=course(began_at=None)),
        facts(pointer(), candidate=CANDIDATE),
        "opening a ring",
    ),
    (
        "withdrawn_while_waiting",
        plan("awaiting approval", course=course()),
        facts(pointer(OLD, revoked=(NEW,))),
        "halting",
    ),
    (
        "overtaken_while_waiting",
        plan("awaiting approval", course=course()),
        facts(pointer(OTHER)),
        "watching",
    ),
    ("asks", plan("opening a ring", course=course()), facts(pointer(OLD)), "="),
    ("opens", plan("opening a ring", course=course()), facts(pointer()), "in a ring"),
    (
        "opens_later",
        plan("opening a ring", course=course()),
        facts(pointer(not_before=NOW + DAY)),
        "=",
    ),
    (
        "lacks_signatures",
        plan("opening a ring", course=course(ring=1)),
        facts(pointer(), signed=pointer(percent=10), waiting=("approve-cpu",)),
        "=",
    ),
    (
        "goes_back_meanwhile",
        plan("opening a ring", course=course(ring=1)),
        facts(pointer(OLD)),
        "watching",
    ),
    (
        "harm_while_it_opens",
        plan("opening a ring", course=course(ring=1, guard=BAD)),
        facts(pointer()),
        "halting",
    ),
    ("nothing_shown", plan("in a ring", course=opened()), facts(pointer()), "="),
    (
        "shown",
        plan("in a ring", course=opened(guard=GOOD)),
        facts(pointer()),
        "opening a ring",
    ),
    (
        "shown_too_early",
        plan("in a ring", course=course(guard=GOOD, opened_at=NOW - DAY / 2)),
        facts(pointer()),
        "=",
    ),
    (
        "too_few_episodes_here",
        plan("in a ring", course=opened(guard=GOOD, episodes_before=440)),
        facts(pointer()),
        "=",
    ),
    (
        "narrowed_by_a_person",
        plan("in a ring", course=opened(guard=GOOD, ring=1)),
        facts(pointer(percent=5)),
        "=",
    ),
    (
        "harm",
        plan("in a ring", course=opened(guard=BAD)),
        facts(pointer()),
        "halting",
    ),
    (
        "too_many",
        plan("in a ring", course=opened()),
        facts(pointer(), crowd={"tried": 50, "fallen": 3}),
        "halting",
    ),
    (
        "some_fell",
        plan("in a ring", course=opened()),
        facts(pointer(), crowd={"tried": 50, "fallen": 2}),
        "=",
    ),
    (
        "all_fell",
        plan("in a ring", course=opened()),
        facts(pointer(), crowd={"tried": 1, "fallen": 1}),
        "halting",
    ),
    (
        "withdrawn_by_a_person",
        plan("in a ring", course=opened()),
        facts(pointer(OLD, revoked=(NEW,))),
        "halting",
    ),
    (
        "overtaken_in_a_ring",
        plan("in a ring", course=opened()),
        facts(pointer(OLD)),
        "watching",
    ),
    (
        "widened_by_a_person",
        plan("in a ring", course=opened()),
        facts(pointer(percent=50)),
        "opening a ring",
    ),
    (
        "an_empty_ring",
        plan("in a ring", course=opened()),
        facts(pointer(), crowd={"members": 0}),
        "opening a ring",
    ),
    (
        "the_fleet_is_never_first",
        plan("in a ring", course=opened(ring=1)),
        facts(pointer(percent=10), crowd={"members": 0}),
        "=",
    ),
    (
        "last_ring_shown",
        plan("in a ring", course=opened(ring=2, guard=GOOD)),
        facts(pointer(percent=100)),
        "done",
    ),
    (
        "last_ring_updated",
        plan("in a ring", course=opened(ring=2)),
        facts(pointer(percent=100), crowd={"due": 20, "updated": 19}),
        "done",
    ),
    (
        "last_ring_on_its_way",
        plan("in a ring", course=opened(ring=2)),
        facts(pointer(percent=100), crowd={"due": 20, "updated": 18}),
        "=",
    ),
    (
        "last_ring_narrowed",
        plan("in a ring", course=opened(ring=2, guard=GOOD)),
        facts(pointer(percent=10)),
        "=",
    ),
    (
        "halts",
        plan("halting", course=opened(), why="harm"),
        facts(pointer(), signed=pointer(OLD, revoked=(NEW,))),
        "=",
    ),
    ("halts_at_first", plan("halting", course=opened()), facts(), "="),
    (
        "halted",
        plan("halting", course=opened(), why="harm"),
        facts(pointer(OLD, revoked=(NEW,))),
        "halted",
    ),
]


@pytest.mark.parametrize(
    ("before", "what", "to"), [pytest.param(*life[1:], id=life[0]) for life in LIVES]
)
def test_lives(before, what, to):
    after = decided(before, facts=what, terms=AUTO)
    assert after.stage == (before.stage if to == "=" else to)
    assert after.since == (START if to == "=" else NOW)
    assert after.waits or after.stage is Stage.HALTED


def test_every_row_of_the_table_is_lived():
    lived = {
        (before.stage, after.stage)
        for _, before, what, _ in LIVES
        if (after := decided(before, facts=what, terms=AUTO)).stage != before.stage
    }
    ways = {(stage, row.to) for row in TABLE for stage in row.stages}
    resting = {(stage, Stage.DUE) for stage in RESTING}
    assert ways - lived <= resting | {("opening a ring", "halting")}


def test_without_a_hold_nobody_is_waited_for_but_the_signers():
    waiting = plan("awaiting approval", course=course(began_at=None))
    unsigned = msgspec.structs.replace(waiting, course=course(began_at=None))
    lacks = Candidate(version=2, digest=NEW, is_published=False)
    held = decided(unsigned, facts=facts(candidate=lacks), terms=FREE)
    assert (held.stage, held.waits) == (waiting.stage, "version 2 is not published")
    ready = facts(pointer(OLD), candidate=CANDIDATE)
    after = decided(waiting, facts=ready, terms=FREE)
    assert (after.stage, after.course.began_at) == (Stage.OPENING, NOW)
    assert "hold_for_approval is off" in after.why
    held = decided(paused(waiting), facts=ready, terms=FREE)
    assert held.stage is Stage.AWAITING
    assert held.waits.endswith("its first ring is to be opened")


def test_who_must_act_is_told():
    waiting = plan("awaiting approval", course=course(began_at=None))
    told = decided(waiting, facts=facts(candidate=CANDIDATE), terms=AUTO).waits
    assert told == "a person: `forewarn-central approve cpu 2 --percent 1`"
    lacks = facts(candidate=CANDIDATE, waiting=("approve-cpu: 1 of 2 signatures",))
    assert decided(waiting, facts=lacks, terms=AUTO).waits == lacks.waiting[0]
    opening = plan("opening a ring", course=course())
    assert decided(opening, facts=lacks, terms=AUTO).waits == lacks.waiting[0]
    halting = plan("halting", course=course())
    assert decided(halting, facts=lacks, terms=AUTO).waits == lacks.waiting[0]
    lone = facts(pointer(), crowd={"members": 0})
    ring = plan("in a ring", course=opened(rings=(1, 100)))
    assert "rollout cpu 2 --rings ..." in decided(ring, facts=lone, terms=AUTO).waits
    due = plan("due", retrained_at=NOW - DAY / 2)
    assert decided(due, facts=facts(), terms=AUTO).waits.startswith("rests until 2026")
    assert decided(plan("due"), facts=facts(), terms=AUTO).stage is Stage.RETRAINING
    held = decided(paused(plan("due")), facts=facts(), terms=AUTO)
    assert held.waits.endswith("the retraining is to begin")


CONFIRMED = {"members": 3, "due": 3, "updated": 3}
FEW = guard(merit=0.1, episodes=0)
FEW.episodes = 10


@pytest.mark.parametrize(
    ("crowd", "to"),
    [
        pytest.param(CONFIRMED, "opening a ring", id="all_have_confirmed_it"),
        pytest.param({**CONFIRMED, "updated": 2}, "in a ring", id="one_has_not"),
        pytest.param({**CONFIRMED, "members": 4}, "in a ring", id="one_is_silent"),
        pytest.param(
            {**CONFIRMED, "on_trial": frozenset("x")}, "in a ring", id="one_is_on_trial"
        ),
    ],
)
def test_a_ring_that_has_confirmed_it_needs_no_episodes_of_its_own(crowd, to):
    ring = plan("in a ring", course=opened(guard=GOOD, ring=1, episodes_before=440))
    what = facts(pointer(percent=10), crowd=crowd)
    assert decided(ring, facts=what, terms=AUTO).stage == to


def test_a_ring_that_tells_no_more_and_has_not_shown_enough_needs_a_person():
    words = "these hosts tell no more, and have not shown enough: a person: "
    words += "`forewarn-central approve cpu 2 --percent 10`"
    seen = facts(pointer(), crowd=CONFIRMED)
    for known in (None, FEW):
        ring = plan("in a ring", course=opened(guard=known))
        assert words in decided(ring, facts=seen, terms=AUTO).waits
    young = plan("in a ring", course=course(guard=FEW, opened_at=NOW - DAY / 2))
    assert "a person" not in decided(young, facts=seen, terms=AUTO).waits
    busy = facts(pointer(), crowd={**CONFIRMED, "updated": 1})
    ring = plan("in a ring", course=opened(guard=FEW))
    assert "a person" not in decided(ring, facts=busy, terms=AUTO).waits


def test_hosts_of_another_pace_are_told_of():
    ring = plan("in a ring", course=opened(strays=4))
    words = decided(ring, facts=facts(pointer()), terms=AUTO).waits
    assert "up to 4 hosts score at another pace than its manifest's" in words


@pytest.mark.parametrize(
    ("fresh", "to"),
    [
        pytest.param(Fresh(), "watching", id="nothing_came"),
        pytest.param(Fresh(rows=9), "watching", id="no_event_came"),
        pytest.param(Fresh(rows=9, events=1), "due", id="an_event_came"),
        pytest.param(Fresh(rows=1, has_events=False), "due", id="a_value_came"),
    ],
)
def test_the_same_samples_are_not_trained_on_again(fresh, to):
    rested = plan("watching", retrained_at=NOW - 9 * DAY)
    fell = facts(fresh=fresh, fallen=Fallen(version=1, hosts=1, fallen=1))
    assert decided(rested, facts=fell, terms=AUTO).stage == to
    drifted = facts(fresh=fresh, drifted="cpu")
    assert decided(rested, facts=drifted, terms=AUTO).stage == to


def test_once_named_to_go_back_is_to_overtake():
    opening = plan("opening a ring", course=course())
    later = pointer(not_before=NOW + DAY)
    after = decided(opening, facts=facts(later), terms=AUTO)
    assert (after.stage, after.course.is_named) == (Stage.OPENING, True)
    undone = decided(after, facts=facts(pointer(OLD)), terms=AUTO)
    assert undone.stage is Stage.WATCHING
    again = rolled(after, CANDIDATE, facts=facts(pointer(OLD)), rings=(1, 100))
    assert not again.course.is_named


def test_a_retraining_is_counted_anew():
    due = plan("due", attempts=2, failure="x")
    after = decided(due, facts=facts(), terms=AUTO)
    assert (after.attempts, after.failure) == (0, "")


def test_a_ring_tells_how_it_stands():
    ring = plan("in a ring", course=course(guard=GOOD, opened_at=NOW, ring=1))
    words = decided(ring, facts=facts(pointer(percent=10)), terms=AUTO).waits
    assert "that it is not worse, 20 is enough" in words
    assert "450 episodes in this ring; loss 0.5 of its reference's" in words
    assert "not before 2026-03-13" in words
    empty = course(guard=FleetGuard(60, 24), ring=1)
    ring = plan("in a ring", course=empty)
    words = decided(ring, facts=facts(pointer(percent=10)), terms=AUTO).waits
    assert "loss" not in words


def test_values_are_told_without_events():
    quiet = facts(fresh=Fresh(rows=5, has_events=False))
    words = decided(plan("watching"), facts=quiet, terms=AUTO).waits
    assert words == "5 of 1000 new labelled moments"


def test_what_is_not_listed_does_nothing_by_itself():
    busy = facts(fresh=ENOUGH, drifted="x", fallen=Fallen(version=1, hosts=1, fallen=1))
    after = decided(plan("watching"), facts=busy, terms=Terms())
    assert after.stage is Stage.WATCHING
    assert "not among autopilot.tasks" in after.waits


@pytest.mark.parametrize(
    ("percent", "ring"), [(0, 0), (1, 0), (5, 0), (10, 1), (99, 1), (100, 2)]
)
def test_rings_go_on_from_what_a_person_approved(percent, ring):
    waiting = plan("awaiting approval", course=course(began_at=None))
    after = decided(waiting, facts=facts(pointer(percent=percent)), terms=AUTO)
    assert after.course.ring == ring
    ring = plan("in a ring", course=opened())
    after = decided(ring, facts=facts(pointer(percent=100)), terms=AUTO)
    assert after.course.percent == 100


def test_what_is_made_becomes_a_course_of_the_rings():
    after = decided(
        plan("retraining"), facts=facts(pointer(OLD), made=MADE), terms=AUTO
    )
    assert after.why == "better"
    assert after.course == course(began_at=None)
    first = decided(plan("retraining"), facts=facts(made=MADE), terms=AUTO)
    assert first.course.before == ""
    lacks = facts(made=Made(outcome=Outcome.PUBLISHED))
    with pytest.raises(ValueError, match="expected what was published, got nothing"):
        decided(plan("retraining"), facts=lacks, terms=AUTO)


def test_the_first_release_of_a_task_is_overtaken_by_nobody():
    opening = plan("opening a ring", course=course(before=""))
    assert decided(opening, facts=facts(), terms=AUTO).stage is Stage.OPENING


def test_a_ring_remembers_since_when_and_which_episodes():
    opening = plan("opening a ring", course=course(guard=GOOD))
    after = decided(opening, facts=facts(pointer()), terms=AUTO)
    assert (after.course.opened_at, after.course.episodes_before) == (NOW, 450)
    wider = plan("in a ring", course=opened(guard=GOOD))
    after = decided(wider, facts=facts(pointer()), terms=AUTO)
    assert (after.course.opened_at, after.course.ring) == (None, 1)


def test_a_retraining_remembers_when_and_what_was_there():
    after = decided(plan("due", why="drift"), facts=facts(newest=7), terms=AUTO)
    assert (after.retrained_at, after.base, after.why) == (NOW, 7, "drift")


# A person.


def test_a_pause_holds_everything_that_goes_forward_and_nothing_that_stops():
    for _, before, what, _ in LIVES:
        after = decided(paused(before), facts=what, terms=FREE)
        free = decided(before, facts=what, terms=FREE)
        ways = {row.goes_forward for row in TABLE if row.to is free.stage}
        if after.stage is not free.stage:
            assert after.stage is before.stage
            assert True in ways
        assert after.waits.startswith("paused: `forewarn-central autopilot resume cpu`")
    harmed = paused(plan("in a ring", course=opened(guard=BAD)))
    assert decided(harmed, facts=facts(pointer()), terms=AUTO).stage is Stage.HALTING
    assert resumed(paused(harmed)) == resumed(harmed)


@pytest.mark.parametrize(
    ("before", "seen", "to"),
    [
        pytest.param(plan("watching"), None, "watching", id="nothing_is_under_way"),
        pytest.param(plan("halting", course=course()), None, "halting", id="halts"),
        pytest.param(plan("due"), None, "watching", id="nothing_has_begun"),
        pytest.param(
            plan("opening a ring", course=course()),
            pointer(OLD),
            "watching",
            id="asked",
        ),
        pytest.param(
            plan("in a ring", course=course()), pointer(), "halting", id="hosts_have_it"
        ),
    ],
)
def test_a_person_halts(before, seen, to):
    after = halted(before, facts=facts(seen))
    assert after.stage == to
    assert after.why == ("halted by a person" if to != before.stage else "")


def test_a_person_rolls_out():
    start = new_plan("cpu", now=START)
    after = rolled(start, CANDIDATE, facts=facts(pointer(OLD)), rings=(5, 100))
    assert after.stage is Stage.OPENING
    assert after.course == course(rings=(5, 100), began_at=NOW)
    waiting = plan("awaiting approval", course=course(began_at=None))
    assert rolled(waiting, CANDIDATE, facts=facts(), rings=(5,)).stage is Stage.OPENING


def test_other_rings_keep_what_was_counted():
    before = plan("in a ring", course=opened(guard=GOOD, ring=1))
    after = rolled(before, CANDIDATE, facts=facts(pointer(percent=10)), rings=(20, 100))
    assert after.stage is Stage.OPENING
    assert (after.course.rings, after.course.ring) == ((20, 100), 0)
    assert (after.course.guard, after.course.began_at) == (GOOD, START)
    assert after.course.before == OLD


@pytest.mark.parametrize(
    ("before", "rings", "words"),
    [
        (
            plan("in a ring", course=course(digest=OTHER)),
            (1,),
            "expected nothing under way",
        ),
        (plan("due"), (1,), "got due"),
        (plan("halting", course=course()), (1,), "got halting"),
        (
            plan("awaiting approval", course=course(digest=OTHER)),
            (1,),
            "got awaiting approval; wait, or `forewarn-central autopilot halt cpu`",
        ),
        (plan("watching"), (), "got none"),
        (plan("watching"), (10, 1), "got 10,1"),
        (plan("watching"), (1, 1), "got 1,1"),
        (plan("watching"), (0, 1), "got 0,1"),
        (plan("watching"), (1, 101), "got 1,101"),
    ],
)
def test_what_cannot_be_rolled_out_is_refused(before, rings, words):
    with pytest.raises(ConfigError, match=words):
        rolled(before, CANDIDATE, facts=facts(), rings=rings)


# What is remembered.


def test_a_plan_is_remembered_to_the_digit():
    known = plan("in a ring", course=opened(guard=GOOD), retrained_at=NOW)
    assert parse_plan(msgspec.json.encode(known)) == known
    newer = msgspec.structs.replace(known, schema=2)
    with pytest.raises(ValueError, match="expected schema 1, got 2"):
        parse_plan(msgspec.json.encode(newer))


def test_a_stage_of_a_rollout_has_a_course():
    with pytest.raises(ValueError, match="cpu: expected a rollout while in a ring"):
        course_of(plan("in a ring"))


# What never happens, whatever the facts.

POINTERS = st.one_of(
    st.none(),
    st.builds(
        pointer,
        st.sampled_from([NEW, OLD, OTHER]),
        percent=st.integers(0, 100),
        revoked=st.sampled_from([(), (NEW,)]),
    ),
)
CROWDS = st.fixed_dictionaries(
    {name: st.integers(0, 60) for name in ("members", "tried", "updated", "fallen")}
)
FACTS = st.builds(
    facts,
    POINTERS,
    signed=POINTERS,
    crowd=CROWDS,
    fresh=st.sampled_from([Fresh(), ENOUGH]),
    candidate=st.sampled_from([None, CANDIDATE]),
    made=st.sampled_from([None, MADE, Made(outcome=Outcome.REFUSED)]),
)
GUARDS = st.sampled_from([None, GOOD, BAD, guard(merit=0.1, losses=(90, 50))])
PLANS = st.builds(
    plan,
    st.sampled_from([Stage.AWAITING, Stage.OPENING, Stage.RING, Stage.HALTING]),
    course=st.builds(opened, ring=st.integers(0, 2), guard=GUARDS),
)


@given(PLANS, FACTS)
def test_a_ring_is_followed_by_the_next_one_at_most(before, what):
    after = decided(before, facts=what, terms=FREE)
    reached = (
        sum(percent <= what.published.rollout.percent for percent in (1, 10, 100))
        if what.published is not None and what.published.sha256 == NEW
        else 0
    )
    assert after.course.ring <= max(before.course.ring + 1, reached - 1)


@given(PLANS, FACTS)
def test_what_was_shown_to_do_harm_never_goes_on(before, what):
    if before.course.guard is not BAD:
        return
    after = decided(before, facts=what, terms=FREE)
    if before.stage in {Stage.OPENING, Stage.RING}:
        assert after.stage in {Stage.HALTING, Stage.WATCHING}
    assert after.course.ring <= before.course.ring or before.stage is Stage.AWAITING


@given(PLANS, FACTS)
def test_a_pause_never_widens(before, what):
    after = decided(paused(before), facts=what, terms=FREE)
    if what.published is None or what.published.sha256 != NEW:
        assert after.course.ring <= before.course.ring
    assert after.is_paused


@given(PLANS, FACTS)
def test_without_pooled_evidence_only_a_person_or_an_empty_ring_widens(before, what):
    if before.stage is not Stage.RING or before.course.guard is GOOD:
        return
    after = decided(before, facts=what, terms=FREE)
    if after.stage is Stage.OPENING:
        by_a_person = "a person gave it" in after.why
        assert by_a_person or what.crowd.members == 0
