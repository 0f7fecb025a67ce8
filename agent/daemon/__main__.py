"""The daemon's process: `forewarn run` turns into it, so that it carries no more.

`python -m agent.daemon OPTIONS`, where OPTIONS are `RunOptions` as JSON. It is started
by `forewarn run` alone, which has told people of everything that can be told before.
"""

import gc
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

from agent.config import Config, load
from agent.core.event import Event
from agent.daemon.daemon import Daemon, Surroundings
from agent.daemon.live import LiveLine, clipped
from agent.daemon.options import RunOptions
from agent.errors import ForewarnError
from agent.flows.tick import TickResult
from agent.wiring.courier import courier_command
from agent.wiring.scoring import (
    Scoring,
    clock,
    get_ready,
    journal,
    only_daemon,
    own_process,
    scoring,
)


def main(options: RunOptions) -> int:
    """Run the daemon until a signal ends it; return the exit status."""

    def configure() -> Config:
        overrides = {"agent.state_dir": options.state_dir}
        return load(options.config_path, overrides=overrides).config

    is_live = sys.stdout.isatty()
    courier = courier_command(
        config_path=options.config_path,
        state_dir=options.state_dir,
        is_standalone=options.is_standalone,
    )
    # Until the daemon listens itself: end with the child, and without a traceback.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    try:
        config = configure()
        with only_daemon(config):
            get_ready(config, courier=courier, is_standalone=options.is_standalone)
            Daemon(
                Surroundings(
                    configure=configure,
                    build=_build,
                    courier=courier,
                    clock=clock(),
                    tell=_beside_line() if is_live else journal().write,
                    show=_on_terminal() if is_live else _to_nobody,
                )
            ).run()
    except ForewarnError as error:
        sys.stderr.write(f"forewarn: {error}\n")
        return error.exit_status
    return 0


def _build(config: Config) -> Scoring:
    """Build the parts; what has come up by now stays, so the collector passes it by."""
    parts = scoring(config)
    gc.freeze()
    return parts


def _leave(number: int, _: object) -> None:
    sys.exit(128 + number)


def _beside_line() -> Callable[[Event], None]:
    """Return what takes the live line away before it writes an event."""
    write = journal().write

    def tell(event: Event) -> None:
        with suppress(OSError):
            sys.stdout.write("\r\x1b[2K")
            sys.stdout.flush()
        write(event)

    return tell


def _to_nobody(result: TickResult) -> None:
    """Show a tick to nobody: the journal is enough where no person looks on."""


def _on_terminal() -> Callable[[TickResult], None]:
    """Return what draws each tick over the line of the one before."""
    line, own = LiveLine(), own_process()

    def show(result: TickResult) -> None:
        width = shutil.get_terminal_size().columns
        text = clipped(line.take(result, own.cost()), width=width - 1)
        # A terminal that went away must not take the daemon with it.
        with suppress(OSError):
            sys.stdout.write(f"\r\x1b[2K{text}")
            sys.stdout.flush()

    return show


if __name__ == "__main__":
    sys.exit(main(RunOptions.parse(sys.argv[1])))
