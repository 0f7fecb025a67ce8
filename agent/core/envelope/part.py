"""What every part of the envelope has in common."""

from datetime import datetime
from typing import Annotated

import msgspec

Text = Annotated[str, msgspec.Meta(max_length=500)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
# Sums of losses; an operator's correction takes away what another day counted.
Sum = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
Utc = Annotated[datetime, msgspec.Meta(tz=True)]
HostId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-z][0-9a-z._-]{7,63}\Z")]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the envelope: unknown keys are refused, naming the key."""
