"""Where the web hands in what it was sent."""

from dataclasses import dataclass
from typing import Protocol

from central.core.answer import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What somebody shows to be let in.

    Attributes:
        token: A bearer's; None: none.
        name: Whom a client certificate names that the server vouches for; None: nobody.
    """

    token: str | None = None
    name: str | None = None


class Intake(Protocol):
    """Central's door: who may come in, and what becomes of what they bring."""

    async def admit(self, shown: Shown) -> str | Answer:
        """Return which host this is; or why it may not come in, or not now."""
        ...

    async def take(self, body: bytes, *, host_id: str) -> Answer:
        """Take in a report; it is durable when the answer says so."""
        ...

    async def enrol(self, asked: bytes) -> str | Answer:
        """Return the token that a host has from now on; or why it gets none."""
        ...

    async def check(self) -> Answer | None:
        """Return why nothing can be taken in now; None: it can."""
        ...
