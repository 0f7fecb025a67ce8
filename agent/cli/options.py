"""Options that many commands share, so that they are spelt and explained once."""

from pathlib import Path

import click

from agent.config import Loaded, load
from agent.errors import StateError
from agent.wiring.places import database

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


def check_folder(loaded: Loaded, *, is_needed: bool = True) -> None:
    """Raise if the state folder is none, before anything is read or made.

    Args:
        loaded: What the options and the files say.
        is_needed: Whether it must be there, with a database in it.

    Raises:
        StateError: Names the folder, what is there instead, and who chose it.
    """
    folder = loaded.config.agent.state_dir
    try:
        if folder.exists() and not folder.is_dir():
            raise _unfit(loaded, "expected a folder, got a file")
        if is_needed and not database(folder).exists():
            what = "nothing in it yet" if folder.is_dir() else "no such folder"
            raise _unfit(
                loaded,
                f"expected a daemon's state, got {what}; `forewarn run` makes it, "
                "or name another folder by --state-dir",
            )
    except OSError as error:
        raise _unfit(loaded, error.strerror or str(error)) from error


def _unfit(loaded: Loaded, words: str) -> StateError:
    origin = loaded.origins["agent.state_dir"]
    source = {"option": "--state-dir", "default": "the default"}.get(origin, origin)
    folder = loaded.config.agent.state_dir
    return StateError(f"{folder}: {words} (state_dir is from {source})")
