"""What `forewarn run` hands over to the daemon's process."""

from pathlib import Path
from typing import Self

import msgspec

from agent.wiring.light import light_python


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
        """Return the command of the daemon's process."""
        text = msgspec.json.encode(self, enc_hook=str).decode()
        return *light_python("numpy"), "-m", "agent.daemon", text


def _decoded(kind: type[object], value: object) -> object:
    return Path(str(value))
