"""Vouchers whose doubts a test has chosen: no child, no signature."""

from collections.abc import Collection, Mapping

from agent.errors import UnavailableError


class FixedVoucher:
    """Doubts what it was told to doubt.

    Attributes:
        reasons: Digest -> why it must not run.
        is_silent: While set, nobody answers.
        asked: The digests of each question.
    """

    def __init__(self, reasons: Mapping[str, str] | None = None) -> None:
        self.reasons = dict(reasons or {})
        self.is_silent = False
        self.asked: list[tuple[str, ...]] = []

    def doubts(self, digests: Collection[str]) -> Mapping[str, str]:
        self.asked.append(tuple(digests))
        if self.is_silent:
            raise UnavailableError("told to be silent")
        return {d: reason for d, reason in self.reasons.items() if d in digests}
