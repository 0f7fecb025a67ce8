"""Options that many commands share, so that they are spelt and explained once."""

import os
from pathlib import Path

import click

from agent.config import Loaded, load
from agent.errors import StateError
from agent.wiring.places import database

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    help="Main configuration file; by default /etc/forewarn/config.toml.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
state_dir_option = click.option(
    "--state-dir",
    "state_dir",
    type=click.Path(path_type=Path, readable=False),
    metavar="DIR",
    help="Use this state folder instead of [agent] state_dir.",
)
_HOW = "`forewarn run` makes it, or name another folder by --state-dir"


def settings(config_path: Path | None, *, state_dir: Path | None) -> Loaded:
    """Return the configuration that these options and the files make together.

    Raises:
        ConfigError: A file or an option says what cannot be.
    """
    folder = None if state_dir is None else state_dir.absolute()
    return load(config_path, overrides={"agent.state_dir": folder})


def check_folder(loaded: Loaded, *, is_needed: bool = True) -> None:
    """Raise if the state folder cannot be used, before anything is read or made.

    Args:
        loaded: What the options and the files say.
        is_needed: Whether it must be there, with a database in it; otherwise it must
            be one that can be made or written.

    Raises:
        StateError: Names the folder, what is there instead, and who chose it.
    """
    folder = loaded.config.agent.state_dir
    try:
        problem = _no_state(folder) if is_needed else _no_room(folder)
    except OSError as error:
        problem = f"expected a folder that this user can read: {error.strerror}"
    if problem is None:
        return
    origin = loaded.origins["agent.state_dir"]
    source = {"option": "--state-dir", "default": "the default"}.get(origin, origin)
    raise StateError(f"{folder}: {problem} (state_dir is from {source})")


def _no_state(folder: Path) -> str | None:
    """Return why there is nothing to read in a folder; None if there is."""
    if not _is_there(folder):
        return f"expected a daemon's state, got no such folder; {_HOW}"
    if not folder.is_dir():
        return "expected a folder, got a file"
    if not _is_there(database(folder)):
        return f"expected a daemon's state, got nothing of it yet; {_HOW}"
    return None


def _no_room(folder: Path) -> str | None:
    """Return why a folder can neither be made nor written; None if it can."""
    nearest = next(each for each in (folder, *folder.parents) if _is_there(each))
    if not nearest.is_dir():
        return "expected a folder, got a file"
    if not os.access(nearest, os.W_OK | os.X_OK):
        return f"expected a folder to write to, but this user may not write {nearest}"
    return None


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
