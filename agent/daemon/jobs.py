"""What the daemon sends the courier for: one table."""

from functools import partial

from agent.core.pace import report_wait_s, update_wait_s
from agent.daemon.options import RunOptions
from agent.daemon.trips import Job
from agent.wiring.courier import courier_command, is_reporting
from agent.wiring.scoring import has_source


def jobs_of(options: RunOptions) -> tuple[Job, ...]:
    """Return the courier's jobs, the update first."""
    is_standalone = options.is_standalone
    command = partial(
        courier_command,
        config_path=options.config_path,
        state_dir=options.state_dir,
        is_standalone=is_standalone,
    )
    return (
        Job(
            name="update",
            command=command(job="update"),
            is_wanted=partial(has_source, is_standalone=is_standalone),
            every_s=lambda config: config.central.update_every,
            pace=update_wait_s,
            is_first=True,
        ),
        Job(
            name="report",
            command=command(job="report"),
            is_wanted=partial(is_reporting, is_standalone=is_standalone),
            every_s=lambda config: config.central.report_every,
            pace=report_wait_s,
            is_heard=True,
        ),
    )
