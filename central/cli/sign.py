"""`forewarn-central sign`."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from central.cli.options import dir_option, json_option
from central.cli.output import emit, end, printable, say, say_founded
from central.core.log import Action, Subject
from central.core.roles import Holder, Proposal, Waiting
from central.core.shelf import task_of
from central.flows.sign import Signed, shown
from central.flows.sign import discard as discard_pending
from central.flows.sign import sign as sign_pending
from central.ports import Desk
from central.wiring.log import note
from central.wiring.repository import (
    is_repository,
    looked_at,
    opened,
    show_copy,
    sign_copy,
)


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
@click.option(
    "--show",
    is_flag=True,
    help="Only show what is pending: in clear, with who signed and who is missing.",
)
@click.option(
    "--discard",
    is_flag=True,
    help="Drop what is pending of ROLE instead; what is published stays.",
)
@dir_option
@json_option
@click.pass_context
def sign(
    ctx: click.Context,
    *,
    what: tuple[str, ...],
    signers: tuple[str, ...],
    show: bool,
    discard: bool,
    folder: Path,
    as_json: bool,
) -> None:
    """Sign what is pending: of these roles, or all; publish what is complete.

    FILE is a copy of what is pending. Beside a repository its signatures are taken in;
    elsewhere it is signed in its place, with the keys that --signer names, and has to
    be brought back. Look at it with --show first.
    """
    copies = [Path(name) for name in what if Path(name).suffix == ".json"]
    roles = [name for name in what if Path(name).suffix != ".json"]
    waiting: tuple[Waiting, ...] = ()
    if show:
        _show(folder, roles=roles, copies=copies, as_json=as_json)
    elif discard:
        waiting = _discard(folder, roles=roles, copies=copies, as_json=as_json)
    elif copies and not is_repository(folder):
        waiting = _sign_copies(copies, signers=signers, as_json=as_json)
    else:
        with opened(folder, signers=signers) as desk:
            done = sign_pending(desk, roles=roles, copies=copies)
            _note(folder, desk, done)
        _emit(done, folder=folder, is_chosen=bool(signers), as_json=as_json)
        waiting = done.waiting
    end(ctx, waiting=waiting)


def _show(
    folder: Path, *, roles: Sequence[str], copies: Sequence[Path], as_json: bool
) -> None:
    proposals = [show_copy(path) for path in copies]
    if roles or not copies:
        proposals += shown(looked_at(folder), roles)
    lines = (printable(line) for each in proposals for line in _lines(each))
    text = "\n".join(lines)
    emit(proposals, as_json=as_json, text=text)
    if not proposals:
        say("nothing is pending")


def _discard(
    folder: Path, *, roles: Sequence[str], copies: Sequence[Path], as_json: bool
) -> tuple[Waiting, ...]:
    if copies or not roles:
        raise click.UsageError("--discard takes the roles whose change is dropped")
    with opened(folder) as desk:
        done = discard_pending(desk, roles)
        dropped = {each.role: each.facts for each in done.dropped}
        note(folder, desk, Action.DISCARD, evidence={"dropped": dropped})
    lines = [
        line
        for each in done.dropped
        for line in (f"dropped {each.role}", *(f"  {fact}" for fact in each.facts))
    ]
    emit(done, as_json=as_json, text="\n".join(lines))
    return done.waiting


def _lines(proposal: Proposal) -> Iterator[str]:
    """Yield a proposal for people: what it changes, what that says, who signed."""
    yield proposal.role
    yield from (f"  {fact}" for fact in proposal.facts)
    for path, says in proposal.says.items():
        yield f"  {path} says:"
        yield from (f"    {line}" for line in says)
    yield f"  signed by: {', '.join(map(str, proposal.signed)) or 'nobody'}"
    missing = [str(each) for each in proposal.waiting]
    yield from (f"  {each}" for each in missing or ["complete"])


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


def _emit(done: Signed, *, folder: Path, is_chosen: bool, as_json: bool) -> None:
    lines = [
        *_added_lines(done.added),
        *(f"published {role}" for role in done.published),
    ]
    emit(done, as_json=as_json, text="\n".join(lines))
    for role, key_ids in done.refused.items():
        for key_id in key_ids:
            say(f"{role}: the signature of {key_id[:8]}… does not count, left out")
    say_founded(done.published, folder=folder)
    if is_chosen and not done.added:
        say("nothing is pending that takes a signature of these which it lacks")
    elif not (done.added or done.published or done.waiting):
        say("nothing is pending")


def _note(folder: Path, desk: Desk, done: Signed) -> None:
    """Write down who signed what; nothing, if nobody did and nothing is published."""
    if not (done.added or done.published):
        return
    added = {role: list(map(str, holders)) for role, holders in done.added.items()}
    evidence = {
        "added": added,
        "published": done.published,
        "waiting": [str(each) for each in done.waiting],
    }
    task = task_of([*done.added, *done.published])
    note(folder, desk, Action.SIGN, subject=Subject(task=task), evidence=evidence)


def _added_lines(added: Mapping[str, Sequence[Holder]]) -> list[str]:
    return [
        f"signed {role} by {', '.join(map(str, holders))}"
        for role, holders in added.items()
        if holders
    ]
