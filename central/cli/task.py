"""`forewarn-central task add`."""

from collections.abc import Sequence
from pathlib import Path

import click

from central.cli.options import dir_option, json_option, pairs
from central.cli.output import emit_settled
from central.core.log import Action, Subject
from central.core.profile import TASK_PATHS
from central.flows.found import add_task
from central.wiring.log import note
from central.wiring.repository import opened


@click.group("task")
def task_group() -> None:
    """Add what is predicted."""


@task_group.command()
@click.argument("name")
@click.option(
    "--release-key",
    "release_keys",
    multiple=True,
    metavar="NAME|FILE",
    help="Signer, or public key of one, who may release; without any, made here.",
)
@click.option(
    "--approve-key",
    "approve_keys",
    multiple=True,
    metavar="NAME|FILE",
    help="Signer, or public key of one, who may approve; without any, made here.",
)
@click.option(
    "--threshold",
    "thresholds",
    multiple=True,
    metavar="KIND=N",
    help="Signatures that the role `release` or `approve` of this task takes, as "
    "`approve=1`; by default as central.toml says.",
)
@dir_option
@json_option
@click.pass_context
def add(
    ctx: click.Context,
    *,
    name: str,
    release_keys: tuple[str, ...],
    approve_keys: tuple[str, ...],
    thresholds: tuple[str, ...],
    folder: Path,
    as_json: bool,
) -> None:
    """Make the roles of a task: who may release models, and who may approve them."""
    given = {f"release-{name}": release_keys, f"approve-{name}": approve_keys}
    numbers = _numbers(thresholds)
    with opened(folder) as desk:
        done = add_task(
            desk,
            name,
            keyring=desk.keyring,
            policy=desk.policy.with_thresholds(numbers),
            given={role: keys for role, keys in given.items() if keys},
        )
        note(
            folder,
            desk,
            Action.ADD_TASK,
            subject=Subject(task=name),
            evidence=done.facts(),
        )
    emit_settled(ctx, done, as_json=as_json)


def _numbers(texts: Sequence[str]) -> dict[str, int]:
    """Return the thresholds by kind of role."""
    found = dict(pairs(texts))
    for kind, text in found.items():
        if kind not in TASK_PATHS or not text.isdecimal():
            raise click.UsageError(
                f"--threshold: expected release=N or approve=N, got {kind}={text}"
            )
    return {kind: int(text) for kind, text in found.items()}
