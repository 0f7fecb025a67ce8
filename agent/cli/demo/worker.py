"""Something to predict: a process that opens connections and closes them again."""

import socket
import struct
import threading
from contextlib import ExitStack
from typing import Final

import numpy as np

# Each counts twice: both of its ends are here.
CONNECTIONS: Final = 50
_REST_S: Final = (1.4, 1.6)
_HELD_S: Final = 0.5
# A connection that is closed so is gone at once, at both ends.
_NO_LINGER: Final = struct.pack("ii", 1, 0)


def main() -> None:
    """Open and close connections on loopback until somebody ends this process."""
    rng = np.random.default_rng()
    pause = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=CONNECTIONS) as server:
        while True:
            pause.wait(rng.uniform(*_REST_S))
            with ExitStack() as held:
                for _ in range(CONNECTIONS):
                    _open(server, held)
                pause.wait(_HELD_S)


def _open(server: socket.socket, held: ExitStack) -> None:
    ours = held.enter_context(socket.create_connection(server.getsockname()))
    theirs, _ = server.accept()
    held.enter_context(theirs)
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)


if __name__ == "__main__":
    main()
