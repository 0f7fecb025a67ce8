"""Secrets: what nobody can guess."""

import secrets
from typing import Final

_BYTES: Final = 32


def new_secret() -> str:
    """Return a token that was never returned before; fits into a header."""
    return secrets.token_urlsafe(_BYTES)
