"""Statements that both SQLite and PostgreSQL know, and SQLAlchemy's core does not."""

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite

_Insert = sqlite.Insert | postgresql.Insert
_INSERTS: Final[dict[str, Callable[[Table], _Insert]]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


@cache
def newest(dialect: str, table: Table, *key: str) -> Insert:
    """Return an insert that leaves the row of the report with the higher number."""
    statement = _INSERTS[dialect](table)
    return statement.on_conflict_do_update(
        index_elements=key,
        set_=_others(statement, table, key),
        where=statement.excluded.sequence >= table.c.sequence,
    )


@cache
def replacing(dialect: str, table: Table, *key: str) -> Insert:
    """Return an insert that writes over the row that is there."""
    statement = _INSERTS[dialect](table)
    return statement.on_conflict_do_update(
        index_elements=key, set_=_others(statement, table, key)
    )


@cache
def adding(dialect: str, table: Table, *key: str) -> Insert:
    """Return an insert that adds its numbers to those of the row that is there."""
    statement = _INSERTS[dialect](table)
    others = _others(statement, table, key)
    sums = {name: table.c[name] + excluded for name, excluded in others.items()}
    return statement.on_conflict_do_update(index_elements=key, set_=sums)


@cache
def first(dialect: str, table: Table) -> Insert:
    """Return an insert that leaves the row that is there."""
    return _INSERTS[dialect](table).on_conflict_do_nothing()


def _others(
    statement: _Insert, table: Table, key: tuple[str, ...]
) -> dict[str, ColumnElement[Any]]:
    return {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if column.name not in key
    }
