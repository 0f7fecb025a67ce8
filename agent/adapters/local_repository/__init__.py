"""This host's own signed repository, for standalone use: made once, then kept fresh."""

from agent.adapters.local_repository.prepare import Prepared, prepare

__all__ = ["Prepared", "prepare"]
