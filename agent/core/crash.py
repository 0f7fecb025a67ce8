"""When a release that takes the daemon down with it has to go."""

from datetime import timedelta
from typing import Final

# One death proves nothing: a power failure, a kill, or memory that ran out while a
# release happens to score looks alike. By chance that is rare, as a release scores for
# less than a thousandth of the time; twice within a day it is the release.
CRASHES: Final = 2
WITHIN: Final = timedelta(hours=24)


def is_too_often(crashes: int) -> bool:
    """Return whether so many crashes within `WITHIN` end a release's work here."""
    return crashes >= CRASHES
