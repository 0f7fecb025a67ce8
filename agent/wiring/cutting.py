"""Cutting: the ledger and the spool of a state folder, and who reports."""

import os
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from agent import __version__
from agent.adapters.identity import host_id
from agent.adapters.store.past import SqlitePast
from agent.adapters.store.spool import SqliteSpool
from agent.config import Config
from agent.core.envelope import Envelope, Resources
from agent.core.reporting import Sender, Sharing, WhenFull
from agent.flows import cut
from agent.ports.reporting import Parcel, Spool
from agent.wiring.places import database
from agent.wiring.reading import daemon_cost


def sender(config: Config) -> Sender:
    """Return who reports, and what the site lets out, by its configuration."""
    agent, sharing, spool = config.agent, config.sharing, config.spool
    return Sender(
        host_id=host_id(),
        agent=__version__,
        labels=agent.labels,
        host_name=os.uname().nodename if sharing.host_name else None,
        sharing=Sharing(sharing.level),
        labelled_bytes_per_day=sharing.labelled_bytes_per_day,
        max_bytes=spool.max_size,
        max_age=timedelta(seconds=spool.max_age),
        when_full=WhenFull(spool.when_full),
    )


def opened_spool(state_dir: Path) -> SqliteSpool:
    """Return the spool of a state folder, its database made or migrated where needed.

    Raises:
        StateError: The folder cannot be used.
    """
    return SqliteSpool.open(database(state_dir))


def cut_now(
    state_dir: Path, spool: Spool, *, host: Sender, now: datetime
) -> Parcel | None:
    """Put a report into the spool; None: nothing leaves, or it was given up at once.

    Raises:
        StateError: The ledger cannot be read or the spool not be written.
    """
    with closing(SqlitePast.open(database(state_dir))) as past:
        return cut.cut(past, spool, host=_with_cost(host, state_dir, now=now), now=now)


def previewed(
    state_dir: Path, spool: Spool, *, host: Sender, now: datetime
) -> Envelope | None:
    """Return what would be put into the spool now; None: nothing may leave.

    Raises:
        StateError: The ledger or the spool cannot be read.
    """
    with closing(SqlitePast.open(database(state_dir))) as past:
        host = _with_cost(host, state_dir, now=now)
        return cut.preview(past, spool, host=host, now=now)


def _with_cost(host: Sender, state_dir: Path, *, now: datetime) -> Sender:
    """Return the sender with what the daemon has cost, if one is at work."""
    cost = daemon_cost(state_dir)
    if cost is None:
        return host
    resources = Resources(
        cpu_s=cost.cpu_s,
        rss_bytes=cost.rss_bytes,
        uptime_s=max(0.0, (now - cost.started_at).total_seconds()),
        threads=cost.threads,
        written_bytes=cost.written_bytes,
    )
    return replace(host, resources=resources)
