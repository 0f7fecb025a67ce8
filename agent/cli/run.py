"""`forewarn run`: the daemon in the foreground."""

import os
from pathlib import Path

import click

from agent.cli.options import (
    check_folder,
    config_option,
    settings,
    state_dir_option,
)
from agent.daemon.options import RunOptions
from agent.errors import NotEnrolledError
from agent.wiring import places


@click.command("run")
@config_option
@state_dir_option
@click.option(
    "--standalone",
    is_flag=True,
    help="Need no central: sign the shipped starter models on this host, once.",
)
def run(config_path: Path | None, state_dir: Path | None, standalone: bool) -> None:
    """Forecast this host until a signal ends it.

    On a terminal a live line tells what is predicted and how good it was; the journal
    goes to stderr. A wrong configuration ends it at once with status 78, a host
    without a central with 4, a second daemon on the same state folder with 75; none of
    these leaves anything behind.
    """
    loaded = settings(config_path, state_dir=state_dir)
    state = loaded.config.agent.state_dir
    # Whether what was carried here is enough, the daemon finds out.
    was_here = places.database(state).exists() or places.mirror(state).is_dir()
    if loaded.config.central.url is None and not standalone and not was_here:
        raise NotEnrolledError(
            "no central.url is configured and nothing was imported: name a central in "
            "the configuration, bring a repository by `forewarn import`, or run "
            "`forewarn run --standalone`, which needs neither"
        )
    check_folder(loaded, is_needed=False)
    command = RunOptions(
        config_path=config_path,
        state_dir=None if state_dir is None else state_dir.absolute(),
        is_standalone=standalone,
    ).command()
    # The same process goes on as the daemon, without what only commands need.
    os.execv(command[0], command)  # noqa: S606 - no shell, our own program
