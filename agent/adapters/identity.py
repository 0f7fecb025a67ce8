"""Who this host is to a fleet: the same after a restart, telling nothing else."""

import hashlib
import hmac
import os
from pathlib import Path
from typing import Final

_MACHINE_ID: Final = Path("/etc/machine-id")
_PURPOSE: Final = b"forewarn host id, 1"


def host_id(path: Path = _MACHINE_ID) -> str:
    """Return 32 hexadecimal digits that name this host.

    Derived from the machine id, which machine-id(5) asks programs to keep to
    themselves; where there is none, from the host's name.
    """
    try:
        secret = path.read_bytes().strip()
    except OSError:
        secret = b""
    secret = secret or os.uname().nodename.encode()
    return hmac.new(secret, _PURPOSE, hashlib.sha256).hexdigest()[:32]
