"""What is pending of a role, shown to those who are to sign it."""

from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeAlias

from central.adapters.repository import signatures
from central.adapters.repository.disk import Signed, View
from central.adapters.repository.facts import facts
from central.core.reading import MAX_BYTES, is_readable, reading
from central.core.roles import Proposal

# Where the file of a target may lie, by its path and hash.
Places: TypeAlias = Callable[[str, str], Iterable[Path]]

_ROOT: Final = "root"


def proposal(role: str, *, view: View, last: Signed | None, places: Places) -> Proposal:
    """Return what is pending of a role.

    Args:
        role: That something is pending of.
        view: Holds what is pending and who delegates to it.
        last: What is published of it; None: nothing, or nobody here knows.
        places: Where the documents may lie that it signs for.
    """
    before = last if role == _ROOT else None
    draft = view[role]
    return Proposal(
        role=role,
        facts=facts(last, draft),
        says={
            path: _says(path, file, last=_target(last, path), places=places)
            for path, file in _documents(draft).items()
            if file != _target(last, path)
        },
        signed=tuple(signatures.signed_by(view, role, before=before)),
        waiting=tuple(signatures.lacking(view, role, before=before)),
    )


def _documents(metadata: Signed) -> dict[str, Any]:
    targets = getattr(metadata.signed, "targets", {})
    return {path: file for path, file in targets.items() if is_readable(path)}


def _target(metadata: Signed | None, path: str) -> Any:  # noqa: ANN401 - tuf's or None
    return None if metadata is None else _documents(metadata).get(path)


def _says(path: str, file: Any, *, last: Any, places: Places) -> list[str]:  # noqa: ANN401
    """Return what a document says; where it is not at hand, which file to ask for."""
    expected = file.hashes["sha256"]
    found = _content(path, expected, places=places)
    if found is None:
        return [_missing(path, expected)]
    before = last and _content(path, last.hashes["sha256"], places=places)
    return reading(path, found, before=before)


def _missing(path: str, expected: str) -> str:
    folder, _, name = path.rpartition("/")
    return (
        f"not at hand, or another: expected {name} with sha256 {expected}; have "
        f"repository/targets/{folder}/{expected}.{name} sent along before you sign"
    )


def _content(path: str, expected: str, *, places: Places) -> bytes | None:
    """Return the document that has this hash, wherever it lies; None: nowhere."""
    for place in places(path, expected):
        if not place.is_file():
            continue
        with place.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if sha256(content).hexdigest() == expected:
            return content
    return None
