"""The voucher: a child that checks the signatures of the releases at work, offline.

The daemon itself holds no cryptography. Whoever can write to the database could name
any model there; so it is not asked, but the signed metadata that the courier keeps.
"""

import subprocess
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from agent.errors import UnavailableError

LIMIT_S: Final = 20.0


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the courier's job `vouch` prints, one JSON document.

    Attributes:
        status: 0, or `error` says why there is no answer.
        doubts: Why a release at work must not run, by digest.
        vouched: The releases at work that may; what is in neither may not.
    """

    status: int
    error: str = ""
    doubts: dict[str, str] = {}
    vouched: frozenset[str] = frozenset()

    def knows(self, digests: Collection[str]) -> bool:
        """Return whether something is said of each of these."""
        return bool(self.status) or all(
            digest in self.vouched or digest in self.doubts for digest in digests
        )


class CourierVoucher:
    """Asks the courier, one child at a time.

    Args:
        command: What the child runs.
        limit_s: How long it may take.
    """

    def __init__(self, command: Sequence[str], *, limit_s: float = LIMIT_S) -> None:
        self._command = command
        self._limit_s = limit_s
        self._child: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Ask already, so that the next `doubts` waits less; nothing if that fails."""
        with suppress(OSError):
            self._child = self._child or self._asked()

    def doubts(self, digests: Collection[str]) -> Mapping[str, str]:
        """Return why a release must not run, for each that is not vouched for.

        Raises:
            UnavailableError: There was no answer, or none in time.
        """
        try:
            answer = self._answer()
            if not answer.knows(digests):
                # It was asked early, before the line-up was what it is now.
                self.close()
                answer = self._answer()
        except (OSError, msgspec.DecodeError, subprocess.TimeoutExpired) as error:
            raise UnavailableError(f"the courier was asked: {error}") from error
        finally:
            self.close()
        if answer.status:
            raise UnavailableError(f"the courier was asked: {answer.error}")
        # What the child did not see was put into a line-up behind its back.
        return {
            digest: answer.doubts.get(digest, _UNSEEN)
            for digest in digests
            if digest in answer.doubts or digest not in answer.vouched
        }

    def close(self) -> None:
        """Leave no child behind."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.communicate()

    def _answer(self) -> _Answer:
        child = self._child = self._child or self._asked()
        written, _ = child.communicate(timeout=self._limit_s)
        if not written:
            raise UnavailableError(
                f"the courier was asked: no answer, it ended with {child.returncode}"
            )
        return msgspec.json.decode(written, type=_Answer)

    def _asked(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own program
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            # Asked each minute while something is wrong; the answer says what.
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


_UNSEEN: Final = "nobody vouches for it: the courier does not find it at work"
