"""python-tuf's errors as ours: one line that says what, expected, got, who must act."""

import errno
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tuf.api import exceptions
from tuf.api.metadata import (  # type: ignore[attr-defined] # public, handed on unmarked
    Metadata,
    Role,
    Root,
    Targets,
)
from tuf.api.serialization import DeserializationError

from agent.adapters.repository.cache import metadata_path, read
from agent.adapters.repository.signatures import one_line, parsed
from agent.adapters.repository.witness import Witness
from agent.errors import ForewarnError, StateError, TrustError, UnavailableError

_NO_JSON: Final = (json.JSONDecodeError, UnicodeDecodeError, RecursionError)
_BY_ROOT: Final = {"root", "timestamp", "snapshot", "targets"}


class UnreachableError(UnavailableError):
    """The repository cannot be reached; trying again later is enough."""

    exit_status = 69


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What was at hand when something went wrong.

    Attributes:
        what: What was asked for.
        witness: Saw the metadata that came last; None: none was asked for.
        work: Where verified metadata is; None: there is none yet.
    """

    what: str
    witness: Witness | None = None
    work: Path | None = None

    def subject(self) -> str:
        """Return the file that it is about."""
        return self.witness.name if self.witness and self.witness.name else self.what

    def offered(self) -> Metadata[Any] | None:
        """Return the metadata that came last."""
        return self.witness.metadata() if self.witness else None

    def verified(self, role: str) -> Metadata[Any] | None:
        """Return the metadata of a role that is trusted at this point."""
        if self.work is None:
            return None
        return parsed(read(metadata_path(self.work, role).resolve()) or b"")


def _unsigned(error: Exception, scene: Scene) -> str:
    match = re.fullmatch(r"(.+) was signed by (\d+)/(\d+) keys", str(error))
    if match is None:
        return f"{error}; its keepers must sign it"
    role, got, of = match.groups()
    return _too_few(role, got=got, of=of, also=_strangers(role, scene), scene=scene)


def _too_few(role: str, *, got: str, of: str, also: str, scene: Scene) -> str:
    root = scene.verified("root") if role == Root.type else None
    still = f", still on version {root.signed.version}" if root else ""
    return (
        f"{role}: refused{still}: expected signatures of {of} of its keys, got {got} "
        f"of {of}{also}; its keepers must sign it"
    )


def _strangers(role: str, scene: Scene) -> str:
    """Return whose signatures did not count; may be empty."""
    offered, known = scene.offered(), _allowed(role, scene)
    if offered is None or known is None:
        return ""
    strangers = sorted(set(offered.signatures) - set(known.keyids))
    if not strangers:
        return ""
    keys = ", ".join(keyid[:12] for keyid in strangers[:3])
    return f" (signed by {keys}: unknown or no longer trusted)"


def _allowed(role: str, scene: Scene) -> Role | None:
    """Return who may sign for a role; None: that is not known here."""
    above = scene.verified(Root.type if role in _BY_ROOT else Targets.type)
    if above is None:
        return None
    try:
        allowed: Role = above.signed.get_delegated_role(role)
    except ValueError:  # Handed on by another role than targets.
        return None
    return allowed


def _expired(error: Exception, scene: Scene) -> str:
    match = re.fullmatch(r"(?:Final |New )?(.+?)(?:\.json)? is expired", str(error))
    if match is None:
        return f"{error}; its keepers must sign it anew"
    role = match[1]
    metadata = _of_role(role, scene.offered()) or scene.verified(role)
    when = f" at {metadata.signed.expires:%Y-%m-%d %H:%M} UTC" if metadata else ""
    return (
        f"{role}: expired{when}: nothing new is taken in, what is at work goes on; its "
        "keepers must sign it anew, or the clock of this host must be set"
    )


def _of_role(role: str, offered: Metadata[Any] | None) -> Metadata[Any] | None:
    """Return what was offered if it is of that role, as far as it says of which."""
    kind = role if role in _BY_ROOT else Targets.type
    return offered if offered is not None and offered.signed.type == kind else None


# python-tuf says it the other way round of the versions that a snapshot lists.
_BACKWARDS: Final = (
    r"New (?P<role>timestamp) version (?P<got>\d+) must be >= (?P<have>\d+)",
    r"New (?P<role>snapshot) version must be >= (?P<have>\d+), got version (?P<got>.+)",
    r"Expected (?P<role>.+)\.json version (?P<got>\d+), got (?P<have>\d+)\.",
)


def _other_version(error: Exception, scene: Scene) -> str:
    for pattern in _BACKWARDS:
        match = re.fullmatch(pattern, str(error))
        if match is not None:
            return (
                f"{match['role']}: rollback attack or a restored backup: expected at "
                f"least version {match['have']}, as was seen before, got "
                f"{match['got']}; the publisher must offer the newest metadata"
            )
    text = str(error).rstrip(".")
    return f"{scene.subject()}: {text}; refused: the publisher must publish all of it"


def _other_file(error: Exception, scene: Scene) -> str:
    pattern = r"Observed (hash|length) (\w+) does not match expected \w+ (\w+)"
    match = re.fullmatch(pattern, str(error))
    found = str(error)
    if match is not None:
        kind, got, expected = match.groups()
        found = f"{kind} mismatch: expected {expected[:12]}, got {got[:12]}"
    return (
        f"{scene.subject()}: dropped, {found}: not what was signed; fetched anew at "
        "the next update, the publisher must act if it stays"
    )


def _no_metadata(error: Exception, scene: Scene) -> str:
    reason = error.__cause__
    if isinstance(reason, _NO_JSON):
        return (
            f"{scene.subject()}: not TUF metadata: a proxy or a login page? the "
            "operator must look at what answers in the repository's place"
        )
    if "Multiple signatures" in str(reason):
        return _signed_twice(scene)
    return f"{scene.subject()}: malformed: {reason!r}; the publisher must act"


def _signed_twice(scene: Scene) -> str:
    """Return how many keys signed: each counts once, however often it did."""
    role = re.sub(r"^\d+\.|\.json$", "", scene.subject())
    also = " (a key counts once, however often it signs)"
    allowed = _allowed(role, scene)
    if allowed is None or scene.witness is None:
        return f"{role}: refused{also}; its keepers must sign it"
    known = set(allowed.keyids) & scene.witness.signers()
    of = str(allowed.threshold)
    return _too_few(role, got=str(len(known)), of=of, also=also, scene=scene)


def _refused(error: Exception, scene: Scene) -> str:
    return f"{scene.what}: {error}; refused: the publisher must act"


def _too_long(error: Exception, scene: Scene) -> str:
    return (
        f"{scene.subject()}: dropped, longer than what was signed or may be read: "
        f"{error}; the publisher must act"
    )


def _not_had(error: Exception, scene: Scene) -> str:
    return f"{scene.what}: {error}; tried again at the next update"


# First match counts: what went wrong, whose error that is, how it is told.
_TELLING: Final[
    tuple[
        tuple[type[Exception], type[ForewarnError], Callable[[Exception, Scene], str]],
        ...,
    ]
] = (
    (exceptions.UnsignedMetadataError, TrustError, _unsigned),
    (exceptions.ExpiredMetadataError, TrustError, _expired),
    (exceptions.BadVersionNumberError, TrustError, _other_version),
    (exceptions.LengthOrHashMismatchError, TrustError, _other_file),
    (DeserializationError, TrustError, _no_metadata),
    (exceptions.RepositoryError, TrustError, _refused),
    (exceptions.DownloadLengthMismatchError, TrustError, _too_long),
    (exceptions.DownloadError, UnreachableError, _not_had),
)


@contextmanager
def told(scene: Scene) -> Iterator[None]:
    """Raise python-tuf's errors and the disk's as ours, sorted by who must act."""
    try:
        yield
    except tuple(kind for kind, _, _ in _TELLING) as error:
        ours, words = next(
            (ours, words) for kind, ours, words in _TELLING if isinstance(error, kind)
        )
        raise ours(one_line(words(error, scene))) from error
    except OSError as error:
        code = errno.errorcode.get(error.errno or 0, "no number")
        raise StateError(
            f"{error.filename or scene.subject()}: {error.strerror} ({code}); the "
            "state folder must be writable, and have room"
        ) from error
