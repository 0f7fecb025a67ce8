"""The demo's stage: a folder, the processes on it, and what they answer."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from agent.errors import DemoError, UnavailableError

AGENT: Final = (sys.executable, "-m", "agent")
_WORKER: Final = (sys.executable, "-m", "agent.cli.demo.worker")
_GRACE_S: Final = 15.0
_LIMIT_S: Final = 180.0


class Stage:
    """A folder of its own with the processes that were started on it.

    Leaving it ends them all, by their ids, and removes the folder unless it is kept.

    Args:
        keep: Where; None: in a temporary folder.

    Attributes:
        folder: Where everything is.
    """

    def __init__(self, *, keep: Path | None) -> None:
        self._is_kept = keep is not None
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.folder = keep or Path(tempfile.mkdtemp(prefix="forewarn-demo-"))
        self.folder = self.folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        if not self._is_kept:
            shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file of the stage; return where it is."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def serve(self, folder: Path) -> str:
        """Start central's server on a free port of loopback; return its address."""
        command = (
            *central(),
            "serve",
            "--dir",
            str(folder),
            "--listen",
            "127.0.0.1:0",
            "--json",
        )
        process = self._start("central", command, is_heard=True)
        line = process.stdout.readline() if process.stdout else b""
        if not line:
            raise DemoError(f"central's server did not start: {self._last('central')}")
        return str(json.loads(line)["listening"])

    def start_host(self, config: Path) -> None:
        """Start the daemon, as `forewarn run` does."""
        self._start("host", (*AGENT, "run", "--config", str(config)))

    def start_worker(self) -> None:
        """Start what gives the host something to predict."""
        self._start("worker", _WORKER)

    def end(self) -> None:
        """End what was started, the last one first."""
        for process in reversed(self._running.values()):
            process.terminate()
        for process in reversed(self._running.values()):
            try:
                process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self._running.clear()

    def check_alive(self) -> None:
        """Raise DemoError if a process ended by itself; says what it said last."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise DemoError(
                    f"the demo's {name} ended with status {process.returncode}: "
                    f"{self._last(name)}"
                )

    def ask(self, *command: str) -> Mapping[str, Any]:
        """Run a command to its end and return the JSON that it answers.

        Raises:
            DemoError: It failed; says what it said.
        """
        answer: Mapping[str, Any] = json.loads(self.tell(*command, "--json"))
        return answer

    def tell(self, *command: str) -> str:
        """Run a command to its end and return what it answers.

        Raises:
            DemoError: It failed; says what it said.
            UnavailableError: It says that later will do, or did not end.
        """
        shown = " ".join([Path(command[0]).name, *command[1:]])
        try:
            done = subprocess.run(  # noqa: S603 - our own programs
                command,
                capture_output=True,
                check=False,
                stdin=subprocess.DEVNULL,
                timeout=_LIMIT_S,
                env=_environment(),
            )
        except subprocess.TimeoutExpired as error:
            raise UnavailableError(
                f"{shown}: no answer within {_LIMIT_S:.0f} s; "
                "this host may be too busy for the demo, try again"
            ) from error
        if done.returncode == UnavailableError.exit_status:
            raise UnavailableError(f"{shown}: {done.stderr.decode().strip()}")
        if done.returncode:
            words = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise DemoError(f"{shown}: ended with {done.returncode}: {words}")
        return done.stdout.decode()

    def _start(
        self, name: str, command: Sequence[str], *, is_heard: bool = False
    ) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own programs
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if is_heard else log,
                stderr=log,
                env=_environment(),
                # Ctrl-c is for the demo: it ends them in order.
                start_new_session=True,
            )
        self._running[name] = process
        return process

    def _last(self, name: str) -> str:
        said = (self.folder / f"{name}.log").read_text(errors="replace").splitlines()
        return said[-1] if said else "it said nothing"


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """End by SIGTERM as by ctrl-c: in order, with nothing left running."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def central() -> tuple[str, ...]:
    """Return the command of this very installation's central.

    Raises:
        DemoError: It is not there.
    """
    beside = Path(sys.executable).with_name("forewarn-central")
    found = str(beside) if beside.is_file() else shutil.which("forewarn-central")
    if found is None:
        raise DemoError(f"forewarn-central: expected beside {sys.executable}, got none")
    return (found,)


def _environment() -> dict[str, str]:
    return {**os.environ, "ORT_DISABLE_TELEMETRY": "1", "NO_COLOR": "1"}
