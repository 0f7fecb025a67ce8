"""`forewarn-central task add`."""

from pathlib import Path

import click

from central.cli.options import dir_option, json_option
from central.cli.output import emit_settled
from central.flows.found import add_task
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
@dir_option
@json_option
@click.pass_context
def add(
    ctx: click.Context,
    name: str,
    release_keys: tuple[str, ...],
    approve_keys: tuple[str, ...],
    folder: Path,
    as_json: bool,
) -> None:
    """Make the roles of a task: who may release models, and who may approve them."""
    given = {f"release-{name}": release_keys, f"approve-{name}": approve_keys}
    with opened(folder) as desk:
        done = add_task(
            desk,
            name,
            keyring=desk.keyring,
            policy=desk.policy,
            given={role: keys for role, keys in given.items() if keys},
        )
    emit_settled(ctx, done, as_json=as_json)
