"""Central's folder: whether it is one."""

from pathlib import Path

from agent.errors import ConfigError
from central.adapters.repository.policy import POLICY


def check_is_central(folder: Path) -> None:
    """Raise ConfigError unless `init` made this folder: no database belongs elsewhere.

    The database is made at its first use, and must not lie in any folder that somebody
    happened to be in.
    """
    if not (folder / POLICY).is_file():
        raise ConfigError(
            f"{folder}: expected central's folder, as `forewarn-central init` makes "
            "it, got another; name it with --dir"
        )
