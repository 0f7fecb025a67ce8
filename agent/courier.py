"""The courier: a short-lived child in which all networking happens.

`python -m agent.courier JOB` does one job, writes what came of it into the state
folder, prints one line of JSON on stdout and words on stderr, and ends.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from agent.errors import ForewarnError
from agent.flows.update import UpdateResult
from agent.wiring.courier import CourierSettings, courier_settings
from agent.wiring.updating import clock, run_job

JOBS = ("prepare", "update")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one job as the command line says; return the exit status."""
    given = _parser().parse_args(arguments)
    try:
        settings = courier_settings(
            config_path=given.config,
            state_dir=given.state_dir,
            is_standalone=given.standalone,
        )
    except ForewarnError as error:
        return _failed(given.job, error)
    return run(given.job, settings)


def run(job: str, settings: CourierSettings) -> int:
    """Do one job, print what came of it, and return the exit status."""
    try:
        result = run_job(job, settings, clock=clock())
    except ForewarnError as error:
        return _failed(job, error)
    for refused in result.refused:
        sys.stderr.write(f"courier: {refused.task}: {refused.reason}\n")
    return _print({"job": job, "status": 0, "result": result})


def _failed(job: str, error: ForewarnError) -> int:
    sys.stderr.write(f"courier: {error}\n")
    return _print({"job": job, "status": error.exit_status, "error": str(error)})


def _print(answer: dict[str, str | int | UpdateResult]) -> int:
    sys.stdout.write(f"{msgspec.json.encode(answer).decode()}\n")
    status = answer["status"]
    return status if isinstance(status, int) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m agent.courier")
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("--config", type=Path, metavar="FILE")
    parser.add_argument("--state-dir", type=Path, metavar="DIR")
    parser.add_argument("--standalone", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
