"""What comes of an update."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import chain


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A release that was taken in.

    Attributes:
        is_active: Whether it is acted upon at once, for the task had no release.
    """

    task: str
    version: int
    digest: str
    is_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An offer that was not taken, and why."""

    task: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """A release at work that operations took back.

    Attributes:
        speaks: The release that is acted upon instead, by digest; None: the baseline.
    """

    task: str
    version: int
    digest: str
    reason: str
    speaks: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """A release that is approved, but not for this host, or not yet."""

    task: str
    version: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateResult:
    """What came of one update.

    Attributes:
        checked: The tasks that are offered and that the site allows.
        admitted: What was taken in.
        refused: What was not; the next update looks at it again, unless its model
            was tried and found wanting.
        held_back: What is approved, but not for this host, or not yet.
        withdrawn: What was at work before and is no more.
        restored: Models that were missing and were fetched again, by SHA-256.
    """

    checked: tuple[str, ...] = ()
    admitted: tuple[Admitted, ...] = ()
    refused: tuple[Refused, ...] = ()
    held_back: tuple[HeldBack, ...] = ()
    withdrawn: tuple[Withdrawn, ...] = ()
    restored: tuple[str, ...] = ()


def joined(results: Sequence[UpdateResult]) -> UpdateResult:
    """Return many results as one."""
    return UpdateResult(
        **{
            each.name: tuple(
                chain.from_iterable(getattr(r, each.name) for r in results)
            )
            for each in fields(UpdateResult)
        }
    )
