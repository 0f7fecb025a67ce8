"""Fetches the repository over HTTP: checked, bounded in time and length, resumed."""

import sys

# httpx brings its own command line along wherever click and rich are installed: 4 MB
# and 35 ms of a process that lives for 300. None stands for a module that is not there.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

from agent.adapters.http.fetcher import HttpFetcher  # noqa: E402
from agent.adapters.http.staging import Staging  # noqa: E402

__all__ = ["HttpFetcher", "Staging"]
