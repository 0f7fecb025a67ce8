"""Options that commands share."""

from collections.abc import Iterable
from pathlib import Path

import click

dir_option = click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    envvar="FOREWARN_CENTRAL_DIR",
    show_envvar=True,
    help="Folder of the repository, as `init` made it.  [default: where you are]",
)

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON instead of text."
)


def pairs(texts: Iterable[str]) -> list[tuple[str, str]]:
    """Return each NAME=VALUE in its two parts.

    Raises:
        UsageError: A text is none.
    """
    parted = [text.partition("=") for text in texts]
    for name, _, value in parted:
        if not (name and value):
            raise click.UsageError(f"expected NAME=VALUE, got {name!r}")
    return [(name, value) for name, _, value in parted]


def gathered(given: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the values of each name, in their order."""
    found: dict[str, list[str]] = {}
    for name, value in given:
        found.setdefault(name, []).append(value)
    return found
