"""How the courier is started, and what it is to know; loads nothing that networks."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from agent.config import Central, Tasks, load
from agent.errors import NotEnrolledError
from agent.wiring import places


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierSettings:
    """What the courier works with.

    Attributes:
        central: Where the repository is; None: this host makes and uses its own.
        tasks: Which tasks the site wants.
        starters: The releases that the package ships.
        interval_s: Between two samples.
        lock_wait_s: How long it waits for another courier to end.
    """

    state_dir: Path
    central: Central | None = None
    tasks: Tasks = field(default_factory=Tasks)
    starters: Path = field(default_factory=places.starters)
    interval_s: float = 10.0
    lock_wait_s: float = 10.0


def courier_command(
    *,
    config_path: Path | None,
    state_dir: Path | None,
    is_standalone: bool,
    job: str = "update",
) -> tuple[str, ...]:
    """Return the command that starts the courier with the same configuration."""
    command = [sys.executable, "-m", "agent.courier", job]
    if config_path is not None:
        command += ["--config", str(config_path)]
    if state_dir is not None:
        command += ["--state-dir", str(state_dir)]
    if is_standalone:
        command.append("--standalone")
    return tuple(command)


def courier_settings(
    *, config_path: Path | None, state_dir: Path | None, is_standalone: bool
) -> CourierSettings:
    """Return what the configuration and the options say to the courier.

    Raises:
        ConfigError: The configuration says what cannot be.
        NotEnrolledError: It names no central, and this is not standalone.
    """
    folder = None if state_dir is None else state_dir.absolute()
    config = load(config_path, overrides={"agent.state_dir": folder}).config
    if config.central.url is None and not is_standalone:
        raise NotEnrolledError(
            "no central.url is configured: name one, or use --standalone"
        )
    return CourierSettings(
        state_dir=config.agent.state_dir.absolute(),
        central=None if is_standalone else config.central,
        tasks=config.tasks,
        interval_s=config.agent.interval,
    )
