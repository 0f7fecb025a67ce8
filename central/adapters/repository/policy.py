"""central.toml: what makes a folder a repository."""

from pathlib import Path
from typing import Final

from agent.errors import ConfigError
from central.adapters.repository.files import write
from central.core.profile import Policy, parse_policy, policy_text

POLICY: Final = "central.toml"


def read_policy(folder: Path) -> Policy:
    """Return the policy of a repository.

    Raises:
        ConfigError: The folder is none, or its policy says what cannot be.
    """
    path = folder / POLICY
    try:
        return parse_policy(path.read_bytes(), source=str(path))
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}; expected a folder that `forewarn-central init` "
            "made: name it with --dir"
        ) from error


def write_policy(folder: Path, policy: Policy) -> None:
    """Write the policy of a repository that is founded now."""
    write(folder / POLICY, policy_text(policy).encode())
