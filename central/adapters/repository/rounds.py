"""Signatures gathered round by round, on copies of what is pending."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from agent.errors import ConfigError, TrustError
from central.adapters.repository import files, keys, signatures
from central.adapters.repository.book import Book
from central.adapters.repository.disk import Signed, View, read
from central.adapters.repository.showing import proposal
from central.core.profile import delegator_of
from central.core.roles import Holder, Proposal, Taken, Waiting


def take_in(path: Path, *, book: Book) -> Taken:
    """Take over the signatures of a copy into the draft that it is a copy of.

    Raises:
        ConfigError: Nothing is pending of its role.
        TrustError: It is a copy of something else.
    """
    role = role_of(path)
    copy, draft = read(path, role=role), book.drafts.get(role)
    if draft is None:
        raise ConfigError(f"{path}: expected a copy of what is pending, got {role}")
    if copy.signed_bytes != draft.signed_bytes:
        raise TrustError(
            f"{path}: expected version {draft.signed.version} of {role} as it is "
            "pending here, got another; hand out what is pending now"
        )
    known = {key.keyid: key for key in book.signing_keys(role)}
    new = [k for k, one in copy.signatures.items() if draft.signatures.get(k) != one]
    right = [k for k in new if k in known and signatures.has_signed(copy, known[k])]
    draft.signatures.update({k: copy.signatures[k] for k in right})
    return Taken(
        role=role,
        added=signatures.holders(known[k] for k in right),
        refused=tuple(k for k in new if k not in right),
    )


def sign_copy(
    path: Path, *, uris: Sequence[str]
) -> tuple[tuple[Holder, ...], tuple[Waiting, ...]]:
    """Sign a copy of what is pending, where there is no repository.

    Who may sign says the metadata of the role above, which lies beside the copy, or
    in `repository/metadata` beside its folder; for root, the root before.

    Returns:
        Who signed just now, and who is still missing.

    Raises:
        ConfigError: The role above is not there, or a key is not.
        TrustError: A key does not count for this role.
    """
    role = role_of(path)
    view, before = _view(path, role=role)
    known = signatures.keys_of(view, role)
    if before is not None:
        known += signatures.keys_of({"root": before}, role)
    added: list[Holder] = []
    for uri in uris:
        address = keys.address(uri)
        signer = keys.signer_among(address, keys=known, base=Path.cwd())
        if signer is None:
            raise TrustError(signatures.stranger(role, uri, of=known))
        added += signatures.add(role, view[role], signers=[signer])
    if added:
        files.write(path, view[role].to_bytes())
    return tuple(added), tuple(signatures.lacking(view, role, before=before))


def show_copy(path: Path) -> Proposal:
    """Return what a copy of something pending says, where there is no repository.

    The documents that it signs for lie beside it, or where a repository has them. What
    is published is not known here, but for the root before.

    Raises:
        ConfigError: The role above is not there.
    """
    role = role_of(path)
    view, before = _view(path, role=role)
    return proposal(role, view=view, last=before, places=partial(_places, path))


def role_of(path: Path) -> str:
    """Return the role that a file is named for, as `approve-cpu.json` or `7.x.json`."""
    number, dot, name = path.stem.partition(".")
    return name if dot and number.isdigit() else path.stem


def _view(path: Path, *, role: str) -> tuple[View, Signed | None]:
    """Return a copy with the role above it, and the root before if it is a root."""
    copy, above = read(path, role=role), delegator_of(role)
    found = list(_beside(path, role=above))
    if role == "root":
        version = copy.signed.version - 1
        before = next((md for md in found if md.signed.version == version), None)
        return {role: copy}, before
    if not found:
        raise ConfigError(
            f"{path}: expected {above}.json beside it, which says whose keys count, "
            "got none; copy it from repository/metadata"
        )
    newest = max(found, key=lambda md: int(md.signed.version))
    return {role: copy, above: newest}, None


def _places(copy: Path, path: str, sha256: str) -> Iterator[Path]:
    """Yield where the file of a target may lie that was sent along with a copy."""
    name = path.rpartition("/")[2]
    yield copy.parent / name
    yield copy.parent / f"{sha256}.{name}"
    targets = copy.absolute().parent.parent / "repository" / "targets"
    yield files.target_file(targets, path=path, sha256=sha256)


def _beside(path: Path, *, role: str) -> Iterator[Signed]:
    folders = (path.parent, path.absolute().parent.parent / "repository" / "metadata")
    for folder in folders:
        for other in sorted(folder.glob(f"*{role}.json")):
            if role_of(other) == role and not other.samefile(path):
                yield read(other, role=role)
