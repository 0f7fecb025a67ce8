"""Who may come in: by token or certificate; and how a host gets its token."""

import re
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Final

import msgspec

from agent.core.envelope.part import HostId
from agent.errors import ReportError
from central.core.answer import Answer, Verdict
from central.core.unpacking import check_keys
from central.ports.fleet import Enrolment
from central.ports.intake import Shown

_HOST_ID: Final = re.compile(r"[0-9a-z][0-9a-z._-]{7,63}")
_NOBODY: Final = Answer(
    verdict=Verdict.UNKNOWN,
    reason="expected the token of an enrolled host or a client certificate, got none",
)
_NOBODYS: Final = Answer(
    verdict=Verdict.UNKNOWN,
    reason="expected the token of an enrolled host, got one that is nobody's: never "
    "given, renewed since, or its host was revoked",
)


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a host sends to be enrolled.

    Attributes:
        host_id: Who it is from now on.
        join_token: What the operator gave it.
        agent: Version of its program.
        token: What it was given when it enrolled before; None: it has none.
    """

    host_id: HostId
    join_token: str
    agent: str = ""
    token: str | None = None


def admit(shown: Shown, *, enrolment: Enrolment) -> str | Answer:
    """Return which host shows this; or why it is not let in.

    Who shows both a token and a certificate must be the same host by both.

    Raises:
        UnavailableError: The database cannot be had now.
    """
    claims = (
        _by_token(shown.token, enrolment=enrolment),
        _by_name(shown.name, enrolment=enrolment),
    )
    hosts = {claim for claim in claims if isinstance(claim, str)}
    refusals = [claim for claim in claims if isinstance(claim, Answer)]
    if len(hosts) > 1:
        words = "expected token and certificate of one host, got those of two"
        refusals.append(Answer(verdict=Verdict.FOREIGN, reason=words))
    if refusals or not hosts:
        return [*refusals, _NOBODY][0]
    return hosts.pop()


def enrol(
    asked: bytes, *, enrolment: Enrolment, draw: Callable[[], str], now: datetime
) -> str | Answer:
    """Return the token of a host that is enrolled by this; or why it is not.

    Args:
        asked: JSON, as it came.
        enrolment: Who may report.
        draw: Returns a secret that was never returned before.
        now: When it came.

    Raises:
        UnavailableError: The database cannot be had now.
    """
    try:
        request = msgspec.json.decode(asked, type=Asked)
        check_keys(asked)
    except (msgspec.DecodeError, ReportError, UnicodeDecodeError) as error:
        return Answer(verdict=Verdict.MALFORMED, reason=f"enrolment: {error}")
    token = draw()
    refusal = enrolment.enrol(
        request.host_id,
        join=digest(request.join_token),
        token=digest(token),
        present=None if request.token is None else digest(request.token),
        now=now,
    )
    return token if refusal is None else refusal


def is_host_id(name: str) -> bool:
    """Return whether a host may be called so."""
    return _HOST_ID.fullmatch(name) is not None


def digest(secret: str) -> str:
    """Return what is kept of a secret."""
    return sha256(secret.encode()).hexdigest()


def _by_token(token: str | None, *, enrolment: Enrolment) -> str | Answer | None:
    if token is None:
        return None
    host_id = enrolment.host_of(digest(token))
    return _NOBODYS if host_id is None else host_id


def _by_name(name: str | None, *, enrolment: Enrolment) -> str | Answer | None:
    if name is None:
        return None
    if not is_host_id(name):
        words = f"expected a certificate that names a host by its id, got {name[:64]!r}"
        return Answer(verdict=Verdict.UNKNOWN, reason=words)
    if not enrolment.is_revoked(name):
        return name
    words = f"host {name} was revoked; whoever runs central must act"
    return Answer(verdict=Verdict.REVOKED, reason=words)
