"""What central answers to who hands something in: verdict, status, and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Verdict(StrEnum):
    """What became of what was handed in."""

    TAKEN = "taken"
    REPEATED = "repeated"
    MALFORMED = "malformed"
    BROKEN_OFF = "broken_off"
    UNKNOWN = "unknown"
    REVOKED = "revoked"
    FOREIGN = "foreign"
    NOT_ENROLLED = "not_enrolled"
    TOO_SLOW = "too_slow"
    ENROLLED_ALREADY = "enrolled_already"
    NUMBER_TAKEN = "number_taken"
    NO_LENGTH = "no_length"
    TOO_LONG = "too_long"
    NOT_READ = "not_read"
    TOO_OFTEN = "too_often"
    BUSY = "busy"


STATUS: Final[Mapping[Verdict, int]] = {
    Verdict.TAKEN: 200,
    Verdict.REPEATED: 200,
    Verdict.MALFORMED: 400,
    Verdict.BROKEN_OFF: 400,
    Verdict.UNKNOWN: 401,
    Verdict.REVOKED: 403,
    Verdict.FOREIGN: 403,
    Verdict.NOT_ENROLLED: 403,
    Verdict.TOO_SLOW: 408,
    Verdict.ENROLLED_ALREADY: 409,
    Verdict.NUMBER_TAKEN: 409,
    Verdict.NO_LENGTH: 411,
    Verdict.TOO_LONG: 413,
    Verdict.NOT_READ: 415,
    Verdict.TOO_OFTEN: 429,
    Verdict.BUSY: 503,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What somebody is told.

    Attributes:
        reason: Why it was not taken; empty: it was.
        told: What is said instead, where the reason is not everybody's to know; empty:
            the reason.
        received_through: Highest number that is stored of the host, where it matters.
        retry_after_s: When to come again; None: coming again does not help.
    """

    verdict: Verdict
    reason: str = ""
    told: str = ""
    received_through: int | None = None
    retry_after_s: int | None = None

    @property
    def status(self) -> int:
        """The answer's number in HTTP."""
        return STATUS[self.verdict]

    @property
    def words(self) -> str:
        """Why it was not taken, as anybody may know."""
        return self.told or self.reason

    @property
    def is_refusal(self) -> bool:
        """Whether nothing was taken in."""
        return self.verdict not in (Verdict.TAKEN, Verdict.REPEATED)
