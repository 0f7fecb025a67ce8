"""Chance, for what hosts must not all do at the same moment."""

import os

_BITS = 48


def drawn() -> float:
    """Return a number above 0 and up to 1, each as likely; anew for each call."""
    return (1 + int.from_bytes(os.urandom(_BITS // 8))) / 2.0**_BITS
