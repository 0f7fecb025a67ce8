"""What the autopilot remembers: changed by one at a time, all of it or nothing."""

import pytest

from agent.errors import StateError, UnavailableError
from central.adapters.database import Database, SqlPlans


@pytest.fixture
def database(fleet_url):
    with Database.open(fleet_url) as opened:
        yield opened


@pytest.fixture
def plans(database):
    return SqlPlans(database)


@pytest.fixture
def others(fleet_url):
    """Return plans as another process sees them."""
    with Database.open(fleet_url) as opened:
        yield SqlPlans(opened)


def test_a_plan_is_remembered_to_the_byte(plans, others):
    assert plans.plan("task") is None
    plans.set_plan("task", b"\0\xff")
    plans.set_plan("other", b"")
    plans.set_plan("task", b"\0\xfe")
    assert (others.plan("task"), others.plan("other")) == (b"\0\xfe", b"")


def test_within_a_transaction_one_sees_what_one_set_and_others_do_not(plans, others):
    plans.set_plan("task", b"1")
    with plans.transaction():
        assert plans.plan("task") == b"1"
        plans.set_plan("task", b"2")
        plans.set_plan("other", b"2")
        assert plans.plan("task") == b"2"
        assert (others.plan("task"), others.plan("other")) == (b"1", None)
    assert (others.plan("task"), others.plan("other")) == (b"2", b"2")


def set_and_fail(plans):
    with plans.transaction():
        plans.set_plan("task", b"1")
        raise LookupError


def set_and_lose_the_lock(plans, database):
    with plans.transaction():
        plans.set_plan("task", b"1")
        with database.writing() as connection:
            connection.exec_driver_sql(
                "select pg_terminate_backend(pid) from pg_locks "
                "where locktype = 'advisory'"
            )


def test_what_is_raised_leaves_no_trace(plans, others):
    with pytest.raises(LookupError):
        set_and_fail(plans)
    assert plans.plan("task") is others.plan("task") is None
    with others.transaction():
        others.set_plan("task", b"2")
    assert plans.plan("task") == b"2"


def test_two_autopilots_do_not_act_at_once(plans, others):
    with plans.transaction():
        with pytest.raises(UnavailableError) as busy, others.transaction():
            pytest.fail("it got in")
        plans.set_plan("task", b"1")
    assert str(busy.value) == "another autopilot is at work; try again"
    with others.transaction():
        assert others.plan("task") == b"1"


def test_a_transaction_hinders_nobody_who_writes_something_else(plans, others):
    with plans.transaction():
        others.set_plan("another", b"1")
        assert plans.plan("another") == b"1"


def test_a_lock_that_was_lost_lets_nothing_be_written(postgresql_url):
    """Whoever has it now may have acted already."""
    with Database.open(postgresql_url) as database, Database.open(postgresql_url) as by:
        plans = SqlPlans(database)
        with pytest.raises(UnavailableError):
            set_and_lose_the_lock(plans, by)
        assert plans.plan("task") is None
        with plans.transaction():
            plans.set_plan("task", b"2")
        assert plans.plan("task") == b"2"


def test_a_lock_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "fleet.db-autopilot").mkdir()
    with (
        Database.open(f"sqlite:///{tmp_path / 'fleet.db'}") as database,
        pytest.raises(StateError, match=r"fleet\.db-autopilot: Is a directory"),
        SqlPlans(database).transaction(),
    ):
        pytest.fail("it got in")
