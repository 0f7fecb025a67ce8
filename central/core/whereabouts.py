"""Where a release runs, as the hosts tell: which place it has on each of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final

from agent.core.envelope import LineUpReport, ToldEvent
from agent.core.event import EventName

ENDINGS: Final = (EventName.RELEASE_ROLLED_BACK, EventName.RELEASE_REJECTED)
# Hosts shorten digests where people read them.
_SHORT: Final = 12


class Place(StrEnum):
    """What a release is on a host; the first that holds."""

    CONFIRMED = "confirmed"
    PROBATION = "probation"
    SHADOW = "shadow"
    STANDBY = "standby"
    ROLLED_BACK = "rolled back"


def whereabouts(
    digest: str,
    *,
    line_ups: Mapping[str, Sequence[LineUpReport]],
    told: Iterable[tuple[str, ToldEvent]],
) -> Mapping[Place, frozenset[str]]:
    """Return the hosts where a release has each place; those without it are in none.

    A host counts as updated (`confirmed`) only when it says itself that the release
    runs there after its probation.

    Args:
        digest: Of the release.
        line_ups: The newest of each host, by host.
        told: The `ENDINGS` that hosts told of, each with the host's id.
    """
    places = {
        host: place
        for host, rows in line_ups.items()
        for place in _places(digest, rows)
    }
    gone = ended(digest, told=told, is_own=False)
    return {
        place: frozenset(
            host for host in {*places, *gone} if places.get(host, _GONE) is place
        )
        for place in Place
    }


def ended(
    digest: str, *, told: Iterable[tuple[str, ToldEvent]], is_own: bool
) -> frozenset[str]:
    """Return the hosts that took a release off for good.

    Args:
        digest: Of the release.
        told: The `ENDINGS` that hosts told of, each with the host's id.
        is_own: Only those whose own guard did, not an operator.
    """
    return frozenset(
        host
        for host, event in told
        if event.name in ENDINGS
        and event.fields.get("digest") in {digest, digest[:_SHORT]}
        and not (is_own and "by" in event.fields)
    )


_GONE: Final = Place.ROLLED_BACK


def _places(digest: str, rows: Iterable[LineUpReport]) -> Iterator[Place]:
    for row in rows:
        if row.active is not None and row.active.digest == digest:
            is_confirmed = row.confirmed_running == digest
            yield Place.CONFIRMED if is_confirmed else Place.PROBATION
        elif row.shadow is not None and row.shadow.digest == digest:
            yield Place.SHADOW
        elif row.standby is not None and row.standby.digest == digest:
            yield Place.STANDBY
