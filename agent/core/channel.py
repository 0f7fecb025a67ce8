"""What this host remembers of a task's channel, and what a new pointer means by it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agent.core.pointer import Pointer
from agent.core.release import Release


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """What was last heard of a task.

    Attributes:
        task: Its name.
        serial: Of the last pointer that was verified; 0: none was.
        sha256: What that pointer names.
        keyids: The keys that may sign the pointers, sorted.
        refusal: Why the last offer was not taken; None: it was, or there is none.
    """

    task: str
    serial: int = 0
    sha256: str = ""
    keyids: tuple[str, ...] = ()
    refusal: str | None = None


def step_back(
    pointer: Pointer, *, channel: Channel, keyids: tuple[str, ...]
) -> str | None:
    """Return why a pointer is older than what was heard before, or None.

    Other keys begin another count: so operations recover from a stolen key.

    Args:
        pointer: What is signed now.
        channel: What was heard before.
        keyids: The keys that may sign it now, sorted.
    """
    if channel.keyids != keyids:
        return None
    if pointer.serial < channel.serial:
        return (
            f"channel of {pointer.task} went back: expected at least serial "
            f"{channel.serial}, got {pointer.serial}; operations must approve anew"
        )
    if pointer.serial == channel.serial and pointer.sha256 != channel.sha256:
        return (
            f"channel of {pointer.task}: serial {pointer.serial} was seen before with "
            f"release {channel.sha256[:12]}, now it names {pointer.sha256[:12]}; "
            "operations must approve anew"
        )
    return None


def withdrawals(
    pointer: Pointer, *, live: Iterable[Release], is_meant: bool
) -> Iterator[tuple[Release, str]]:
    """Yield the releases at work that may not run any more, and why.

    What is revoked or below the floor ends everywhere at once; an approval that goes
    back to an older version ends the newer ones where it is meant for the host.
    """
    for release in live:
        version = release.manifest.version
        model = release.manifest.model
        named = {release.digest} | ({model.sha256} if model is not None else set())
        if not named.isdisjoint(pointer.revoked):
            yield release, "revoked"
        elif version < pointer.floor_version:
            yield release, f"below the floor {pointer.floor_version}"
        elif is_meant and version > pointer.version:
            yield release, f"operations went back to version {pointer.version}"
