"""`forewarn-central keys generate | list | add | rotate | revoke | threshold`."""

from pathlib import Path

import click

from central.cli.options import dir_option, json_option
from central.cli.output import emit, emit_settled, say, table
from central.core.log import Action
from central.core.roles import Settled
from central.flows import keys
from central.ports import Desk
from central.wiring.log import note
from central.wiring.repository import generate, looked_at, opened


@click.group("keys")
def keys_group() -> None:
    """Make, list and change keys."""


@keys_group.command("generate")
@click.argument("name")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write NAME.pem and NAME.pub to this folder; no repository is needed.",
)
@dir_option
@json_option
def generate_command(name: str, out: Path | None, folder: Path, as_json: bool) -> None:
    """Make a key pair; without --out it is listed as a signer of the repository."""
    if out is not None:
        is_there = (out / f"{name}.pem").exists()
        holder = generate(out, name)
        say(f"{out / name}.pem is the private key: keep it; give away {name}.pub")
    else:
        with opened(folder) as desk:
            is_there = desk.keyring.knows(name)
            holder = desk.keyring.generate(name)
            if not is_there:
                evidence = {"name": holder.name, "key_id": holder.key_id}
                note(folder, None, Action.GENERATE_KEY, evidence=evidence)
    if is_there:
        say(f"{name} is there already: nothing new was made")
    emit(holder, as_json=as_json, text=f"{holder.name} {holder.key_id}")


@keys_group.command("list")
@dir_option
@json_option
def list_command(folder: Path, as_json: bool) -> None:
    """Show whose signatures each role takes, and where their private keys are."""
    desk = looked_at(folder)
    rows = keys.listed(desk, keyring=desk.keyring)
    cells = [
        (r.role, r.threshold, r.name, r.key_id[:12], r.where or "elsewhere", r.expires)
        for r in rows
    ]
    header = ("role", "threshold", "name", "key id", "private key", "role expires")
    emit(rows, as_json=as_json, text=table(header, rows=cells))


@keys_group.command()
@click.argument("role")
@click.argument("new", metavar="NAME|FILE")
@dir_option
@json_option
@click.pass_context
def add(ctx: click.Context, role: str, new: str, folder: Path, as_json: bool) -> None:
    """Let one more key count for ROLE: of a signer, or a public key in a file."""
    with opened(folder) as desk:
        done = keys.add(desk, role, keyring=desk.keyring, new=new)
        _note(folder, desk, Action.ADD_KEY, done, role=role, new=new)
    emit_settled(ctx, done, as_json=as_json)


@keys_group.command()
@click.argument("role")
@click.option("--old", required=True, metavar="NAME", help="Key that leaves.")
@click.option(
    "--new", required=True, metavar="NAME|FILE", help="Signer or public key that comes."
)
@dir_option
@json_option
@click.pass_context
def rotate(
    ctx: click.Context, role: str, old: str, new: str, folder: Path, as_json: bool
) -> None:
    """Let one key of ROLE take the place of another; ROLE is signed anew."""
    with opened(folder) as desk:
        done = keys.rotate(desk, role, keyring=desk.keyring, old=old, new=new)
        _note(folder, desk, Action.ROTATE_KEY, done, role=role, old=old, new=new)
    emit_settled(ctx, done, as_json=as_json)


@keys_group.command()
@click.argument("role")
@click.argument("name")
@dir_option
@json_option
@click.pass_context
def revoke(
    ctx: click.Context, role: str, name: str, folder: Path, as_json: bool
) -> None:
    """Let a key no longer count for ROLE, which is signed anew."""
    with opened(folder) as desk:
        done = keys.revoke(desk, role, keyring=desk.keyring, name=name)
        _note(folder, desk, Action.REVOKE_KEY, done, role=role, name=name)
    emit_settled(ctx, done, as_json=as_json)


@keys_group.command()
@click.argument("role")
@click.argument("number", type=click.IntRange(min=1))
@dir_option
@json_option
@click.pass_context
def threshold(
    ctx: click.Context, role: str, number: int, folder: Path, as_json: bool
) -> None:
    """Let ROLE take so many signatures."""
    with opened(folder) as desk:
        done = keys.set_threshold(desk, role, threshold=number)
        _note(folder, desk, Action.SET_THRESHOLD, done, role=role, threshold=number)
    emit_settled(ctx, done, as_json=as_json)


def _note(
    folder: Path, desk: Desk, action: Action, done: Settled, **facts: object
) -> None:
    """Write down what was changed; nothing, if nothing was."""
    if done.published or done.waiting:
        note(folder, desk, action, evidence={**facts, **done.facts()})
