"""Something handed in at a web server, and what it says to that."""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

import httpx
import msgspec

from agent.adapters.http.line import Deadline, Line, pieces, status_text

# An answer says a number or a reason; whoever says more says something else.
_MOST_BYTES: Final = 65_536
_SHOWN_LENGTH: Final = 300
_LONGEST_FIGURES: Final = 12
_Shape = TypeVar("_Shape", bound=msgspec.Struct)


class Refusal(msgspec.Struct, frozen=True):
    """What central says when it does not take something."""

    error: str = ""
    received_through: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a server said, in whole.

    Attributes:
        status: Its number in HTTP.
        status_text: In figures and words.
        headers: By name, whatever the case.
        body: At most 64 KiB; None: it is longer, or comes encoded.
    """

    status: int
    status_text: str
    headers: Mapping[str, str]
    body: bytes | None

    def parsed(self, kind: type[_Shape]) -> _Shape | None:
        """Return what its JSON says; None: it says something else."""
        try:
            return msgspec.json.decode(self.body or b"", type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def refusal(self, *, hidden: str | None) -> Refusal:
        """Return why it does not take something, on one line.

        Args:
            hidden: A secret that must not be shown, should the server repeat it.
        """
        said = self.parsed(Refusal) or Refusal()
        words = "".join(c if c.isprintable() else " " for c in said.error)
        if hidden:
            words = words.replace(hidden, "...")
        reason = f"{self.status_text}: {words[:_SHOWN_LENGTH]}".removesuffix(": ")
        return msgspec.structs.replace(said, error=reason)

    def retry_after_s(self, *, now: datetime) -> float | None:
        """Return how long the server asks to wait, in seconds; None: it does not.

        A date is compared with the server's own clock where the answer tells it, for
        this host's may be wrong.

        Args:
            now: The present, by this host's clock.
        """
        text = self.headers.get("Retry-After", "").strip()
        if text.isascii() and text.isdigit():
            return float(text[:_LONGEST_FIGURES])
        until, since = _date(text), _date(self.headers.get("Date", "")) or now
        return None if until is None else max(0.0, (until - since).total_seconds())


class Desk:
    """Takes things to a server, one after another; for as long as `deadline_s` each.

    Raises:
        ConfigError: Token or proxy cannot be used.
    """

    def __init__(
        self,
        *,
        context: ssl.SSLContext,
        token: str | None = None,
        proxy: str | None = None,
        no_proxy: Sequence[str] = (),
        timeout_s: float = 10.0,
        deadline_s: float = 60.0,
    ) -> None:
        self._deadline_s = deadline_s
        self._line = Line(
            context=context,
            token=token,
            proxy=proxy,
            no_proxy=no_proxy,
            timeout_s=timeout_s,
        )

    def close(self) -> None:
        """Close the connections."""
        self._line.close()

    def post(self, url: str, content: bytes, *, headers: Mapping[str, str]) -> Reply:
        """Return what a server says to JSON that is handed in.

        Raises:
            DownloadError: Nothing, or not in time.
        """
        deadline = Deadline.within(self._deadline_s)
        headers = {"Content-Type": "application/json", **headers}
        response = self._line.sent(
            "POST", url, deadline=deadline, headers=headers, content=content
        )
        return Reply(
            status=response.status_code,
            status_text=status_text(response),
            headers=response.headers,
            body=_bounded(response, url=url, deadline=deadline),
        )


def _bounded(response: httpx.Response, *, url: str, deadline: Deadline) -> bytes | None:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        response.close()
        return None
    body = bytearray()
    for piece in pieces(response, url=url, deadline=deadline):
        body += piece
        if len(body) > _MOST_BYTES:
            response.close()
            return None
    return bytes(body)


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    # A date without a zone is no date of HTTP's.
    return found if found.tzinfo is not None else None
