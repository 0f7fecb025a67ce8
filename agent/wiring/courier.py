"""How the courier is started, and what it is to know; loads nothing that networks."""

from dataclasses import dataclass, field
from pathlib import Path

from agent.config import Central, Config, SharingLevel, Tasks, load
from agent.errors import NotEnrolledError
from agent.wiring import places
from agent.wiring.light import light_python


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierSettings:
    """What the courier works with.

    Attributes:
        central: Where the repository is; None: this host makes and uses its own.
        tasks: Which tasks the site wants.
        starters: The releases that the package ships.
        interval_s: Between two samples.
        provenance_key: Whose signature each model must bear besides; None: nobody's.
        extra_operators: What models may use beside the scan's own list.
        config: All that the operator chose.
        lock_wait_s: How long it waits for another courier to end.
        limit_s: How long an update or a report may take: a little less than the daemon
            waits before it kills, for the reason is worth having.
    """

    state_dir: Path
    central: Central | None = None
    tasks: Tasks = field(default_factory=Tasks)
    starters: Path = field(default_factory=places.starters)
    interval_s: float = 10.0
    provenance_key: Path | None = None
    extra_operators: tuple[str, ...] = ()
    config: Config = field(default_factory=Config)
    lock_wait_s: float = 10.0
    limit_s: float = 280.0


def courier_command(
    *,
    config_path: Path | None,
    state_dir: Path | None,
    is_standalone: bool,
    job: str = "update",
    source: Path | None = None,
    is_asked: bool = False,
) -> tuple[str, ...]:
    """Return the command that starts the courier with the same configuration."""
    command = [*light_python("tuf"), "-m", "agent.courier", job]
    if source is not None:
        command.append(str(source))
    if config_path is not None:
        command += ["--config", str(config_path)]
    if state_dir is not None:
        command += ["--state-dir", str(state_dir)]
    if is_standalone:
        command.append("--standalone")
    if is_asked:
        command.append("--now")
    return tuple(command)


def courier_settings(
    *,
    config_path: Path | None,
    state_dir: Path | None,
    is_standalone: bool,
    needs_source: bool = True,
) -> CourierSettings:
    """Return what the configuration and the options say to the courier.

    Raises:
        ConfigError: The configuration says what cannot be.
        NotEnrolledError: It names no central, nothing was imported, and this is not
            standalone, although the job needs one of them.
    """
    folder = None if state_dir is None else state_dir.absolute()
    config = load(config_path, overrides={"agent.state_dir": folder}).config
    state = config.agent.state_dir.absolute()
    if needs_source and not is_enrolled(config) and not is_standalone:
        raise NotEnrolledError(
            "no central.url is configured and nothing was imported: name a central, "
            "bring a repository by `forewarn import`, or use --standalone"
        )
    return CourierSettings(
        state_dir=state,
        central=None if is_standalone else config.central,
        tasks=config.tasks,
        interval_s=config.agent.interval,
        provenance_key=config.trust.provenance_key,
        extra_operators=config.trust.extra_operators,
        config=config,
    )


def is_enrolled(config: Config) -> bool:
    """Return whether a central is configured, or was carried here."""
    has_url = config.central.url is not None
    return has_url or places.mirror(config.agent.state_dir).is_dir()


def is_reporting(config: Config, *, is_standalone: bool) -> bool:
    """Return whether this host has something to say, and somebody to say it to."""
    is_silent = config.sharing.level is SharingLevel.NOTHING
    return not is_silent and not is_standalone and is_enrolled(config)
