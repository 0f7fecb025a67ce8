"""The daemon's process: its surroundings are made here, and its exit status."""

import faulthandler
import gc
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial

from agent.adapters.runtime.watch import Watch
from agent.adapters.voucher import CourierVoucher
from agent.config import Config, load
from agent.core.event import Event
from agent.daemon.daemon import Daemon, Surroundings
from agent.daemon.jobs import jobs_of
from agent.daemon.live import LiveLine, clipped
from agent.daemon.options import RunOptions
from agent.errors import ForewarnError
from agent.flows.tick import TickResult
from agent.wiring.scoring import (
    Scoring,
    chance,
    clock,
    get_ready,
    journal,
    only_daemon,
    own_process,
    recovered,
    scoring,
)


def main(
    options: RunOptions,
    *,
    voucher: CourierVoucher,
    watch: Callable[[], Watch] = Watch,
) -> int:
    """Run the daemon until a signal ends it; return the exit status.

    Args:
        options: What `forewarn run` was given.
        voucher: Vouches for the releases at work; is closed.
        watch: Makes what limits the models' runs.
    """
    # Until the daemon listens itself: end with the child, and without a traceback.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    _tell_where_it_dies()
    try:
        with closing(voucher):
            _work(options, voucher=voucher, watch=watch)
    except ForewarnError as error:
        sys.stderr.write(f"forewarn: {error}\n")
        return error.exit_status
    return 0


def _work(
    options: RunOptions, *, voucher: CourierVoucher, watch: Callable[[], Watch]
) -> None:
    """Make the folder fit, act on what the last daemon died of, and be the daemon."""
    is_live = sys.stdout.isatty()
    is_standalone = options.is_standalone
    tell = _beside_line() if is_live else journal().write
    jobs = jobs_of(options)
    config = _configured(options)
    with only_daemon(config):
        update = jobs[0].command
        if get_ready(config, courier=update, is_standalone=is_standalone):
            voucher.close()  # what it was asked before is out of date
        for event in recovered(config, now=clock().now()):
            tell(event)
        Daemon(
            Surroundings(
                configure=partial(_configured, options),
                build=partial(_build, voucher=voucher, watch=watch),
                jobs=jobs,
                draw=chance(),
                clock=clock(),
                tell=tell,
                show=_on_terminal() if is_live else _to_nobody,
            )
        ).run()


def _configured(options: RunOptions) -> Config:
    overrides = {"agent.state_dir": options.state_dir}
    return load(options.config_path, overrides=overrides).config


def _build(
    config: Config, *, voucher: CourierVoucher, watch: Callable[[], Watch]
) -> Scoring:
    """Build the parts; what has come up by now stays, so the collector passes it by."""
    parts = scoring(config, voucher=voucher, watch=watch)
    gc.freeze()
    return parts


def _tell_where_it_dies() -> None:
    """Let the journal say where it was when a model crashes it, or hangs."""
    faulthandler.enable()
    # Of this signal of the watch it is to die; who started it may have it ignored.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    faulthandler.register(signal.SIGPROF, all_threads=False, chain=True)


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
