"""python-tuf's errors as ours: one line that says what, expected, got, who must act."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

from tuf.api import exceptions
from tuf.api.serialization import DeserializationError

from agent.errors import TrustError
from central.core.roles import Holder, signers_text

Keepers: TypeAlias = Callable[[], Mapping[str, Sequence[Holder]]]

_AGAIN: Final = "copy it again from where it is whole, or publish it anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """What was at hand when something went wrong.

    Attributes:
        what: Role or target that was asked for.
        asked: File that was read last.
        keepers: Whose signatures count for each role that is verified.
    """

    what: str
    asked: str
    keepers: Mapping[str, Sequence[Holder]]

    def must_sign(self, role: str) -> str:
        return f"{signers_text(self.keepers.get(role, ()))} must sign it"


@contextmanager
def told(what: str, *, asked: Callable[[], str], keepers: Keepers) -> Iterator[None]:
    """Raise python-tuf's errors and the disk's as ours, in one line.

    Args:
        what: Role or target that is asked for.
        asked: Returns the file that was read last.
        keepers: Returns whose signatures count for each role that is verified.
    """
    try:
        yield
    except tuple(_TELLING) as error:
        words = next(w for kind, w in _TELLING.items() if isinstance(error, kind))
        scene = _Scene(what=what, asked=asked() or what, keepers=keepers())
        raise TrustError(" ".join(words(error, scene).split())) from error


def _unsigned(error: Exception, scene: _Scene) -> str:
    match = re.fullmatch(r"(.+) was signed by (\d+)/(\d+) keys", str(error))
    if match is None:
        return f"{scene.asked}: {error}; {scene.must_sign(scene.what)}"
    role, got, expected = match.groups()
    return (
        f"{role}: expected signatures of {expected} of its keys, got {got} "
        f"({scene.asked}); {scene.must_sign(role)}"
    )


def _no_metadata(error: Exception, scene: _Scene) -> str:
    return f"{scene.asked}: expected TUF metadata, got something else; {_AGAIN}"


def _other_version(error: Exception, scene: _Scene) -> str:
    return f"{scene.asked}: {str(error).rstrip('.')}; {_AGAIN}"


def _other_file(error: Exception, scene: _Scene) -> str:
    pattern = r"Observed (hash|length) (\w+) does not match expected \w+ (\w+)"
    match = re.fullmatch(pattern, str(error))
    if match is None:
        return f"{scene.asked}: expected what was signed: {error}; {_AGAIN}"
    kind, got, expected = match.groups()
    return (
        f"{scene.asked}: expected {kind} {expected[:12]} as was signed, got "
        f"{got[:12]}; {_AGAIN}"
    )


def _too_long(error: Exception, scene: _Scene) -> str:
    return f"{scene.asked}: longer than was signed or may be read: {error}; {_AGAIN}"


def _not_had(error: Exception, scene: _Scene) -> str:
    return f"{error}; {_AGAIN}"


# First match counts.
_TELLING: Final[Mapping[type[Exception], Callable[[Exception, _Scene], str]]] = {
    exceptions.UnsignedMetadataError: _unsigned,
    exceptions.BadVersionNumberError: _other_version,
    exceptions.LengthOrHashMismatchError: _other_file,
    DeserializationError: _no_metadata,
    exceptions.RepositoryError: _other_version,
    exceptions.DownloadLengthMismatchError: _too_long,
    exceptions.DownloadError: _not_had,
    OSError: _not_had,
}
