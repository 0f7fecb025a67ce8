"""A fleet in virtual time: hosts that report, and a central that is away for a while.

The hosts' cut, send and pace, and central's ingest and database, are the product's own.
Only the ledger of a host is none: it tells of one event an hour, by which one sees at
central that each was told, and once.
"""

import heapq
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from agent.core.event import Event, EventName
from agent.core.pace import MOST_A_ROUND, is_due, report_wait_s
from agent.core.reporting import Sender, read_state
from agent.core.trust import Trust
from agent.daemon.rounds import Rounds
from agent.flows.cut import cut
from agent.flows.send import send
from agent.ports.reporting import Later, Refused, Taken
from central.adapters.database import Database, SqlFleet, SqlReports
from central.core.answer import Answer
from central.flows.ingest import read_report, store
from tests.fakes.spool import MemorySpool
from tests.fakes.told import START

HOUR_S = 3600.0
MINUTE_S = 60.0
MAX_UNPACKED = 1_000_000
# As the courier ends: 69, central cannot be reached; 75, it said when to come again.
UNREACHABLE, TRY_LATER = 69, 75


@dataclass(frozen=True, kw_only=True)
class Course:
    """What happens, in hours since the beginning.

    Attributes:
        away: From when to when central cannot be had.
        ends: When the last report is cut; then all that waits is sent.
        is_refusing: Central answers that it has no time, instead of not at all.
        lost_share: Of answers, which never reach the host though all was stored.
    """

    agents: int
    away: tuple[float, float] = (3.0, 3.5)
    ends: float = 8.0
    is_refusing: bool = False
    lost_share: float = 0.02
    seed: int = 1


@dataclass(frozen=True, kw_only=True)
class Lived:
    """What came of it.

    Attributes:
        told: Events that the hosts told of.
        lost: Those that central does not have.
        doubled: Those that it has more than once.
        reports: What central has, by host.
        repeated: Reports that came again, and were not stored again.
        mean_a_minute: Requests before the outage.
        peak_a_minute: The most in any minute after it.
        by_minute: Requests that central answered.
    """

    told: int
    lost: int
    doubled: int
    reports: int
    holes: int
    repeated: int
    waiting: int
    mean_a_minute: float
    peak_a_minute: int
    by_minute: Counter

    @property
    def peak_by_mean(self):
        return self.peak_a_minute / self.mean_a_minute


def lived(url, course):
    """Let a fleet live through a course on a database; return what came of it."""
    with Database.open(url) as database:
        central = Central(SqlReports(database), course)
        agents = [Agent(number, central, course) for number in range(course.agents)]
        _live(agents, course)
        for agent in agents:
            agent.drain(course.ends * HOUR_S)
        return _seen(agents, central, SqlFleet(database), course)


def _live(agents, course):
    due = [(agent.wait_s(), number) for number, agent in enumerate(agents)]
    heapq.heapify(due)
    while due and due[0][0] < course.ends * HOUR_S:
        now_s, number = heapq.heappop(due)
        agents[number].round(now_s)
        heapq.heappush(due, (now_s + agents[number].wait_s(), number))


def _seen(agents, central, fleet, course):
    told = {(agent.host_id, number) for agent in agents for number in agent.told()}
    stored = Counter((host_id, event.id) for host_id, event in fleet.events())
    rows = fleet.hosts()
    begins, ends = (round(60 * hour) for hour in course.away)
    before = [central.by_minute[minute] for minute in range(60, begins)]
    last = round(60 * course.ends)
    after = [central.by_minute[minute] for minute in range(ends, last)]
    return Lived(
        told=len(told),
        lost=len(told - set(stored)),
        doubled=sum(count - 1 for count in stored.values()),
        reports=sum(row.received_through for row in rows),
        holes=sum(len(row.holes) for row in rows),
        repeated=central.repeated,
        waiting=sum(agent.spool.size().waiting for agent in agents),
        mean_a_minute=sum(before) / len(before),
        peak_a_minute=max(after),
        by_minute=central.by_minute,
    )


class Central:
    """The real ingest, as hosts see it over a network that loses answers."""

    def __init__(self, reports, course):
        self.by_minute = Counter()
        self.repeated = 0
        self.is_over = False
        self._reports = reports
        self._course = course
        self._rng = np.random.default_rng(course.seed)

    def answer(self, parcel, *, host_id, now_s):
        begins, ends = (hour * HOUR_S for hour in self._course.away)
        if begins <= now_s < ends:
            return self._away(now_s)
        self.by_minute[int(now_s // MINUTE_S)] += 1
        answer = self._ingested(parcel.body, host_id=host_id, now_s=now_s)
        self.repeated += answer.verdict == "repeated"
        if not self.is_over and self._rng.random() < self._course.lost_share:
            return Later(reason="the answer was lost")
        if answer.is_refusal:
            return Refused(
                status=answer.status,
                reason=answer.reason,
                received_through=answer.received_through,
            )
        return Taken(received_through=answer.received_through)

    def _away(self, now_s):
        if not self._course.is_refusing:
            return Later(reason="connection refused")
        self.by_minute[int(now_s // MINUTE_S)] += 1
        return Later(reason="503", after_s=30.0)

    def _ingested(self, body, *, host_id, now_s):
        now = START + timedelta(seconds=now_s)
        read = read_report(body, host_id=host_id, max_unpacked=MAX_UNPACKED, now=now)
        if isinstance(read, Answer):
            return read
        return store([read], reports=self._reports)[0]


class Agent:
    """A host: its spool, and the daemon's rounds."""

    def __init__(self, number, central, course):
        self.host_id = f"host-{number:06}"
        self.spool = MemorySpool()
        rng = np.random.default_rng([course.seed, number])
        self._rounds = Rounds(rng.random, pace=report_wait_s)
        self._past = HourlyPast()
        self._sender = Sender(agent="1.0", host_id=self.host_id)
        self._central = central
        self._now_s = 0.0

    def wait_s(self):
        return self._rounds.wait_s(HOUR_S)

    def round(self, now_s):
        """Do as the courier does, and let the daemon count how it came back."""
        self._now_s = now_s
        now = START + timedelta(seconds=now_s)
        end = read_state(self.spool.state()).end
        since_s = None if end is None else (now - end).total_seconds()
        if is_due(HOUR_S, since_s=since_s):
            cut(self._past.at(now_s), self.spool, host=self._sender, now=now)
        sent = send(self.spool, self, now=now, limit=MOST_A_ROUND)
        if sent.later is None:
            self._rounds.ended(0, has_backlog=sent.waiting > 0)
        elif sent.later.after_s is None:
            self._rounds.ended(UNREACHABLE)
        else:
            self._rounds.ended(TRY_LATER, after_s=sent.later.after_s)

    def drain(self, now_s):
        """Send all that waits; no answer is lost any more."""
        self._now_s, self._central.is_over = now_s, True
        send(self.spool, self, now=START + timedelta(seconds=now_s), limit=1000)

    def told(self):
        """Return the numbers of the events that were told."""
        return range(1, read_state(self.spool.state()).event + 1)

    def send(self, parcel):
        return self._central.answer(parcel, host_id=self.host_id, now_s=self._now_s)


class HourlyPast:
    """A ledger of one event an hour, and nothing else."""

    def __init__(self):
        self._now_s = 0.0

    def at(self, now_s):
        self._now_s = now_s
        return self

    def events(self, *, after, limit):
        count = int(self._now_s // HOUR_S) + 1
        return [
            (number, self._event(number)) for number in range(after + 1, count + 1)
        ][:limit]

    def lineups(self):
        return ()

    def releases(self):
        return ()

    def cards(self, *, since):
        return {}

    def evidence(self, *, since):
        return ()

    def memories(self):
        return {}

    def oldest_open(self):
        return {}

    def known_until(self):
        return None

    def missing(self, *, since):
        return {}

    def trust(self):
        return Trust()

    def refusals(self):
        return {}

    def _event(self, number):
        at = START + timedelta(hours=number - 1)
        return Event(at=at, name=EventName.UPDATE_FINISHED, fields={})
