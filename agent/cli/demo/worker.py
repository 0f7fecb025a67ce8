"""Something to predict: a process that takes memory for a while and gives it back."""

import mmap
import os
import threading
from typing import Final

import numpy as np

_SHARE: Final = 0.03
_MOST_BYTES: Final = 750 * 10**6
_REST_S: Final = (1.4, 1.6)
_HELD_S: Final = 0.5
# Otherwise the kernel hands out each page when it is first written to.
_AT_ONCE: Final = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE


def main() -> None:
    """Take and give back memory until somebody ends this process."""
    rng = np.random.default_rng()
    pause = threading.Event()
    size = int(swing() * _memory_bytes())
    while True:
        pause.wait(rng.uniform(*_REST_S))
        with mmap.mmap(-1, size, flags=_AT_ONCE):
            pause.wait(_HELD_S)


def swing() -> float:
    """Return which share of this host's memory it takes."""
    return min(_SHARE, _MOST_BYTES / _memory_bytes())


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


if __name__ == "__main__":
    main()
