"""What is done by hand about hosts: who may report, and reports that come by file."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from agent.errors import ConfigError
from central.adapters.carried import carried
from central.adapters.chance import new_secret
from central.adapters.clock import SystemClock
from central.adapters.repository.files import write
from central.config import read_fleet
from central.core.standing import Standing, standing
from central.flows.admit import digest, is_host_id
from central.flows.receive import Receiving, receive
from central.ports.fleet import HostRow
from central.wiring.fleet import OpenFleet, opened_fleet
from central.wiring.place import check_is_central

# Some 100 bytes a report, of which some thousands may wait.
_MAX_MANIFEST_BYTES: Final = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownHost:
    """A host, and how it stands."""

    row: HostRow
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinToken:
    """What hosts enrol with; shown this once.

    Attributes:
        host_id: Whom alone it lets in; None: any host that is not enrolled yet.
    """

    token: str
    expires_at: datetime
    uses: int
    host_id: str | None


def known_hosts(folder: Path) -> tuple[KnownHost, ...]:
    """Return every host that central knows, by id.

    Raises:
        ConfigError: `fleet.toml` says what cannot be.
        UnavailableError: The database cannot be had now.
        StateError: It is damaged, closed to this user, or of a newer schema.
    """
    now = SystemClock().now()
    with _opened(folder) as state:
        return tuple(
            KnownHost(
                row=row,
                standing=standing(
                    reported_at=row.reported_at, revoked_at=row.revoked_at, now=now
                ),
            )
            for row in state.fleet.hosts()
        )


def new_join_token(
    folder: Path, *, name: str, uses: int, lasts: timedelta, host_id: str | None
) -> JoinToken:
    """Return a new token by which so many hosts may enrol; raises as `known_hosts`.

    Raises:
        ConfigError: No host can be called `host_id`.
    """
    if host_id is not None:
        _check_host_id(host_id)
    token, expires_at = new_secret(), SystemClock().now() + lasts
    with _opened(folder) as state:
        state.enrolment.add_join_token(
            digest(token),
            name=name,
            expires_at=expires_at,
            uses=uses,
            host_id=host_id,
        )
    return JoinToken(token=token, expires_at=expires_at, uses=uses, host_id=host_id)


def revoke(folder: Path, host_id: str) -> bool:
    """Let a host in no more, whatever it shows; return whether central knew it.

    One that central never heard of may hold a certificate.

    Raises:
        ConfigError: No host can be called so.
    """
    _check_host_id(host_id)
    with _opened(folder) as state:
        return state.enrolment.revoke(host_id, now=SystemClock().now())


def received(folder: Path, archive: Path, *, receipt: Path) -> Receiving:
    """Take in reports that were carried here, and write the receipt for their host.

    Raises:
        ReportError: It is no archive of a host's that may report.
        UnavailableError: The database cannot be had now; the same archive may be taken
            in again.
    """
    limits = read_fleet(folder).serve
    with _opened(folder) as state:
        done = receive(
            carried(archive, limit=max(limits.max_report, _MAX_MANIFEST_BYTES)),
            reports=state.reports,
            enrolment=state.enrolment,
            max_unpacked=limits.max_unpacked,
            now=SystemClock().now(),
        )
    write(receipt, msgspec.json.encode(done.receipt))
    return done


def _check_host_id(host_id: str) -> None:
    if not is_host_id(host_id):
        raise ConfigError(
            "expected the id of a host, as `forewarn facts` tells it there, got "
            f"{host_id[:64]!r}"
        )


def _opened(folder: Path) -> OpenFleet:
    check_is_central(folder)
    return opened_fleet(folder)
