"""The schema of the fleet's database, one function a step, never edited once released.

It is the same on SQLite and PostgreSQL but for the words in `_WORDS`. Instants are
whole microseconds since 1970 (UTC), minutes whole minutes, days as ISO writes them;
hashes are bytes; what hosts said in their own words is JSON, in which no character is
outside what a database takes.

Every report is written in one transaction and read by no one alone, so the tables are
laid out for writing, and each index is argued:

- `hosts` is short: each request finds its host by the token's hash. What its newest
  report says stands in `standings`, rewritten in place by each.
- `reports` is read by its key, to know a number that comes again; the index by time is
  for `trim` and for what was told since, and costs little because it only grows at its
  end.
- `cards` begin with the day: a host's cards of today lie side by side, where the next
  report changes them. `totals` hold their sums over the hosts, so that an overview
  reads a row a day, task, release and role instead of one more a host.
- `events` are written at the end of their host, and go with their report. Whoever looks
  for some of all hosts asks by name, hence the one index more.
- `trials`, `drift` and `evidence` are read by task, whole ranges of the key.
- `inbox` holds what one report brought of a task and day as one row: samples are moved
  in batches, and never looked at one by one.
"""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, text

from agent.errors import StateError
from central.adapters.database.locks import Lock, hold

_WORDS: Final = {
    "sqlite": {
        "number": "integer primary key autoincrement",
        "bigint": "integer",
        "bytes": "blob",
        "text": "text",
        "end": "strict",
        "short_end": "strict, without rowid",
    },
    "postgresql": {
        "number": "bigint generated always as identity primary key",
        "bigint": "bigint",
        "bytes": "bytea",
        # Sorted by code point, as Python sorts, whatever the database's locale.
        "text": 'text collate "C"',
        "end": "",
        "short_end": "",
    },
}


def version(connection: Connection) -> int:
    """Return the number of the schema that is there; 0: none."""
    if not connection.dialect.has_table(connection, "schema_number"):
        return 0
    found: int = connection.execute(
        text("select number from schema_number")
    ).scalar_one()
    return found


def migrate(connection: Connection, *, place: str) -> None:
    """Bring the database to this program's schema, within a writing transaction.

    Args:
        connection: On which nobody else migrates meanwhile.
        place: How the database is called in messages.

    Raises:
        StateError: It is of a newer schema.
    """
    hold(connection, Lock.MIGRATING)
    found = version(connection)
    check_not_newer(found, place=place)
    for step in _STEPS[found:]:
        step(connection)
    if found < VERSION:
        connection.execute(
            text("update schema_number set number = :number"), {"number": VERSION}
        )


def check_not_newer(found: int, *, place: str) -> None:
    """Refuse a schema that only a newer program knows.

    Raises:
        StateError: Says so.
    """
    if found > VERSION:
        raise StateError(
            f"{place}: expected at most schema {VERSION}, got {found}: a newer "
            "forewarn-central has used it; install that version again"
        )


def _execute(connection: Connection, statements: str) -> None:
    words = _WORDS[connection.dialect.name]
    for statement in statements.format(**words).split(";"):
        connection.execute(text(statement))


def _first_tables(connection: Connection) -> None:
    _execute(connection, _FIRST_TABLES)


def _bound_join_tokens(connection: Connection) -> None:
    """Let a join token be for one host alone."""
    _execute(connection, "alter table join_tokens add column host_id {text}")


_FIRST_TABLES: Final = """
create table schema_number (
    number {bigint} not null
) {end};
insert into schema_number values (0);
create table hosts (
    id {number},
    host_id {text} not null unique,
    token {bytes} unique,
    enrolled_at {bigint},
    revoked_at {bigint},
    reported_at {bigint},
    received_through {bigint} not null default 0
) {end};
create table join_tokens (
    sha256 {bytes} not null primary key,
    name {text} not null,
    expires_at {bigint} not null,
    uses {bigint} not null
) {end};
create table standings (
    host {bigint} not null primary key references hosts,
    sequence {bigint} not null,
    about {text} not null,
    line_ups {text} not null,
    health {text} not null
) {end};
create table holes (
    host {bigint} not null references hosts,
    first {bigint} not null,
    last {bigint} not null,
    primary key (host, first)
) {short_end};
create table reports (
    host {bigint} not null references hosts,
    sequence {bigint} not null,
    sha256 {bytes} not null,
    length {bigint} not null,
    received_at {bigint} not null,
    primary key (host, sequence)
) {short_end};
create index reports_by_time on reports (received_at);
create table events (
    host {bigint} not null,
    sequence {bigint} not null,
    place {bigint} not null,
    at {bigint} not null,
    name {text} not null,
    document {text} not null,
    primary key (host, sequence, place),
    foreign key (host, sequence) references reports on delete cascade
) {short_end};
create index events_by_name on events (name, at);
create table cards (
    day {text} not null,
    host {bigint} not null references hosts,
    task {text} not null,
    digest {text} not null,
    role {text} not null,
    sequence {bigint} not null,
    card {text} not null,
    primary key (day, host, task, digest, role)
) {end};
create table totals (
    day {text} not null,
    task {text} not null,
    digest {text} not null,
    role {text} not null,
    card {text} not null,
    primary key (day, task, digest, role)
) {end};
create table trials (
    task {text} not null,
    digest {text} not null,
    block {bigint} not null,
    host {bigint} not null references hosts,
    received_at {bigint} not null,
    document {text} not null,
    primary key (task, digest, block, host)
) {end};
create table drift (
    task {text} not null,
    host {bigint} not null references hosts,
    sequence {bigint} not null,
    received_at {bigint} not null,
    document {text} not null,
    primary key (task, host)
) {end};
create table evidence (
    task {text} not null,
    host {bigint} not null references hosts,
    question {bytes} not null,
    sequence {bigint} not null,
    received_at {bigint} not null,
    document {text} not null,
    primary key (task, host, question)
) {end};
create table batches (
    id {number},
    task {text} not null,
    day {text} not null
) {end};
create table inbox (
    id {number},
    host {bigint} not null references hosts,
    sequence {bigint} not null,
    task {text} not null,
    day {text} not null,
    samples {bigint} not null,
    batch {bigint} references batches,
    document {bytes} not null
) {end};
create index inbox_by_batch on inbox (batch, id);
create table sample_counts (
    task {text} not null,
    minute {bigint} not null,
    samples {bigint} not null,
    events {bigint} not null,
    primary key (task, minute)
) {short_end};
create table plans (
    task {text} not null primary key,
    document {bytes} not null
) {end}
"""
_STEPS: Final[tuple[Callable[[Connection], None], ...]] = (
    _first_tables,
    _bound_join_tokens,
)
VERSION: Final = len(_STEPS)
