"""Options that many commands share, so that they are spelt and explained once."""

from pathlib import Path

import click

from agent.config import Loaded, load

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Main configuration file; by default /etc/forewarn/config.toml.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
state_dir_option = click.option(
    "--state-dir",
    "state_dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Use this state folder instead of [agent] state_dir.",
)


def settings(config_path: Path | None, *, state_dir: Path | None) -> Loaded:
    """Return the configuration that these options and the files make together.

    Raises:
        ConfigError: A file or an option says what cannot be.
    """
    folder = None if state_dir is None else state_dir.absolute()
    return load(config_path, overrides={"agent.state_dir": folder})
