"""The courier: a short-lived child in which all networking happens.

`python -m agent.courier JOB` does one job, writes what came of it into the state
folder, prints one line of JSON on stdout and words on stderr, and ends.
"""

import argparse
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import msgspec

from agent.errors import ForewarnError, UnavailableError
from agent.wiring.courier import CourierSettings, courier_settings

JOBS = {
    "prepare": "make the database and, standalone, the repository",
    "update": "take in what is offered",
    "import": "take in what a repository offers that was carried here",
    "vouch": "tell which releases at work nobody vouches for",
}
_NEED_A_SOURCE = {"prepare", "update"}
# A little less than the daemon waits before it kills: the reason is worth having.
_LIMIT_S = 280.0


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
        sys.stderr.write(f"courier: {error}\n")
        failed = {"status": error.exit_status, "error": str(error)}
        return _print(given.job, failed, status=error.exit_status)
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
            with _limited(_LIMIT_S):
                result = updating.updated(settings, clock=clock)
    for refused in result.refused:
        sys.stderr.write(f"courier: {refused.task}: {refused.reason}\n")
    return {"result": result}


@contextmanager
def _limited(limit_s: float) -> Iterator[None]:
    """End the block after a time, whatever it waits for.

    The fetcher has limits of its own, but looks at its watch only when a piece of a
    body has come: a server could drip a head or a handshake for ever.

    Raises:
        UnavailableError: The time was over.
    """

    def end(*_: object) -> None:
        raise UnavailableError(
            f"the update was not over after {limit_s:g} s; tried again at the next one"
        )

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


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
