"""Whether the releases at work are signed, by what this host keeps; offline."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from agent.core.manifest import parse_manifest
from agent.core.release import OVER
from agent.core.trust import rollback_attack
from agent.errors import ForewarnError, TamperedError
from agent.ports import Chain, Claim, Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouching:
    """What is known of the releases at work; what is in neither is not at work.

    Attributes:
        vouched: Those that may run, by digest.
        doubts: Why the others must not, by digest.
    """

    vouched: tuple[str, ...]
    doubts: Mapping[str, str]


def vouch(registry: Registry, chain: Chain) -> Vouching:
    """Return which releases at work are signed, and why the others must not run.

    The database says which releases are at work, and is no authority for it: whoever
    can write to it could name any model. Expiry does not count here: it stops updates,
    never scoring.

    Raises:
        StateError: The database or the trusted root cannot be read.
    """
    over = {r.digest for r in registry.releases() if r.state in OVER}
    claims: list[Claim] = []
    doubts: dict[str, str] = {}
    for digest in _at_work(registry):
        try:
            claims.append(_claim(registry, digest, over=over))
        except ForewarnError as error:
            doubts[digest] = str(error)
    doubted, roles = chain.examine(claims)
    doubts |= doubted
    attack = rollback_attack(roles, registry.floors())
    if attack is not None:
        doubts |= {claim.digest: attack for claim in claims}
    vouched = (claim.digest for claim in claims if claim.digest not in doubts)
    return Vouching(vouched=tuple(vouched), doubts=doubts)


def _at_work(registry: Registry) -> Iterator[str]:
    for lineup in registry.lineups():
        for _, digest in lineup.roles():
            yield digest


def _claim(registry: Registry, digest: str, *, over: Collection[str]) -> Claim:
    """Return what the database says of a release.

    Raises:
        TamperedError: Its manifest is not the one that names it, or it is over.
    """
    if digest in over:
        raise TamperedError(
            f"release {digest[:12]}: it is in a line-up, although its work has ended"
        )
    document = registry.manifest_of(digest)
    got = hashlib.sha256(document).hexdigest()
    if got != digest:
        raise TamperedError(
            f"release {digest[:12]}: its manifest in the database was changed: "
            f"expected sha256 {digest[:12]}, got {got[:12]}"
        )
    manifest = parse_manifest(document)
    return Claim(digest=digest, task=manifest.task, version=manifest.version)
