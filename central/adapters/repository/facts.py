"""What the roles say, in words and figures for people."""

from collections.abc import Iterator
from typing import Any

from central.adapters.repository.book import Book
from central.adapters.repository.disk import Signed
from central.adapters.repository.signatures import holders, keys_of
from central.core.profile import ONLINE, Policy, delegator_of
from central.core.roles import RoleState


def state_of(book: Book, role: str, *, policy: Policy) -> RoleState:
    """Return a role as it stands.

    Raises:
        ConfigError: There is no such role.
    """
    delegator = book.signed(delegator_of(role))
    if role not in ONLINE:
        book.signed(role)
    published, draft = book.published.get(role), book.drafts.get(role)
    return RoleState(
        role=role,
        version=published.signed.version if published else None,
        expires=published.signed.expires if published else None,
        drafted=draft.signed.expires if draft else None,
        threshold=delegator.get_delegated_role(role).threshold,
        renewal=policy.rule(role).renewal,
        holders=holders(keys_of(book.newest, role)),
    )


def facts(last: Signed | None, draft: Signed) -> tuple[str, ...]:
    """Return what a draft changes, a line each: `+` comes, `-` goes."""
    old = set(_facts(last.signed)) if last else set()
    new = set(_facts(draft.signed))
    lines = [f"- {fact}" for fact in old - new] + [f"+ {fact}" for fact in new - old]
    return tuple(sorted(lines, key=lambda line: (line[2:], line)))


def _facts(signed: Any) -> Iterator[str]:  # noqa: ANN401 - one of two kinds
    """Yield what a root or targets role says, a line each."""
    yield f"version {signed.version}"
    yield f"expires {signed.expires:%Y-%m-%d}"
    if signed.type == "root":
        yield from _key_facts(signed.roles, signed)
        return
    for path, file in signed.targets.items():
        sha256 = file.hashes["sha256"]
        yield f"{path}: sha256 {sha256}, {file.length} bytes"
    if signed.delegations is not None:
        yield from _key_facts(signed.delegations.roles, signed)


def _key_facts(roles: Any, signed: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    for name, role in roles.items():
        names = map(str, holders(signed.get_key(k) for k in role.keyids))
        yield f"{name}: any {role.threshold} of {', '.join(sorted(names))}"
