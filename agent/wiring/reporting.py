"""Reporting upstream, with everything that it needs of the world.

httpx is loaded only where something is sent.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agent import __version__
from agent.adapters.alarm import limited
from agent.adapters.clock import SystemClock
from agent.adapters.identity import host_id
from agent.adapters.journal import Journal
from agent.adapters.lock import state_lock
from agent.adapters.store.spool import SqliteSpool
from agent.adapters.whole import archive_in
from agent.config import SharingLevel
from agent.core.pace import MOST_A_ROUND, is_due
from agent.core.reporting import read_state
from agent.errors import ConfigError, NotEnrolledError
from agent.flows import carry
from agent.flows.carry import Exported, Receiving
from agent.flows.cut import withhold
from agent.flows.send import SendResult, send
from agent.ports.reporting import SpoolSize, Upstream
from agent.wiring.courier import CourierSettings
from agent.wiring.credentials import secret, tls
from agent.wiring.cutting import cut_now, sender
from agent.wiring.places import database

# An operator who asks for it gets it all; a refused report costs a request, too.
_MOST_WHEN_ASKED = 10_000
_WEB = ("https://", "http://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What came of reporting.

    Attributes:
        level: What may leave.
        cut: Number of the report that was cut; None: none was due, or may leave.
        sent: What was sent; None: there is nobody to send to over the network.
        waiting: What waits now.
    """

    level: SharingLevel
    cut: int | None
    sent: SendResult | None
    waiting: SpoolSize


def reported(
    settings: CourierSettings, *, now: datetime, is_asked: bool = False
) -> Reported:
    """Cut a report if one is due, and send what waits, as much as a round may.

    Args:
        settings: What the configuration says.
        now: The present.
        is_asked: An operator wants it: one is cut now, and all that waits is sent.

    Raises:
        UnavailableError: Another process reports.
        ConfigError: Central does not let this host in, or a file that the configuration
            names cannot be used; it was asked for, and nothing may leave.
        NotEnrolledError: It was asked for, and there is no central.
        StateError: The state folder cannot be used.
    """
    if is_asked:
        _check_way(settings)
    limit = _MOST_WHEN_ASKED if is_asked else MOST_A_ROUND
    with (
        _alone(settings) as spool,
        limited(settings.limit_s, what="the report", again="report"),
    ):
        withhold(spool, host=sender(settings.config), limit=limit, now=now)
        cut = _cut(settings, spool, now=now, is_asked=is_asked)
        sent = None
        if _may_send(settings) and spool.waiting(limit=1):
            with _upstream(settings, now=now) as upstream:
                sent = send(spool, upstream, now=now, limit=limit)
        return Reported(
            level=settings.config.sharing.level,
            cut=cut,
            sent=sent,
            waiting=spool.size(),
        )


def exported(settings: CourierSettings, *, now: datetime, to: Path) -> Exported:
    """Cut a report, and write all that waits to one archive, to be carried to central.

    Raises:
        ConfigError: Nothing may leave.
        UnavailableError: Another process reports.
        StateError: The archive or the state folder cannot be written.
    """
    _check_level(settings)
    with _alone(settings) as spool:
        withhold(spool, host=sender(settings.config), now=now)
        _cut(settings, spool, now=now, is_asked=True)
        write = archive_in(to, at=now)
        return carry.export(spool, write, host_id=host_id(), agent=__version__, now=now)


def receipt_taken(
    settings: CourierSettings, *, now: datetime, receipt: bytes
) -> Receiving:
    """Delete what a receipt of central's acknowledges.

    Raises:
        ReportError: It is no receipt for what waits here; nothing was deleted.
        UnavailableError: Another process reports.
        StateError: The state folder cannot be used.
    """
    with _alone(settings) as spool:
        return carry.receive(spool, receipt, host_id=host_id(), now=now)


def _cut(
    settings: CourierSettings, spool: SqliteSpool, *, now: datetime, is_asked: bool
) -> int | None:
    end = read_state(spool.state()).end
    since_s = None if end is None else (now - end).total_seconds()
    every_s = settings.config.central.report_every
    if not is_asked and not is_due(every_s, since_s=since_s):
        return None
    host = sender(settings.config)
    parcel = cut_now(settings.state_dir, spool, host=host, now=now)
    return None if parcel is None else parcel.sequence


def _may_send(settings: CourierSettings) -> bool:
    is_silent = settings.config.sharing.level is SharingLevel.NOTHING
    url = None if settings.central is None else settings.central.url
    return not is_silent and url is not None and url.startswith(_WEB)


def _check_way(settings: CourierSettings) -> None:
    """Raise if there is no way out for a report that an operator asks for."""
    if settings.central is None or settings.central.url is None:
        raise NotEnrolledError(
            "no central.url is configured: name a central by `forewarn enroll`, or "
            "have the reports carried by `forewarn export`"
        )
    _check_level(settings)
    if not _may_send(settings):
        raise ConfigError(
            "central.url: expected an https:// or http:// address to send to, got "
            f"{settings.central.url}; `forewarn export` writes what waits to a file"
        )


def _check_level(settings: CourierSettings) -> None:
    if settings.config.sharing.level is SharingLevel.NOTHING:
        raise ConfigError(
            'sharing.level: expected "summaries" or "samples" for a report to leave, '
            'got "nothing"'
        )


@contextmanager
def _alone(settings: CourierSettings) -> Iterator[SqliteSpool]:
    """Yield the spool of a state folder that nobody else reports from.

    Another lock than the update's: neither is to wait for the other.
    """
    state = settings.state_dir
    with (
        state_lock(state, name="report", wait_s=settings.lock_wait_s),
        SqliteSpool.open(database(state), tell=Journal().write) as spool,
    ):
        yield spool


@contextmanager
def _upstream(settings: CourierSettings, *, now: datetime) -> Iterator[Upstream]:
    """Yield central's end of the line.

    Raises:
        ConfigError: A file that the configuration names cannot be used.
    """
    # 100 ms and 15 MB that a host which only cuts does without.
    from agent.adapters.http.upstream import HttpUpstream  # noqa: PLC0415

    central = settings.central
    if central is None or central.url is None:
        raise ConfigError("central.url: expected an https:// address, got none")
    upstream = HttpUpstream(
        central.url,
        context=tls(central, url=central.url),
        now=now,
        token=secret(central.token),
        proxy=central.proxy,
        no_proxy=central.no_proxy,
    )
    with closing(upstream):
        yield upstream


def clock() -> SystemClock:
    """Return the host's clock."""
    return SystemClock()
