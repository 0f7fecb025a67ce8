"""Writes the pages; what draws them is an extra that few hosts need."""

from importlib.util import find_spec
from pathlib import Path

from agent.core.proof import Proof
from agent.core.story import Page
from agent.errors import ConfigError

_NEEDED = ("matplotlib", "jinja2")


def check_report(path: Path) -> None:
    """Raise if no page can be written there; before anything is replayed.

    Raises:
        ConfigError: What draws it is not installed, or there is no such folder.
    """
    if not all(map(find_spec, _NEEDED)):
        raise ConfigError(
            "--report: expected matplotlib and jinja2, which are not installed: "
            "install forewarn[report] or `make trace`"
        )
    if not path.absolute().parent.is_dir() or path.is_dir():
        raise ConfigError(
            f"--report: expected a file in a folder that is there, got {path}"
        )


def write_report(page: Page, path: Path) -> None:
    """Write the page of a replay.

    Raises:
        ConfigError: The file cannot be written.
    """
    from agent.adapters.report import page_html  # noqa: PLC0415 - half a second

    _write(page_html(page), path)


def write_backtest(page: Proof, path: Path) -> None:
    """Write the page of a backtest.

    Raises:
        ConfigError: The file cannot be written.
    """
    from agent.adapters.report import proof_html  # noqa: PLC0415 - half a second

    _write(proof_html(page), path)


def _write(html: str, path: Path) -> None:
    try:
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--report: {path}: {error.strerror}") from error
