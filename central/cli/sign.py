"""`forewarn-central sign`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from central.cli.options import dir_option, json_option
from central.cli.output import emit, end, say
from central.core.roles import Holder, Waiting
from central.flows.sign import Signed, shown
from central.flows.sign import sign as sign_pending
from central.wiring.repository import is_repository, looked_at, opened, sign_copy


@click.command()
@click.argument("what", metavar="[ROLE|FILE]...", nargs=-1)
@click.option(
    "--signer",
    "signers",
    multiple=True,
    metavar="NAME|URI",
    help="Sign with this key only: a signer's name, its address or a PEM file; "
    "may be given more than once. Without it, with every key at hand.",
)
@click.option("--show", is_flag=True, help="Only show what is pending and changes.")
@dir_option
@json_option
@click.pass_context
def sign(
    ctx: click.Context,
    what: tuple[str, ...],
    signers: tuple[str, ...],
    show: bool,
    folder: Path,
    as_json: bool,
) -> None:
    """Sign what is pending: of these roles, or all; publish what is complete.

    FILE is a copy of what is pending. Beside a repository its signatures are taken in;
    elsewhere it is signed in its place, with the keys that --signer names, and has to
    be brought back.
    """
    if show:
        _show(folder, as_json=as_json)
        return
    copies = [Path(name) for name in what if Path(name).suffix == ".json"]
    roles = [name for name in what if Path(name).suffix != ".json"]
    if copies and not is_repository(folder):
        waiting = _sign_copies(copies, signers=signers, as_json=as_json)
    else:
        with opened(folder, signers=signers) as desk:
            done = sign_pending(desk, roles=roles, copies=copies)
        _emit(done, as_json=as_json)
        if signers and not done.added:
            say("nothing is pending that takes a signature of these which it lacks")
        waiting = done.waiting
    end(ctx, waiting=waiting)


def _show(folder: Path, *, as_json: bool) -> None:
    drafts = shown(looked_at(folder))
    text = "\n".join(
        "\n".join((draft.role, *(f"  {fact}" for fact in draft.facts)))
        for draft in drafts
    )
    emit(drafts, as_json=as_json, text=text)


def _sign_copies(
    copies: Sequence[Path], *, signers: Sequence[str], as_json: bool
) -> tuple[Waiting, ...]:
    if not signers:
        raise click.UsageError("a copy is signed with --signer FILE or --signer URI")
    added: dict[str, tuple[Holder, ...]] = {}
    waiting: tuple[Waiting, ...] = ()
    for path in copies:
        added[str(path)], missing = sign_copy(path, signers=signers)
        waiting += missing
    shown_data = {"added": added, "waiting": waiting}
    emit(shown_data, as_json=as_json, text="\n".join(_added_lines(added)))
    return waiting


def _emit(done: Signed, *, as_json: bool) -> None:
    lines = [
        *_added_lines(done.added),
        *(f"published {role}" for role in done.published),
    ]
    emit(done, as_json=as_json, text="\n".join(lines))
    for role, key_ids in done.refused.items():
        for key_id in key_ids:
            say(f"{role}: the signature of {key_id[:8]}… does not count, left out")


def _added_lines(added: Mapping[str, Sequence[Holder]]) -> list[str]:
    return [
        f"signed {role} by {', '.join(map(str, holders))}"
        for role, holders in added.items()
        if holders
    ]
