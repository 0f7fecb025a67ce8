"""The state folder as the commands find it: read, never made."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.cli.options import check_folder, settings
from agent.config import Config
from agent.wiring.reading import Archive, archive_at


@contextmanager
def opened(
    config_path: Path | None, state_dir: Path | None
) -> Iterator[tuple[Config, Archive]]:
    """Yield the configuration and the ledger that these options mean.

    Raises:
        ConfigError: A file or an option says what cannot be.
        StateError: There is no ledger, or it cannot be read; says who must act.
    """
    loaded = settings(config_path, state_dir=state_dir)
    check_folder(loaded)
    folder = loaded.config.agent.state_dir
    with archive_at(folder) as archive:
        yield loaded.config, archive
