"""`forewarn-central init`."""

from collections.abc import Sequence
from pathlib import Path

import click

from central.cli.options import gathered, json_option, pairs
from central.cli.output import emit_settled, say, say_founded
from central.core.log import Action
from central.core.profile import Profile, policy_of
from central.flows.found import found
from central.wiring.log import note
from central.wiring.repository import check_given, founding


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--profile",
    type=click.Choice([str(profile) for profile in Profile]),
    default=str(Profile.CONNECTED),
    show_default=True,
    help="How long signatures hold: air-gapped sites get theirs seldom.",
)
@click.option(
    "--task",
    "tasks",
    multiple=True,
    metavar="NAME",
    help="Add the roles of a task at once; may be given more than once.",
)
@click.option(
    "--keys",
    "counts",
    multiple=True,
    metavar="KIND=N/M",
    help="Keys and threshold of root, targets, snapshot, timestamp, release or "
    "approve, as `root=5/3`.",
)
@click.option(
    "--key",
    "given",
    multiple=True,
    metavar="ROLE=FILE",
    help="Public key of somebody who signs elsewhere; a role with any gets no others.",
)
@json_option
@click.pass_context
def init(
    ctx: click.Context,
    *,
    folder: Path,
    profile: str,
    tasks: tuple[str, ...],
    counts: tuple[str, ...],
    given: tuple[str, ...],
    as_json: bool,
) -> None:
    """Found a signed repository in DIR.

    Makes a key for every role that gets none by --key, and signs with all of them.
    """
    policy = policy_of(Profile(profile), counts=_numbers(counts))
    keys = gathered(pairs(given))
    # Before anything is made, so that a mistake leaves nothing behind.
    check_given(file for files in keys.values() for file in files)
    with founding(folder, policy=policy) as desk:
        done = found(desk, keyring=desk.keyring, policy=policy, tasks=tasks, given=keys)
        evidence = {"profile": profile, "tasks": tasks, **done.facts()}
        note(folder, desk, Action.INIT, evidence=evidence)
    say_founded(done.published, folder=folder)
    say(
        f"{folder / 'keys'} holds the private keys that were made here: move those of "
        "root and targets to where no network is"
    )
    emit_settled(ctx, done, as_json=as_json)


def _numbers(texts: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return keys and threshold by kind of role."""
    found = {}
    for kind, text in pairs(texts):
        keys, _, threshold = text.partition("/")
        if not (keys.isdecimal() and threshold.isdecimal()):
            raise click.UsageError(f"--keys {kind}: expected N/M as 5/3, got {text}")
        found[kind] = int(keys), int(threshold)
    return found
