"""The daemon: when things happen. What happens is in the flows."""

import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.interval import IntervalTrigger

from agent.config.tables import Config
from agent.core.event import Event, EventName, Field
from agent.errors import ConfigError
from agent.flows.tick import TickResult
from agent.ports import Clock
from agent.wiring.scoring import Scoring

_UPKEEP_S = 3600.0
_COURIER_LIMIT_S = 300.0
_TICK = "tick"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the daemon is given from above.

    Attributes:
        configure: Reads the configuration, at the start and at each SIGHUP; raises
            ConfigError if it is wrong.
        build: Makes the working parts.
        courier: Command of the child process that does all networking.
        clock: Tells the time.
        tell: Takes every event, for the journal.
        show: Takes every tick's result, for a live view.
    """

    configure: Callable[[], Config]
    build: Callable[[Config], Scoring]
    courier: Sequence[str]
    clock: Clock
    tell: Callable[[Event], None]
    show: Callable[[TickResult], None]


class MainThreadScheduler(BaseScheduler):  # type: ignore[misc]
    """A scheduler that runs its jobs one after another in the thread that waits.

    APScheduler's own blocking scheduler hands them to a second thread, which costs its
    own heap and would make the SQLite connection's owner somebody else's business.
    """

    def __init__(self) -> None:
        super().__init__(
            timezone=UTC,
            executors={"default": DebugExecutor()},
            job_defaults={
                "coalesce": True,
                "max_instances": 1,
                # A job that comes late is better than none, and the grid knows.
                "misfire_grace_time": None,
            },
        )
        self._woken = threading.Event()

    def shutdown(self, wait: bool = True) -> None:
        """Forget all jobs; none is running when somebody can call this."""
        super().shutdown(wait)

    def wakeup(self) -> None:
        """Look at the jobs again; safe in a signal handler."""
        self._woken.set()

    def run_next(self) -> None:
        """Run what is due, then wait for the next job or a wake-up."""
        wait_s = self._process_jobs()
        self._woken.wait(wait_s)
        self._woken.clear()


class Daemon:
    """Runs tick, courier and upkeep until a signal ends it; all in one thread."""

    def __init__(self, given: Surroundings) -> None:
        self._given = given
        self._config = given.configure()
        self._parts: Scoring | None = None
        self._courier: subprocess.Popen[bytes] | None = None
        self._courier_since: datetime | None = None
        self._scheduler = MainThreadScheduler()
        self._signals: list[int] = []

    def run(self) -> None:
        """Work until SIGTERM or SIGINT; SIGHUP reads the configuration again.

        When this returns, every tick is committed and no child is left.
        """
        heard = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        before = {number: signal.signal(number, self._hear) for number in heard}
        try:
            self._begin()
            while not self._has_ended():
                self._scheduler.run_next()
        finally:
            self._end()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, _: object) -> None:
        """Note a signal; a running job ends first."""
        self._signals.append(number)
        self._scheduler.wakeup()

    def _has_ended(self) -> bool:
        """Answer the signals that came; return whether one of them ends the daemon."""
        came, self._signals = self._signals, []
        if signal.SIGHUP in came:
            self._reload()
        return signal.SIGTERM in came or signal.SIGINT in came

    def _begin(self) -> None:
        config = self._config
        self._tell(EventName.DAEMON_STARTED, interval_s=float(config.agent.interval))
        self._tick()
        self._send_courier()
        every_s = config.central.update_every
        self._scheduler.add_job(self._tick, self._beat(), id=_TICK)
        self._scheduler.add_job(self._send_courier, _every(every_s))
        self._scheduler.add_job(self._upkeep, _every(_UPKEEP_S))
        self._scheduler.start()

    def _beat(self) -> IntervalTrigger:
        """Return the ticks' trigger: whole multiples of the interval, all hosts alike.

        So an instant never falls between two slots of the grid, whenever the daemon
        was started.
        """
        interval_s = float(self._config.agent.interval)
        now_s = self._given.clock.now().timestamp()
        first = datetime.fromtimestamp((now_s // interval_s + 1) * interval_s, UTC)
        return IntervalTrigger(seconds=interval_s, start_date=first, timezone=UTC)

    def _tick(self) -> None:
        given = self._given
        now = given.clock.now()
        try:
            if self._parts is None:
                self._parts = given.build(self._config)
            result = self._parts.ticker.tick(now)
        except Exception as error:  # noqa: BLE001 - the next tick goes on
            self._tell(EventName.TICK_FAILED, error=f"{type(error).__name__}: {error}")
            return
        for event in result.events:
            given.tell(event)
        given.show(result)
        self._look_after_courier(now)

    def _send_courier(self) -> None:
        """Start the courier, unless one is still on its way."""
        if self._courier is None:
            self._courier_since = self._given.clock.now()
            self._courier = subprocess.Popen(  # noqa: S603 - our own program
                self._given.courier, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )

    def _look_after_courier(self, now: datetime) -> None:
        """Take note of a courier that came back; end one that takes too long."""
        courier, since = self._courier, self._courier_since
        if courier is None or since is None:
            return
        status = courier.poll()
        if status is None and now - since > timedelta(seconds=_COURIER_LIMIT_S):
            courier.kill()
            status = courier.wait()
        if status is None:
            return
        self._courier = None
        if status != 0:
            self._tell(EventName.COURIER_FAILED, status=status)

    def _upkeep(self) -> None:
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
        except ConfigError as error:
            self._tell(EventName.CONFIG_REFUSED, reason=str(error))
            return
        self._close_parts()
        self._config = changed
        self._scheduler.reschedule_job(_TICK, trigger=self._beat())
        self._tell(EventName.CONFIG_RELOADED)

    def _end(self) -> None:
        """Commit, and leave no child behind."""
        self._scheduler.shutdown()
        self._close_parts()
        if self._courier is not None:
            self._courier.terminate()
            self._courier.wait()
        self._tell(EventName.DAEMON_STOPPED)

    def _close_parts(self) -> None:
        if self._parts is None:
            return
        for event in self._parts.ticker.close(self._given.clock.now()):
            self._given.tell(event)
        self._parts.close()
        self._parts = None

    def _tell(self, name: EventName, **fields: Field) -> None:
        self._given.tell(Event(at=self._given.clock.now(), name=name, fields=fields))


def _every(seconds: float) -> IntervalTrigger:
    return IntervalTrigger(seconds=seconds, timezone=UTC)
