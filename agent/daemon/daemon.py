"""The daemon: when things happen. What happens is in the flows."""

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from apscheduler.triggers.interval import IntervalTrigger

from agent.config.tables import Config
from agent.core.event import Event, EventName, Field
from agent.daemon.schedule import MainThreadScheduler, Signals, heard
from agent.daemon.trips import Job, Trips
from agent.errors import ConfigError
from agent.flows.tick import TickResult
from agent.ports import Clock
from agent.wiring.scoring import Scoring

_UPKEEP_S = 3600.0
_HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_TICK, _UPKEEP = "tick", "upkeep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the daemon is given from above.

    Attributes:
        configure: Reads the configuration, at the start and at each SIGHUP; raises
            ConfigError if it is wrong.
        build: Makes the working parts.
        jobs: What the courier does, the child process for all networking.
        draw: Returns a number between 0 and 1, each as likely; anew for each call.
        clock: Tells the time.
        tell: Takes every event, for the journal.
        show: Takes every tick's result, for a live view.
    """

    configure: Callable[[], Config]
    build: Callable[[Config], Scoring]
    jobs: Sequence[Job]
    draw: Callable[[], float]
    clock: Clock
    tell: Callable[[Event], None]
    show: Callable[[TickResult], None]


class Daemon:
    """Runs tick, courier and upkeep until a signal ends it; all in one thread."""

    def __init__(self, given: Surroundings) -> None:
        self._given = given
        self._config = given.configure()
        self._parts: Scoring | None = None
        self._early: list[Event] = []
        self._trips = [Trips(job, draw=given.draw) for job in given.jobs]
        self._scheduler = MainThreadScheduler()
        self._latest = given.clock.now()

    def run(self) -> None:
        """Work until SIGTERM or SIGINT; SIGHUP reads the configuration again.

        When this returns, every tick is committed and no child is left.
        """
        with heard(_HEARD) as signals:
            try:
                self._begin()
                while not self._has_ended(signals):
                    wait_s = self._scheduler.run_due()
                    if not self._has_set_jobs_anew():
                        signals.wait(wait_s)
            finally:
                self._end()

    def _has_ended(self, signals: Signals) -> bool:
        """Answer the signals that came; return whether one of them ends the daemon."""
        came = signals.taken()
        if signal.SIGHUP in came:
            self._reload()
        return signal.SIGTERM in came or signal.SIGINT in came

    def _begin(self) -> None:
        interval_s = float(self._config.agent.interval)
        self._tell(EventName.DAEMON_STARTED, interval_s=interval_s)
        self._tick()
        jobs: dict[str, Callable[[], None]] = {
            _TICK: self._tick,
            _UPKEEP: self._keep_up,
            **{each.job.name: partial(self._send, each) for each in self._trips},
        }
        for name, trigger in self._triggers().items():
            self._scheduler.add_job(jobs[name], trigger, id=name)
        self._scheduler.start()
        for trips in self._trips:
            if trips.job.is_first:
                self._send(trips)

    def _triggers(self) -> dict[str, IntervalTrigger]:
        """Return when each job is due.

        Ticks come at whole multiples of the interval, on all hosts alike: so an instant
        never falls between two slots of the grid, whenever the daemon was started.
        """
        interval_s = float(self._config.agent.interval)
        now_s = self._given.clock.now().timestamp()
        first = datetime.fromtimestamp((now_s // interval_s + 1) * interval_s, UTC)
        beat = IntervalTrigger(seconds=interval_s, start_date=first, timezone=UTC)
        return {
            _TICK: beat,
            _UPKEEP: _every(_UPKEEP_S),
            **{
                each.job.name: _every(each.wait_s(self._config)) for each in self._trips
            },
        }

    def _reschedule(self) -> None:
        for name, trigger in self._triggers().items():
            self._scheduler.reschedule_job(name, trigger=trigger)

    def _has_set_jobs_anew(self) -> bool:
        """Set all jobs anew if the clock went back: they wait for the old time.

        Less than a beat is waited for sooner than a new schedule would begin.
        """
        before, self._latest = self._latest, self._given.clock.now()
        beat = timedelta(seconds=self._config.agent.interval)
        if before - self._latest <= beat:
            return False
        self._reschedule()
        return True

    def _tick(self) -> None:
        given = self._given
        try:
            if self._parts is None:
                self._parts = given.build(self._config)
                early, self._early = self._early, []
                for event in early:
                    self._parts.ticker.note(event)
            result = self._parts.ticker.tick(given.clock.now())
        except Exception as error:  # noqa: BLE001 - the next tick goes on
            self._tell(EventName.TICK_FAILED, error=f"{type(error).__name__}: {error}")
        else:
            for event in result.events:
                given.tell(event)
            given.show(result)
        self._look_after_courier()

    def _send(self, trips: Trips) -> None:
        """Send the courier for a job; one at a time, for each takes its memory."""
        if not trips.job.is_wanted(self._config) or trips.is_out:
            return
        trips.is_due = any(each.is_out for each in self._trips)
        if trips.is_due:
            return
        try:
            trips.begin(self._given.clock.now())
        except OSError as error:
            self._note_trip(trips, str(error))

    def _look_after_courier(self) -> None:
        for trips in self._trips:
            status = trips.came_back(self._given.clock.now())
            if status is not None:
                self._note_trip(trips, status)
        for trips in self._trips:
            if trips.is_due:
                self._send(trips)

    def _note_trip(self, trips: Trips, how: int | str) -> None:
        """Tell how the courier came back, if that is news; plan when it goes next."""
        name = trips.job.name
        if trips.ended(how):
            kind = "status" if isinstance(how, int) else "error"
            self._tell(EventName.COURIER_FAILED, job=name, **{kind: how})
        trigger = _every(trips.wait_s(self._config))
        self._scheduler.reschedule_job(name, trigger=trigger)

    def _keep_up(self) -> None:
        if self._parts is None:
            return
        store = self._config.store
        try:
            trimmed = self._parts.ledger.trim(
                now=self._given.clock.now(), keep_s=store.keep, max_bytes=store.max_size
            )
        except Exception as error:  # noqa: BLE001 - the ticks go on
            self._tell(EventName.COMMIT_FAILED, reason=f"upkeep: {error}")
            return
        if trimmed.samples or trimmed.moments:
            self._tell(
                EventName.STORE_TRIMMED,
                samples=trimmed.samples,
                moments=trimmed.moments,
            )

    def _reload(self) -> None:
        """Take over a changed configuration; a wrong one changes nothing."""
        try:
            changed = self._given.configure()
            _check_same_place(changed, self._config)
        except ConfigError as error:
            self._tell(EventName.CONFIG_REFUSED, reason=str(error))
            return
        if self._parts is not None and self._parts.ticker.cannot_commit:
            waits = "ticks wait to be written; mend the disk, then reload again"
            self._tell(EventName.CONFIG_REFUSED, reason=waits)
            return
        self._close_parts()
        self._config = changed
        self._reschedule()
        self._tell(EventName.CONFIG_RELOADED)

    def _end(self) -> None:
        """Commit, and leave no child behind."""
        if self._scheduler.running:
            self._scheduler.shutdown()
        self._close_parts()
        for trips in self._trips:
            trips.end()
        self._tell(EventName.DAEMON_STOPPED)

    def _close_parts(self) -> None:
        if self._parts is None:
            return
        for event in self._parts.ticker.close(self._given.clock.now()):
            self._given.tell(event)
        if self._parts.ticker.cannot_commit:
            self._tell(EventName.COMMIT_FAILED, reason="what was held back is lost")
        self._parts.close()
        self._parts = None

    def _tell(self, name: EventName, **fields: Field) -> None:
        event = Event(at=self._given.clock.now(), name=name, fields=fields)
        self._given.tell(event)
        if self._parts is None:
            self._early.append(event)
        else:
            self._parts.ticker.note(event)


def _check_same_place(changed: Config, config: Config) -> None:
    """Raise ConfigError if the state folder changed: only this one is locked."""
    there, here = changed.agent.state_dir, config.agent.state_dir
    if there != here:
        raise ConfigError(
            f"agent.state_dir: expected {here} until the daemon is started anew, "
            f"got {there}"
        )


def _every(seconds: float) -> IntervalTrigger:
    return IntervalTrigger(seconds=seconds, timezone=UTC)
