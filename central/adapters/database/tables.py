"""The tables as statements name them; what they are made of stands in `schema`."""

from typing import Any

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, Table, Text
from sqlalchemy.types import TypeEngine

_METADATA = MetaData()


def _table(name: str, /, **columns: type[TypeEngine[Any]]) -> Table:
    made = (Column(column, kind) for column, kind in columns.items())
    return Table(name, _METADATA, *made)


hosts = _table(
    "hosts",
    id=BigInteger,
    host_id=Text,
    token=LargeBinary,
    enrolled_at=BigInteger,
    revoked_at=BigInteger,
    reported_at=BigInteger,
    received_through=BigInteger,
)
join_tokens = _table(
    "join_tokens",
    sha256=LargeBinary,
    name=Text,
    expires_at=BigInteger,
    uses=BigInteger,
    host_id=Text,
)
standings = _table(
    "standings",
    host=BigInteger,
    sequence=BigInteger,
    about=Text,
    line_ups=Text,
    health=Text,
)
holes = _table("holes", host=BigInteger, first=BigInteger, last=BigInteger)
reports = _table(
    "reports",
    host=BigInteger,
    sequence=BigInteger,
    sha256=LargeBinary,
    length=BigInteger,
    received_at=BigInteger,
)
events = _table(
    "events",
    host=BigInteger,
    sequence=BigInteger,
    place=BigInteger,
    at=BigInteger,
    name=Text,
    document=Text,
)
cards = _table(
    "cards",
    day=Text,
    host=BigInteger,
    task=Text,
    digest=Text,
    role=Text,
    sequence=BigInteger,
    card=Text,
)
totals = _table("totals", day=Text, task=Text, digest=Text, role=Text, card=Text)
trials = _table(
    "trials",
    task=Text,
    digest=Text,
    block=BigInteger,
    host=BigInteger,
    received_at=BigInteger,
    document=Text,
)
drift = _table(
    "drift",
    task=Text,
    host=BigInteger,
    sequence=BigInteger,
    received_at=BigInteger,
    document=Text,
)
evidence = _table(
    "evidence",
    task=Text,
    host=BigInteger,
    question=LargeBinary,
    sequence=BigInteger,
    received_at=BigInteger,
    document=Text,
)
batches = _table("batches", id=BigInteger, task=Text, day=Text)
inbox = _table(
    "inbox",
    id=BigInteger,
    host=BigInteger,
    sequence=BigInteger,
    task=Text,
    day=Text,
    samples=BigInteger,
    batch=BigInteger,
    document=LargeBinary,
)
sample_counts = _table(
    "sample_counts", task=Text, minute=BigInteger, samples=BigInteger, events=BigInteger
)
plans = _table("plans", task=Text, document=LargeBinary)
ALL = tuple(_METADATA.tables.values())
