"""The tables of the state database, as each step of the schema makes them."""

FIRST_TABLES = """
create table layouts (
    id integer primary key,
    series text not null unique
) strict;
create table samples (
    at integer primary key,
    layout integer not null,
    row blob not null
) strict;
create table digests (
    id integer primary key,
    digest text not null unique
) strict;
create table moments (
    id integer primary key,
    task text not null,
    entity text not null,
    at integer not null,
    due_at integer not null,
    limit_value real,
    origin real,
    state integer not null,
    features blob not null
) strict;
create table predictions (
    moment integer not null references moments on delete cascade,
    role text not null,
    digest integer not null references digests,
    scores text not null,
    features blob,
    primary key (moment, role)
) strict, without rowid;
create table outcomes (
    moment integer primary key references moments on delete cascade,
    kind text not null,
    resolved_at integer not null,
    value real,
    happened_at integer,
    void text
) strict;
create table scorecards (
    day text not null,
    task text not null,
    digest text not null,
    role text not null,
    card text not null,
    primary key (day, task, digest, role)
) strict;
create table memories (
    task text primary key,
    record blob not null
) strict;
create table releases (
    digest text primary key,
    task text not null,
    version integer not null,
    state text not null,
    manifest blob not null,
    admitted_at integer not null,
    unique (task, version)
) strict;
create table lineups (
    task text primary key,
    active text references releases,
    standby text references releases,
    shadow text references releases,
    check (active is null or active is not standby),
    check (active is null or active is not shadow),
    check (standby is null or standby is not shadow)
) strict, without rowid;
create table events (
    id integer primary key,
    at integer not null,
    level text not null,
    name text not null,
    fields text not null
) strict;
create table marks (
    name text primary key,
    value integer not null
) strict, without rowid
"""
# Few, small and read whole, so each is one document.
TRUST = """
create table trust (
    kind text not null,
    name text not null,
    document text not null,
    primary key (kind, name)
) strict, without rowid;
create table crashes (
    digest text not null,
    at integer not null
) strict;
alter table releases add column chain text not null default '[]'
"""
# What the guard staked stands with the moment; NULL where it staked nothing.
GUARD = """
alter table moments add column wagers text;
alter table lineups add column pinned integer not null default 0;
create table evidence (
    id integer primary key,
    at integer not null,
    task text not null,
    document text not null
) strict;
create table requests (
    id integer primary key,
    at integer not null,
    document text not null,
    answer text
) strict
"""
# What waits to be sent has its number; one that was refused may have that of another.
REPORTS = """
create table spool (
    sequence integer primary key,
    at integer not null,
    body blob not null
) strict;
create table aside (
    id integer primary key,
    sequence integer not null,
    at integer not null,
    body blob not null,
    reason text not null
) strict;
create table documents (
    name text primary key,
    document text not null
) strict, without rowid
"""
# The points of windows of days. A minute without a sample has no row.
ROLLUPS = """
create table rollups (
    at integer primary key,
    layout integer not null,
    means blob not null,
    maxima blob not null
) strict
"""
# What a host made of a model's answer: its own, a, b, outcomes; NULL where nothing.
CALIBRATIONS = """
alter table predictions add column calibration text
"""
