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

from agent.errors import ForewarnError, UnavailableError
from agent.wiring.courier import CourierSettings, courier_settings

JOBS = {
    "prepare": "make the database and, standalone, the repository",
    "update": "take in what is offered",
    "import": "take in what a repository offers that was carried here",
    "report": "cut a report if one is due, and send what waits",
    "vouch": "tell which releases at work nobody vouches for",
}
_NEED_A_SOURCE = {"prepare", "update"}
_UNREACHABLE = 69  # as the contract has it


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
        answer = _answer(given, settings)
    except ForewarnError as error:
        return _failed(given.job, str(error), status=error.exit_status)
    except Exception as error:  # noqa: BLE001 - the top of the job
        words = f"{type(error).__name__}: {error}; this is a bug, please report it"
        return _failed(given.job, words, status=ForewarnError.exit_status)
    return _print(given.job, {"status": 0, **answer})


def _answer(
    given: argparse.Namespace, settings: CourierSettings
) -> Mapping[str, object]:
    """Do a job and return what it has to say."""
    # Each job loads no more than it needs; for the first the daemon waits at its start.
    match given.job:
        case "vouch":
            from agent.wiring.anchor import vouched  # noqa: PLC0415

            return asdict(vouched(settings))
        case "report":
            return _report(settings, is_asked=given.now)
        case _:
            return _update(given.job, settings, source=given.source)


def _report(settings: CourierSettings, *, is_asked: bool) -> Mapping[str, object]:
    """Report, and say how long central asks to wait."""
    from agent.wiring import reporting  # noqa: PLC0415

    now = reporting.clock().now()
    result = reporting.reported(settings, now=now, is_asked=is_asked)
    later = None if result.sent is None else result.sent.later
    if later is None:
        has_backlog = result.sent is not None and result.sent.waiting > 0
        return {"has_backlog": has_backlog, "result": result}
    if later.after_s is None:
        return {"status": _UNREACHABLE, "result": result}
    status = UnavailableError.exit_status
    return {"status": status, "after_s": later.after_s, "result": result}


def _update(
    job: str, settings: CourierSettings, *, source: Path
) -> Mapping[str, object]:
    """Do a job with the repository."""
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
    return _print(job, {"status": status, "error": words})


def _print(job: str, answer: Mapping[str, object]) -> int:
    """Print the one line, and return the exit status that is in it."""
    sys.stdout.write(f"{msgspec.json.encode({'job': job, **answer}).decode()}\n")
    return int(str(answer["status"]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m agent.courier")
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("source", type=Path, nargs="?", help="for import")
    parser.add_argument("--config", type=Path, metavar="FILE")
    parser.add_argument("--state-dir", type=Path, metavar="DIR")
    parser.add_argument("--standalone", action="store_true")
    parser.add_argument("--now", action="store_true", help="for report: all of it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
