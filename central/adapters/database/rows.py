"""What a report becomes in the tables, and what cannot be."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import sqlalchemy

from agent.core.envelope import Envelope, LabelledRow
from central.adapters.database.instants import minute, stamp, utc_day
from central.ports.fleet import Arrival

Row = dict[str, Any]
# What a query answers with; SQLAlchemy would have us name the type of each column.
Found = sqlalchemy.Row[*tuple[Any, ...]]


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a host says of itself."""

    agent: str
    labels: dict[str, str]
    host_name: str | None


class Shelved(msgspec.Struct, frozen=True, array_like=True):
    """A sample as it waits in the inbox: its place in its report, weight, itself."""

    place: int
    weight: float
    row: LabelledRow


def report(arrival: Arrival, *, host: int) -> Row:
    """Return the row that knows the report again."""
    return {
        "host": host,
        "sequence": arrival.envelope.sequence,
        "sha256": bytes.fromhex(arrival.sha256),
        "length": arrival.length,
        "received_at": stamp(arrival.at),
    }


def standing(envelope: Envelope, *, host: int) -> Row:
    """Return what the host says of itself and of those at work there."""
    about = About(
        agent=envelope.agent, labels=envelope.labels, host_name=envelope.host_name
    )
    return {
        "host": host,
        "sequence": envelope.sequence,
        "about": text(about),
        "line_ups": text(envelope.line_ups),
        "health": text(envelope.health),
    }


def events(envelope: Envelope, *, host: int) -> Iterator[Row]:
    """Yield what the host's audit log told."""
    for place, event in enumerate(envelope.events):
        yield {
            "host": host,
            "sequence": envelope.sequence,
            "place": place,
            "at": stamp(event.at),
            # PostgreSQL takes no NUL; the document has it spelled out.
            "name": event.name.replace("\0", ""),
            "document": text(event),
        }


def trials(arrival: Arrival, *, host: int) -> Iterator[Row]:
    """Yield what the closed fleet blocks showed."""
    for trial in arrival.envelope.trials:
        yield {
            "task": trial.task,
            "digest": trial.digest,
            "block": trial.row.block,
            "host": host,
            "received_at": stamp(arrival.at),
            "document": text(trial),
        }


def drift(arrival: Arrival, *, host: int) -> Iterator[Row]:
    """Yield how the features of each task lie."""
    for each in arrival.envelope.drift:
        yield {
            "task": each.task,
            "host": host,
            "sequence": arrival.envelope.sequence,
            "received_at": stamp(arrival.at),
            "document": text(each),
        }


def evidence(arrival: Arrival, *, host: int) -> Iterator[Row]:
    """Yield what the guard's tests have come to."""
    for each in arrival.envelope.evidence:
        question = msgspec.json.encode(each.question)
        yield {
            "task": each.task,
            "host": host,
            "question": hashlib.sha256(question).digest(),
            "sequence": arrival.envelope.sequence,
            "received_at": stamp(arrival.at),
            "document": text(each),
        }


def samples(envelope: Envelope, *, host: int) -> Iterator[Row]:
    """Yield the labelled samples, those of a task and day together."""
    if envelope.labelled is None:
        return
    found: dict[tuple[str, str], list[Shelved]] = defaultdict(list)
    pairs = zip(envelope.labelled.rows, envelope.labelled.weights, strict=True)
    for place, (row, weight) in enumerate(pairs):
        each = Shelved(place=place, weight=weight, row=row)
        found[row.task, utc_day(row.at)].append(each)
    for (task, day), held in found.items():
        yield {
            "host": host,
            "sequence": envelope.sequence,
            "task": task,
            "day": day,
            "samples": len(held),
            "document": msgspec.json.encode(held),
        }


def sample_counts(arrivals: Iterable[Arrival]) -> Iterator[Row]:
    """Yield how many samples came of each task in each minute, in the key's order."""
    counts: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])
    for arrival in arrivals:
        for task, (came, happened) in _counted(arrival.envelope).items():
            count = counts[task, minute(arrival.at)]
            count[0] += came
            count[1] += min(happened, came)
    for (task, at), (came, happened) in sorted(counts.items()):
        yield {"task": task, "minute": at, "samples": came, "events": happened}


def text(document: object) -> str:
    """Return a document as JSON."""
    return msgspec.json.encode(document).decode()


def _counted(envelope: Envelope) -> Mapping[str, tuple[int, int]]:
    """Return how many samples, and how many events among them, by task."""
    if envelope.labelled is None:
        return {}
    happened = {each.task: each.sent_events for each in envelope.labelled.seen}
    came: dict[str, int] = defaultdict(int)
    for row in envelope.labelled.rows:
        came[row.task] += 1
    return {task: (count, happened.get(task, 0)) for task, count in came.items()}
