"""Downloads a target as the courier does, and prints what that took of memory."""

import json
import re
import sys
from pathlib import Path

from tuf.ngclient import Updater

from agent.adapters.clock import SystemClock
from agent.adapters.http.fetcher import HttpFetcher
from agent.adapters.http.staging import Staging


def peak_bytes():
    # Not getrusage(): what it tells of a child includes the parent that started it.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def main(url, root, folder, path):
    folder = Path(folder)
    staging = Staging(folder / "staging", now=SystemClock().now())
    fetcher = HttpFetcher(staging=staging)
    updater = Updater(
        str(folder),
        f"{url}/metadata/",
        target_base_url=f"{url}/targets/",
        fetcher=fetcher,
        bootstrap=Path(root).read_bytes(),
    )
    updater.refresh()
    signed = updater.get_targetinfo(path)
    before = peak_bytes()
    updater.download_target(signed, filepath=str(folder / "model"))
    fetcher.close()
    print(json.dumps({"before": before, "after": peak_bytes()}))  # noqa: T201


main(*sys.argv[1:])
