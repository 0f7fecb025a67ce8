"""The files of a configuration: which there are, and what TOML they hold."""

from collections.abc import Mapping
from pathlib import Path

# Not the standard library's twin: this one says the line apart from the words.
import tomli

from agent.errors import ConfigError

DEFAULT_PATH = Path("/etc/forewarn/config.toml")
_FRAGMENTS = "conf.d"
_MAX_BYTES = 1_000_000
_FILE_ERRORS: Mapping[type[OSError], str] = {
    FileNotFoundError: "no such file; create it, or name another",
    IsADirectoryError: "expected a file, got a folder",
    NotADirectoryError: "expected a folder, got a file",
    PermissionError: "this user may not read it; its owner must allow that",
}


def files_of(path: Path | None) -> tuple[Path, ...]:
    """Return the main file and its fragments, in the order of reading."""
    main = path or DEFAULT_PATH
    fragments = _toml_files(main.parent / _FRAGMENTS)
    if path is None and not _is_there(main):
        return fragments
    return (main, *fragments)


def files_at(path: Path) -> tuple[Path, ...]:
    """Return what a check of `path` looks at."""
    if not _is_folder(path):
        return files_of(path)
    main = path / DEFAULT_PATH.name
    files = files_of(main) if _is_there(main) else _toml_files(path)
    if not files:
        raise ConfigError(f"{path}: expected *.toml in this folder, got none")
    return files


def _toml_files(folder: Path) -> tuple[Path, ...]:
    try:
        files = sorted(p for p in folder.iterdir() if p.suffix == ".toml")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise _unusable(folder, error) from error
    # Editors keep their own copies under such names.
    return tuple(file for file in files if not file.name.startswith("."))


def _is_there(path: Path) -> bool:
    """Return whether there is something to read, or rights are missing to tell."""
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:
        raise _unusable(path, error) from error


def text_of(path: Path) -> str:
    """Return what the file says.

    Raises:
        ConfigError: It cannot be read, is too long, or is no text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise ConfigError(f"{path}: expected at most {_MAX_BYTES} bytes, got more")
        # "-sig": editors of other systems put a mark before the text.
        return content.decode("utf-8-sig")
    except OSError as error:
        raise _unusable(path, error) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected text in UTF-8, got {error}") from error


def document(path: Path, text: str) -> dict[str, object]:
    """Return the tables that `text`, of the file at `path`, holds.

    Raises:
        ConfigError: It is not TOML; names the line.
    """
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise ConfigError(f"{path}:{error.lineno}: not TOML: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error


def _unusable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{path}: {_FILE_ERRORS.get(type(error), error.strerror)}")
