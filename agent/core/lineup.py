"""The line-up of a task: who is acted upon, who stands by, who scores in the shadow."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from agent.core.moment import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class LineUp:
    """The releases at work for one task, by digest; each slot holds one or none.

    Attributes:
        task: The task's name.
        active: Acted upon; None: the baseline speaks.
        standby: The one to go back to, still scored.
        shadow: Scores beside the active one, decides nothing.
        is_pinned: Whether the active one stays, whatever the evidence says: an operator
            wants it so.
    """

    task: str
    active: str | None = None
    standby: str | None = None
    shadow: str | None = None
    is_pinned: bool = False

    def roles(self) -> Iterator[tuple[Role, str]]:
        """Yield each filled slot, the active one first."""
        for role, digest in (
            (Role.ACTIVE, self.active),
            (Role.STANDBY, self.standby),
            (Role.SHADOW, self.shadow),
        ):
            if digest is not None:
                yield role, digest

    def without(self, digest: str) -> "LineUp":
        """Return the line-up that is left when a release leaves it.

        Where it was acted upon, the standby is, and where there is none, the baseline.
        """
        slots = {role: held for role, held in self.roles() if held != digest}
        active = slots.get(Role.ACTIVE)
        standby = slots.get(Role.STANDBY)
        if active is None:
            active, standby = standby, None
        return replace(
            self,
            active=active,
            standby=standby,
            shadow=slots.get(Role.SHADOW),
            is_pinned=self.is_pinned and active == self.active,
        )
