"""What the autopilot works with, in memory: a fleet, its plans, a log, a retrainer."""

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from agent.core.accounts import LAMBDAS
from agent.core.envelope import LineUpReport, Placed, ToldEvent, TrialReport
from agent.core.event import EventName
from agent.core.fleet_row import UNIT, FleetRow
from agent.core.release import ReleaseState
from agent.errors import UnavailableError
from central.core.autopilot import Made, Outcome
from central.core.log import entry_after, line_of, read_chain
from central.ports.fleet import HostRow, SampleCount

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICKS, EVERY_S = 60, 60.0


class MemoryPlans:
    """Keeps plans; a transaction keeps all or nothing."""

    def __init__(self):
        self.documents = {}
        self.is_busy = False
        self._pending = None

    @contextmanager
    def transaction(self):
        if self.is_busy:
            raise UnavailableError("another autopilot is at work; try again")
        self._pending = {}
        try:
            yield
            self.documents |= self._pending
        finally:
            self._pending = None

    def plan(self, task):
        return (self._pending or {}).get(task) or self.documents.get(task)

    def set_plan(self, task, document):
        assert self._pending is not None
        self._pending[task] = document


class MemoryLog:
    """Keeps the log as its bytes."""

    def __init__(self):
        self.document = b""

    def add(self, deed, *, at):
        last = self.chain().last
        entry = entry_after(last, deed, user="fake", sudo_user=None, at=at)
        self.document += line_of(entry) + b"\n"
        return entry

    def chain(self):
        return read_chain(self.document)

    def actions(self):
        return [str(entry.action) for entry in self.chain().entries]


class FixedRetrainer:
    """Says what it was told to; `publish` signs a release first."""

    def __init__(self, publish=None):
        self.publish = publish
        self.calls = []
        self.answer = Made(outcome=Outcome.NOT_YET, reasons=("too few",))

    def retrain(self, task, *, now):
        self.calls.append(task)
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer.outcome is Outcome.PUBLISHED:
            self.publish()
        return self.answer


@dataclass
class FakeHost:
    """A host: what runs there, and how good the release on trial is.

    `excess`: the mean x a tick of its bets on harm; `merit` of those on merit.
    """

    host_id: str
    active: str = ""
    state: ReleaseState = ReleaseState.CONFIRMED
    shadow: str = ""
    cluster: str = ""
    excess: float = 0.0
    merit: float = 0.0
    is_silent: bool = False
    is_pinned: bool = False
    rows: dict = field(default_factory=dict)


class MemoryFleet:
    """What hosts said, as the port `Fleet` and `Counting` tell of it."""

    def __init__(self, task="cpu-busy"):
        self.task = task
        self.machines = {}
        self.told = []
        self.count_of = SampleCount(rows=0, events=0)
        self.drifts = {}
        self.reported_at = START
        self.totals_of = ()
        self.revoked = set()

    def add(self, host):
        self.machines[host.host_id] = host

    def hosts(self):
        return tuple(
            HostRow(
                host_id=name,
                agent="1",
                labels={"cluster": host.cluster} if host.cluster else {},
                host_name=None,
                enrolled_at=None,
                revoked_at=START if name in self.revoked else None,
                reported_at=self.reported_at,
                received_through=1,
                holes=(),
            )
            for name, host in sorted(self.machines.items())
        )

    def line_ups(self, task=None):
        return {name: (self._line_up(host),) for name, host in self.machines.items()}

    def _line_up(self, host):
        version = 1
        is_confirmed = host.active and host.state is ReleaseState.CONFIRMED
        return LineUpReport(
            task=self.task,
            active=Placed(digest=host.active, version=version, state=host.state)
            if host.active
            else None,
            shadow=Placed(
                digest=host.shadow, version=version, state=ReleaseState.SHADOW
            )
            if host.shadow
            else None,
            confirmed_running=host.active if is_confirmed else None,
            is_pinned=host.is_pinned,
        )

    def trials(self, task, *, digest, after):
        return tuple(
            TrialReport(
                task=task,
                digest=digest,
                ticks=TICKS,
                score_every_s=EVERY_S,
                row=row,
            )
            for host in self.machines.values()
            for (of, block), row in host.rows.items()
            if of == digest and block > after
        )

    def events(self, *, host_id=None, names=(), since=None):
        return tuple(
            (host, event)
            for host, event in self.told
            if event.name in names and (since is None or event.at >= since)
        )

    def drift(self, task):
        return self.drifts

    def totals(self, *, task=None, since=None):
        return self.totals_of

    def count(self, task, *, since):
        return self.count_of

    def rolls_back(self, host, digest, *, at, **fields):
        self.told.append(
            (
                host,
                ToldEvent(
                    id=len(self.told) + 1,
                    at=at,
                    name=EventName.RELEASE_ROLLED_BACK,
                    fields={"task": self.task, "digest": digest[:12], **fields},
                ),
            )
        )


def row_of(
    host, version, block, *, excess=0.0, merit=0.0, episodes=1, losses=(50, 100)
):
    """Return what a host saw in a fleet block: mean x a tick, and mean losses in %."""
    own, reference = losses
    return FleetRow(
        host,
        version,
        block,
        n=TICKS,
        active=own * TICKS * UNIT // 100,
        reference=reference * TICKS * UNIT // 100,
        episodes=episodes,
        harm=(round(excess * TICKS * UNIT),) * len(LAMBDAS),
        merit=(round(merit * TICKS * UNIT),) * len(LAMBDAS),
    )


def block_of(at):
    """Return the number of the fleet block at an instant."""
    return int(at.timestamp() // (TICKS * EVERY_S))
