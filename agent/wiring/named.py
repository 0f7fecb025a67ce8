"""Files that the configuration names."""

from pathlib import Path

from agent.errors import ConfigError


def read_named(path: Path, *, key: str) -> bytes:
    """Return the bytes of a file that the configuration names.

    Raises:
        ConfigError: It cannot be read; names the key.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{key}: {path}: {error.strerror}") from error
