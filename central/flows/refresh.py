"""Signing anew what soon expires, as far as the keys are at hand."""

from dataclasses import dataclass
from datetime import datetime

from central.core.profile import ONLINE
from central.core.roles import RoleState, Waiting
from central.ports import KeyDesk


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """What came of a refresh.

    Attributes:
        published: Roles that clients now see anew.
        waiting: Who is missing for the others.
        expiring: Roles that others must sign anew soon.
    """

    published: tuple[str, ...]
    waiting: tuple[Waiting, ...]
    expiring: tuple[RoleState, ...]


def refresh(desk: KeyDesk, *, now: datetime, is_forced: bool = False) -> Refreshed:
    """Sign anew every role that is due; what lacks keys here is kept for its holders.

    Args:
        desk: The repository.
        now: The present.
        is_forced: Sign timestamp and snapshot anew even if they are not due.
    """
    for state in desk.roles():
        is_forced_now = is_forced and state.role in ONLINE
        if is_forced_now or state.is_due(now=now):
            desk.renew(state.role)
    waiting = desk.publish()
    expiring = tuple(s for s in desk.roles() if s.is_expiring(now=now))
    return Refreshed(published=desk.published(), waiting=waiting, expiring=expiring)
