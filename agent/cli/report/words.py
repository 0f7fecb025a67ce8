"""The sentences of the page."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from agent.adapters.store.answers import Recorded
from agent.core.event import EventName
from agent.core.evidence import Evidence
from agent.core.lineup import LineUp
from agent.core.release import ReleaseState
from agent.core.story import called
from agent.flows.memory import Memory
from agent.wiring.reading import Archive

# What can befall a release at work, as a picture marks it.
TURNS: Final[Mapping[str, str]] = {
    EventName.RELEASE_PROMOTED: "promoted",
    EventName.RELEASE_CONFIRMED: "confirmed",
    EventName.RELEASE_HEARD: "heard",
    EventName.RELEASE_ROLLED_BACK: "rolled back",
    EventName.RELEASE_RECALLED: "recalled",
    EventName.RELEASE_PINNED: "pinned",
    EventName.RELEASE_UNPINNED: "unpinned",
    EventName.RELEASE_CLEARED: "cleared",
    EventName.VERDICT_HELD: "held by a pin",
}
# The last of these is what the headline tells; without one, the first of the others.
_DECISIONS: Final = (
    EventName.RELEASE_ROLLED_BACK,
    EventName.RELEASE_PROMOTED,
    EventName.RELEASE_RECALLED,
    EventName.VERDICT_HELD,
)


def headline(
    task: str,
    *,
    archive: Archive,
    labels: Mapping[str, str],
    states: Mapping[str, ReleaseState],
    events: Sequence[Recorded],
    points: Sequence[Evidence],
) -> str:
    """Return who is acted upon in the end, what happened, and the guard's own line."""
    lineups = {lineup.task: lineup for lineup in archive.lineups()}
    lineup = lineups.get(task, LineUp(task=task))
    record = archive.memories().get(task)
    heard = () if record is None else _heard(record)
    speaks = _speaks(lineup, labels=labels, states=states, heard=heard)
    return f"{speaks}; {_decided(events, points, labels=labels)}"


def _heard(record: bytes) -> tuple[str, ...]:
    return msgspec.json.decode(record, type=Memory).court.heard


def _speaks(
    lineup: LineUp,
    *,
    labels: Mapping[str, str],
    states: Mapping[str, ReleaseState],
    heard: Sequence[str],
) -> str:
    if lineup.active is None:
        return "In the end the baseline speaks alone"
    state = states[lineup.active].replace("_", " ")
    pinned = ", pinned" if lineup.is_pinned else ""
    words = f"In the end {called(lineup.active, labels)} is active ({state}{pinned})"
    if lineup.active in heard:
        return words
    return f"{words}, not yet shown to be as good as the baseline"


def _decided(
    events: Sequence[Recorded], points: Sequence[Evidence], *, labels: Mapping[str, str]
) -> str:
    """Return the last decision with its reason, else how near the guard came to one."""
    last = next((each for each in events[::-1] if each.name in _DECISIONS), None)
    if last is not None:
        who, what = last.fields.get("version"), TURNS[last.name]
        reason = last.fields.get("reason") or f"asked for by {last.fields.get('by')}"
        reason = str(reason).removeprefix(f"v{who}: ")
        return f"v{who} was {what} on {last.at:%Y-%m-%d %H:%M}: {reason}"
    latest = {point.question: point for point in points}
    if not latest:
        return "the guard had nothing to weigh"
    nearest = max(latest.values(), key=lambda each: each.e_value / each.threshold)
    release, reference = (
        called(digest, labels)
        for digest in (nearest.question.release, nearest.question.reference)
    )
    words = nearest.in_words(release=release, reference=reference)
    thesis = nearest.question.thesis.replace("_", " ")
    return (
        "the guard decided nothing; nearest to shown is that "
        f"{release} is {thesis} than {reference}: {words.removeprefix(f'{release}: ')}"
    )
