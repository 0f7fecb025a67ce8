"""The courier: a short-lived child in which all networking happens.

`python -m agent.courier JOB` does one job, writes what came of it into the state
folder, prints one line of JSON on stdout and words on stderr, and ends.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import msgspec

from agent.errors import ForewarnError
from agent.wiring.courier import CourierSettings, courier_settings

JOBS = {
    "prepare": "make the database and, standalone, the repository",
    "update": "take in what is offered",
    "import": "take in what a repository offers that was carried here",
    "vouch": "tell which releases at work nobody vouches for",
}
_NEED_A_SOURCE = {"prepare", "update"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one job as the command line says; return the exit status."""
    given = _parser().parse_args(arguments)
    try:
        settings = courier_settings(
            config_path=given.config,
            state_dir=given.state_dir,
            is_standalone=given.standalone,
            needs_source=given.job in _NEED_A_SOURCE,
        )
        answer = _answer(given.job, settings, source=given.source)
    except ForewarnError as error:
        return _failed(given.job, str(error), status=error.exit_status)
    except Exception as error:  # noqa: BLE001 - the top of the job
        words = f"{type(error).__name__}: {error}; this is a bug, please report it"
        return _failed(given.job, words, status=ForewarnError.exit_status)
    return _print(given.job, {"status": 0, **answer}, status=0)


def _answer(
    job: str, settings: CourierSettings, *, source: Path
) -> Mapping[str, object]:
    """Do a job and return what it has to say."""
    if job == "vouch":
        # The daemon waits for it at its start, so it loads no more than it needs.
        from agent.wiring.anchor import vouched  # noqa: PLC0415

        return asdict(vouched(settings))
    from agent.wiring import updating  # noqa: PLC0415

    clock = updating.clock()
    match job:
        case "import":
            result = updating.imported(settings, clock=clock, source=source)
        case "prepare":
            result = updating.prepared(settings, clock=clock)
        case _:
            result = updating.updated(settings, clock=clock)
    return {"result": result}


def _failed(job: str, words: str, *, status: int) -> int:
    sys.stderr.write(f"courier: {words}\n")
    return _print(job, {"status": status, "error": words}, status=status)


def _print(job: str, answer: Mapping[str, object], *, status: int) -> int:
    sys.stdout.write(f"{msgspec.json.encode({'job': job, **answer}).decode()}\n")
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m agent.courier")
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("source", type=Path, nargs="?", help="for import")
    parser.add_argument("--config", type=Path, metavar="FILE")
    parser.add_argument("--state-dir", type=Path, metavar="DIR")
    parser.add_argument("--standalone", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
