"""What people name on the command line: a task, a version of it, a prediction."""

from collections.abc import Iterable, Mapping
from typing import Final

import click

from agent.core.moment import BASELINE, Moment, Outcome
from agent.wiring.reading import Archive

# What SQLite can count to.
NUMBER: Final = click.IntRange(min=1, max=2**63 - 1)


def check_task(archive: Archive, task: str) -> None:
    """Raise unless there is such a task here; names those that there are.

    Raises:
        ClickException: There is none of this name; ends with status 1.
    """
    tasks = [lineup.task for lineup in archive.lineups()]
    if task not in tasks:
        raise click.ClickException(f'no task "{task}" here; there is {_listed(tasks)}')


def check_version(archive: Archive, task: str, *, version: int) -> None:
    """Raise unless this version of a task was ever taken in here.

    Raises:
        ClickException: It was not, or there is no such task; ends with status 1.
    """
    check_task(archive, task)
    versions = [each.version for each in archive.releases() if each.task == task]
    if version not in versions:
        there = _listed(map(str, versions))
        raise click.ClickException(
            f"no version {version} of {task} here; there is {there}"
        )


def check_moment(archive: Archive, number: int) -> tuple[Moment, Outcome | None]:
    """Return the prediction of this number, with its outcome if it has one.

    Raises:
        ClickException: There is none of this number; ends with status 1.
    """
    found = archive.moment(number)
    if found is not None:
        return found
    newest = [moment.id for moment, _ in archive.moments(limit=1)]
    # They are numbered one by one, and the oldest are dropped first.
    there = [f"{last - archive.counts().moments + 1} to {last}" for last in newest]
    raise click.ClickException(
        f"no prediction {number} here; there is {_listed(there)}"
    )


def names_of(archive: Archive) -> Mapping[str, str]:
    """Return what people call each release, by digest: `v3`; the baseline, too."""
    versions = {each.digest: f"v{each.version}" for each in archive.releases()}
    return {BASELINE: "the baseline", **versions}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
