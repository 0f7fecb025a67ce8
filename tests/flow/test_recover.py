"""Recovery: one death is remembered, the second within a day ends a release's work."""

from datetime import timedelta

import pytest

from agent.adapters.store.archive import Archive
from agent.adapters.store.registry import SqliteRegistry
from agent.core.event import EventName
from agent.core.lineup import LineUp
from agent.core.release import ReleaseState
from agent.errors import IllegalTransitionError, StateError
from agent.flows.recover import recover
from tests.fakes.ledger import START
from tests.fakes.life import ACTIVE, SHADOW, STANDBY, manifest_of

HOUR = timedelta(hours=1)
LIVES = {
    ReleaseState.SHADOW: [],
    ReleaseState.PROBATION: [ReleaseState.PROBATION],
    ReleaseState.CONFIRMED: [ReleaseState.PROBATION, ReleaseState.CONFIRMED],
    ReleaseState.STANDBY: [
        ReleaseState.PROBATION,
        ReleaseState.CONFIRMED,
        ReleaseState.STANDBY,
    ],
}

LATER = START + timedelta(days=2)


class Desk:
    """A registry of one task with all its slots taken."""

    def __init__(self, folder):
        self.path = folder / "state.db"
        self.registry = SqliteRegistry.open(self.path)
        for digest, version, state in (
            (ACTIVE, 2, ReleaseState.PROBATION),
            (STANDBY, 1, ReleaseState.STANDBY),
            (SHADOW, 3, ReleaseState.SHADOW),
        ):
            self.admit(digest, version=version, state=state)
        self.line_up(active=ACTIVE, standby=STANDBY, shadow=SHADOW)

    def admit(self, digest, *, state, **manifest):
        document = manifest_of(**manifest)
        self.registry.admit(digest=digest, manifest=document, at=START)
        for step in (ReleaseState.SHADOW, *LIVES[state]):
            self.registry.set_state(digest, step)

    def line_up(self, **slots):
        self.registry.set_lineup(LineUp(task="cpu-busy", **slots))

    def crash(self, digest, *, at_h=0.0):
        """Find a mark so many hours after the start; return the events' names."""
        found = recover(self.registry, digest=digest, now=START + at_h * HOUR)
        return [event.name for event in found]

    @property
    def states(self):
        return {r.digest: r.state for r in self.registry.releases()}

    @property
    def lineup(self):
        (found,) = self.registry.lineups()
        return found


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    yield made
    made.registry.close()


def test_one_death_changes_nothing_but_is_remembered(desk):
    before = desk.states, desk.lineup
    assert desk.crash(ACTIVE) == [EventName.RELEASE_CRASHED]
    assert (desk.states, desk.lineup) == before
    assert desk.registry.crashes(ACTIVE, since=START, until=LATER) == 1


def test_the_second_death_within_a_day_brings_the_standby_back(desk):
    desk.crash(ACTIVE)
    crashed, rolled_back = recover(
        desk.registry, digest=ACTIVE, now=START + 23.9 * HOUR
    )
    assert crashed.fields == {"digest": ACTIVE[:12], "crashes_of_late": 2}
    assert rolled_back.name is EventName.RELEASE_ROLLED_BACK
    assert rolled_back.fields == {
        "task": "cpu-busy",
        "version": 2,
        "digest": ACTIVE[:12],
        "reason": "the daemon died of it 2 times within 24 hours",
        "speaks": "version 1 (active)",
    }
    assert desk.states == {
        ACTIVE: ReleaseState.ROLLED_BACK,
        STANDBY: ReleaseState.CONFIRMED,
        SHADOW: ReleaseState.SHADOW,
    }
    assert desk.lineup == LineUp(task="cpu-busy", active=STANDBY, shadow=SHADOW)


def test_what_came_to_pass_is_kept_in_the_journal(desk):
    desk.crash(ACTIVE)
    desk.crash(ACTIVE)
    with Archive.open(desk.path) as archive:
        names = [event.name for event in archive.events()][::-1]
    assert names == ["release_crashed", "release_crashed", "release_rolled_back"]


def test_two_deaths_further_apart_than_a_day_are_chance(desk):
    assert desk.crash(ACTIVE) == [EventName.RELEASE_CRASHED]
    assert desk.crash(ACTIVE, at_h=24.1) == [EventName.RELEASE_CRASHED]
    assert desk.crash(ACTIVE, at_h=25)[-1] is EventName.RELEASE_ROLLED_BACK


def test_the_deaths_of_two_releases_do_not_add_up(desk):
    assert desk.crash(ACTIVE) == desk.crash(STANDBY) == desk.crash(SHADOW)
    assert desk.lineup.active == ACTIVE


@pytest.mark.parametrize(
    ("digest", "state", "left"),
    [
        (STANDBY, ReleaseState.ROLLED_BACK, {"active": ACTIVE, "shadow": SHADOW}),
        (SHADOW, ReleaseState.REJECTED, {"active": ACTIVE, "standby": STANDBY}),
    ],
)
def test_one_that_is_not_acted_upon_leaves_the_active_one_alone(
    desk, digest, state, left
):
    desk.crash(digest)
    found = recover(desk.registry, digest=digest, now=START)
    assert found[-1].fields["speaks"] == "version 2 (active)"
    assert desk.states[digest] is state
    assert desk.lineup == LineUp(task="cpu-busy", **left)


def test_where_nobody_stands_by_the_baseline_speaks(desk):
    desk.line_up(active=ACTIVE)
    desk.crash(ACTIVE)
    found = recover(desk.registry, digest=ACTIVE, now=START)
    assert found[-1].fields["speaks"] == "the baseline"
    assert desk.lineup == LineUp(task="cpu-busy")


def test_where_a_survey_stands_by_the_baseline_speaks(desk):
    digest = "f" * 64
    desk.admit(digest, version=4, has_model=False, state=ReleaseState.STANDBY)
    desk.line_up(active=ACTIVE, standby=digest)
    desk.crash(ACTIVE)
    found = recover(desk.registry, digest=ACTIVE, now=START)
    assert found[-1].fields["speaks"] == "the baseline"
    assert desk.lineup == LineUp(task="cpu-busy", active=digest)


def test_a_release_that_has_left_its_line_up_is_remembered_only(desk):
    desk.line_up(active=STANDBY)
    for _ in range(3):
        assert desk.crash(ACTIVE) == [EventName.RELEASE_CRASHED]
    assert desk.states[ACTIVE] is ReleaseState.PROBATION


def test_a_mark_of_a_release_that_nobody_knows_is_remembered_only(desk):
    for _ in range(3):
        assert desk.crash("0" * 64) == [EventName.RELEASE_CRASHED]


def test_a_release_whose_life_does_not_allow_it_stays_and_nothing_is_written(desk):
    digest = "f" * 64
    document = manifest_of(version=4)
    desk.registry.admit(digest=digest, manifest=document, at=START)
    desk.line_up(active=digest)
    desk.crash(digest)
    with pytest.raises(IllegalTransitionError):
        desk.crash(digest)
    assert desk.registry.crashes(digest, since=START, until=LATER) == 1
    assert desk.lineup.active == digest


@pytest.mark.parametrize("writes", range(7))
def test_broken_off_at_any_write_nothing_of_it_is_left(desk, monkeypatch, writes):
    desk.crash(ACTIVE)
    before = desk.states, desk.lineup
    write, left = desk.registry._write, iter([True] * writes)

    def break_off(*arguments):
        if not next(left, False):
            raise StateError("told to break off")
        write(*arguments)

    with monkeypatch.context() as broken:
        broken.setattr(desk.registry, "_write", break_off)
        if writes < 6:
            with pytest.raises(StateError):
                desk.crash(ACTIVE)
            assert (desk.states, desk.lineup) == before
            assert desk.registry.crashes(ACTIVE, since=START, until=LATER) == 1
        else:
            desk.crash(ACTIVE)
    if writes < 6:
        desk.crash(ACTIVE)
    assert desk.lineup.active == STANDBY
