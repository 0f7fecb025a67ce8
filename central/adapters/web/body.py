"""Bodies of requests: their form and length before a byte is read, and in what time."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from starlette.requests import ClientDisconnect, Request

from agent.core.quantity import size_text
from central.core.answer import Answer, Verdict

_RETRY_AFTER_S: Final = 10
_SHOWN: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of what is handed in.

    Attributes:
        max_report: Longest report as it comes, in bytes.
        max_waiting_bytes: Of all reports that are read or not yet stored; more are told
            to come later.
        deadline_s: Longest time for the body of one request, however it drips.
    """

    max_report: int
    max_waiting_bytes: int = 64_000_000
    deadline_s: float = 30.0


class Room:
    """Room for bodies that are at hand, all requests together."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.waiting_bytes = 0

    @contextmanager
    def reserved(self, length: int) -> Iterator[Answer | None]:
        """Hold room for a body; yield the answer if there is none. One always fits."""
        if self.waiting_bytes and self.waiting_bytes + length > self._limit:
            words = f"expected to wait: {size_text(self.waiting_bytes)} are in work"
            yield Answer(
                verdict=Verdict.BUSY, reason=words, retry_after_s=_RETRY_AFTER_S
            )
            return
        self.waiting_bytes += length
        try:
            yield None
        finally:
            self.waiting_bytes -= length


def wrong_form(headers: Mapping[str, str], *, limit: int) -> Answer | None:
    """Return why a report will not be read, by its headers alone; None: it will."""
    encoding = headers.get("Content-Encoding", "none").strip().lower()
    if encoding != "gzip":
        words = f"expected Content-Encoding gzip, got {encoding[:_SHOWN]!r}"
        return Answer(verdict=Verdict.NOT_READ, reason=words)
    kind = headers.get("Content-Type", "application/json").partition(";")[0].strip()
    if kind.lower() != "application/json":
        words = f"expected Content-Type application/json, got {kind[:_SHOWN]!r}"
        return Answer(verdict=Verdict.NOT_READ, reason=words)
    return _wrong_length(headers, limit=limit)


async def read_body(
    request: Request, *, limit: int, deadline_s: float
) -> bytes | Answer:
    """Return the body of a request; or why it was not read to its end.

    Args:
        request: Nothing of it was read yet.
        limit: Longest body, in bytes; told by its header, and counted.
        deadline_s: Longest time for it all.
    """
    wrong = _wrong_length(request.headers, limit=limit)
    if wrong is not None:
        return wrong
    # Room was made for so much and no more.
    limit = min(limit, int(request.headers["Content-Length"]))
    body = bytearray()
    try:
        async with asyncio.timeout(deadline_s):
            async for piece in request.stream():
                body += piece
                if len(body) > limit:
                    return _too_long(limit, got=len(body))
    except TimeoutError:
        words = f"expected the body within {deadline_s:g} s, got {len(body)} bytes"
        return Answer(verdict=Verdict.TOO_SLOW, reason=words)
    except ClientDisconnect:
        words = f"expected the body to its end, got {len(body)} bytes"
        return Answer(verdict=Verdict.BROKEN_OFF, reason=words)
    return bytes(body)


def _wrong_length(headers: Mapping[str, str], *, limit: int) -> Answer | None:
    if "Transfer-Encoding" in headers:
        # It would count, not the length; proxies differ on where such a request ends.
        words = "expected a Content-Length alone, got a Transfer-Encoding"
        return Answer(verdict=Verdict.NO_LENGTH, reason=words)
    length = headers.get("Content-Length", "")
    if not length.isdecimal():
        words = "expected a Content-Length, got none"
        return Answer(verdict=Verdict.NO_LENGTH, reason=words)
    return _too_long(limit, got=int(length)) if int(length) > limit else None


def _too_long(limit: int, *, got: int) -> Answer:
    words = f"expected at most {size_text(limit)}, got {size_text(got)}"
    return Answer(verdict=Verdict.TOO_LONG, reason=words)
