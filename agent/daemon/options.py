"""What `forewarn run` hands over to the daemon's process."""

import sys
from importlib.util import cache_from_source, find_spec
from pathlib import Path
from typing import Self

import msgspec


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of `forewarn run`.

    Attributes:
        config_path: Main configuration file; None: the default one.
        state_dir: Instead of the configured one, absolute; None: the configured one.
        is_standalone: Whether this host is its own central.
    """

    config_path: Path | None
    state_dir: Path | None
    is_standalone: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the options that `command` wrote."""
        return msgspec.json.decode(text, type=cls, dec_hook=_decoded)

    def command(self) -> tuple[str, ...]:
        """Return the command of the daemon's process.

        Where the libraries lie compiled without their docstrings, they are used so:
        that is 3 MB less for as long as the daemon lives. Elsewhere compiling them at
        each start would cost more than it gains.
        """
        light = ("-OO",) if _is_compiled_lightly("numpy") else ()
        text = msgspec.json.encode(self, enc_hook=str).decode()
        return sys.executable, *light, "-m", "agent.daemon", text


def _decoded(kind: type[object], value: object) -> object:
    return Path(str(value))


def _is_compiled_lightly(package: str) -> bool:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return False
    return Path(cache_from_source(spec.origin, optimization=2)).exists()
