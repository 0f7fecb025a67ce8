"""`forewarn releases`: every release that was taken in, and what became of it."""

from pathlib import Path

import click

from agent.cli.options import config_option, json_option, state_dir_option
from agent.cli.output import emit, listing, say
from agent.cli.state import opened
from agent.core.manifest import parse_manifest
from agent.core.trust import SignedRole
from agent.errors import ManifestError


@click.command("releases")
@config_option
@state_dir_option
@json_option
def releases(config_path: Path | None, state_dir: Path | None, as_json: bool) -> None:
    """Show the releases of this host: version, state, role, and who signed them.

    "signed" counts the keys behind a release: of the data team that released it, and
    of operations who approved it. --json has the whole chain, from the root on, as it
    was when the release was taken in.
    """
    with opened(config_path, state_dir) as (_, archive):
        found = archive.releases()
        chains = {r.digest: archive.chain_of(r.digest) for r in found}
        signed = {r.digest: _understood(archive.manifest_of(r.digest)) for r in found}
        roles = {d: role for each in archive.lineups() for role, d in each.roles()}
    documents = [
        {
            "task": each.task,
            "version": each.version,
            "digest": each.digest,
            "state": each.state,
            "role": roles.get(each.digest),
            "admitted_at": each.admitted_at,
            **signed[each.digest],
            "chain": chains[each.digest],
        }
        for each in found
    ]
    rows = [
        (
            each.task,
            each.version,
            each.digest[:12],
            each.state,
            roles.get(each.digest),
            _signers(chains[each.digest]),
            each.admitted_at,
        )
        for each in found
    ]
    if not found:
        say("no release was taken in yet")
    header = ("task", "version", "release", "state", "role", "signed", "taken in")
    emit(documents, as_json=as_json, text=listing(header, rows=rows))


def _understood(document: bytes) -> dict[str, object]:
    """Return what a manifest says of a release; of a newer program's, only why not."""
    try:
        manifest = parse_manifest(document)
    except ManifestError as error:
        return {"unreadable": str(error)}
    return {
        "title": manifest.title,
        "model": manifest.model,
        "provenance": manifest.provenance,
    }


def _signers(chain: tuple[SignedRole, ...]) -> str | None:
    """Return how many keys signed the release and its approval; None: nobody noted."""
    signed = [
        f"{role.name.partition('-')[0]} {len(role.signed_by)} of {role.threshold}"
        for role in chain
        if role.name.startswith(("release-", "approve-"))
    ]
    return ", ".join(signed) or None
