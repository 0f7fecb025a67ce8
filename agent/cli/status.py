"""`forewarn status`: how this host's forecasts do; first what is not well."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import click
import msgspec

from agent import __version__
from agent.adapters.store.answers import Recorded
from agent.cli.guard import (
    SILENT,
    Tested,
    guard_problems,
    guard_status,
    guard_text,
)
from agent.cli.options import config_option, json_option, state_dir_option
from agent.cli.output import emit, instant_text
from agent.cli.scores import Score, scores, scores_text
from agent.cli.spool import SpoolStatus, spool_problems, spool_status, spool_text
from agent.cli.state import opened
from agent.cli.tasks import TaskAtWork, at_work, tasks_text
from agent.cli.trust import TrustStatus, trust_problems, trust_status, trust_text
from agent.config import Config
from agent.core.event import EventName, Level
from agent.core.moment import Role
from agent.core.quantity import duration_text, size_text
from agent.ports import OwnCost
from agent.ports.reporting import SpoolSize
from agent.wiring.reading import Archive, daemon_cost, spool_at
from agent.wiring.scoring import clock

_FINDINGS_STATUS = 3
_LATE_TICKS = 3
_RECENT = timedelta(hours=1)
_EVENTS = 10_000
# What tells that a release does not work, and which of its fields names the release.
_UNUSABLE: dict[str, str] = {
    EventName.RELEASE_UNUSABLE: "digest",
    EventName.SCORING_FAILED: "release",
}


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """What is committed.

    Attributes:
        samples: Rows of metrics; `moments` predictions, `open` of them not yet due.
        outcomes: Moments with an outcome, by its kind.
        last_sample_at: The newest committed sample's instant.
        size_bytes: On disk.
    """

    samples: int
    moments: int
    open: int
    outcomes: dict[str, int]
    last_sample_at: datetime | None
    size_bytes: int


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that `status` says.

    Attributes:
        agent: This program's version.
        at: When it was asked.
        is_well: Whether there is nothing to act upon; if not, `findings` says what.
        is_running: Whether a daemon holds the state folder.
        cost: What that daemon has cost so far; None if it does not run.
        guard: The tests that run on the releases at work.
        trust: How this host stands with its repository.
        reports: How it stands with what goes to central.
    """

    agent: str
    at: datetime
    state_dir: str
    is_well: bool
    findings: list[str]
    is_running: bool
    cost: OwnCost | None
    tasks: list[TaskAtWork]
    scorecards: list[Score]
    guard: list[Tested]
    ledger: Ledger
    trust: TrustStatus
    reports: SpoolStatus


@click.command("status")
@config_option
@state_dir_option
@json_option
def status(config_path: Path | None, state_dir: Path | None, as_json: bool) -> int:
    """Show what is predicted here, how good it was, and what it costs.

    Works while the daemon runs and while it does not. What is not well comes first,
    and makes the exit status 3.

    \b
    Of the scorecards' columns:
      Brier    mean squared error of the probabilities; 0 is best
      vs base  how much of the baseline's error it saves; below 0 % it is worse
      calib.   mean distance of what was said and what came; 0 % is best
      prec.    share of its alarms that came true
      recall   share of what happened that had an alarm
      lead     from the alarm to the event, the median

    \b
    Of the guard's:
      evidence  1 and below is none; from what it "needs" on the answer is yes
      loss      of the release, 0..1, beside that of the other and up to what it may
      over      how many predictions these are means of: since it lost more than it may
      episodes  how many times an event began while it was tested
    """  # noqa: D301 - click keeps the lines after a real backspace
    with opened(config_path, state_dir) as (config, archive):
        with spool_at(config.agent.state_dir) as spool:
            size = spool.size()
        found = _status(config, archive, size, now=clock().now())
    emit(found, as_json=as_json, text=_text(found))
    return 0 if found.is_well else _FINDINGS_STATUS


def _status(
    config: Config, archive: Archive, size: SpoolSize, *, now: datetime
) -> Status:
    ledger = _ledger(archive)
    cost = daemon_cost(config.agent.state_dir)
    tasks = at_work(archive, config.tasks, interval_s=config.agent.interval)
    events = archive.events(limit=_EVENTS)
    trust = trust_status(archive.trust(), now=now)
    reports = spool_status(config, size, events)
    lineups = [task.lineup() for task in tasks]
    problems = [
        *_problems(config, ledger, tasks, is_running=cost is not None, now=now),
        *_unusable(archive, tasks, events),
        *guard_problems(archive, lineups, now=now),
        *_failures(events, now),
        *trust_problems(trust, now=now),
        *spool_problems(reports, config=config, now=now),
        *(
            f"{c.task}: not taken in: {c.refusal}"
            for c in archive.channels()
            if c.refusal
        ),
    ]
    return Status(
        agent=__version__,
        at=now,
        state_dir=str(config.agent.state_dir),
        is_well=not problems,
        findings=problems,
        is_running=cost is not None,
        cost=cost,
        tasks=tasks,
        scorecards=scores(archive),
        guard=guard_status(archive, lineups, now=now),
        ledger=ledger,
        trust=trust,
        reports=reports,
    )


def _ledger(archive: Archive) -> Ledger:
    counts, last = archive.counts(), archive.last_sample()
    return Ledger(
        samples=counts.samples,
        moments=counts.moments,
        open=counts.open_moments,
        outcomes=dict(counts.resolved),
        last_sample_at=None if last is None else last.at,
        size_bytes=archive.size_bytes(),
    )


def _problems(
    config: Config,
    ledger: Ledger,
    tasks: list[TaskAtWork],
    *,
    is_running: bool,
    now: datetime,
) -> Iterator[str]:
    """Yield what is not well, as one line each."""
    if not is_running:
        yield "the daemon is not running: nothing is sampled or predicted"
    elif ledger.last_sample_at is not None:
        quiet_s = (now - ledger.last_sample_at).total_seconds()
        usual_s = config.store.commit_every + _LATE_TICKS * config.agent.interval
        if quiet_s > usual_s:
            ago = duration_text(quiet_s)
            yield f"the daemon runs, but its last committed sample is {ago} old"
    if not tasks:
        yield "no release was taken in yet: nothing is predicted"


def _unusable(
    archive: Archive, tasks: list[TaskAtWork], events: list[Recorded]
) -> Iterator[str]:
    """Yield each release at work that does not work, for as long as that lasts.

    An event tells when it began; that the newest prediction is without it tells that
    it has not ended.
    """
    for task in tasks:
        for role, digest in task.lineup().roles():
            told = next((e for e in events if _is_about(e, digest)), None)
            if told is None or _speaks(archive, task.task, role=role, since=told.at):
                continue
            speaks = told.fields.get("speaks", "the baseline")
            so = f", {speaks} speaks" if role is Role.ACTIVE else ""
            yield (
                f"{task.task}: the {role} release {digest[:12]} does not work{so} "
                f"({told.name} at {instant_text(told.at)}): {told.fields['reason']}"
            )


def _is_about(event: Recorded, digest: str) -> bool:
    """Return whether an event tells that this release cannot do its work."""
    return event.fields.get(_UNUSABLE.get(event.name, "")) == digest[:12]


def _speaks(archive: Archive, task: str, *, role: Role, since: datetime) -> bool:
    """Return whether a task's newest prediction since then has a role's score."""
    newest = archive.moments(task=task, since=since, limit=1)
    return any(moment.by(role) for moment, _ in newest)


_MENDED_BY: dict[str, set[str]] = {
    EventName.CONFIG_RELOADED: {EventName.CONFIG_REFUSED},
    EventName.DAEMON_STARTED: {EventName.CONFIG_REFUSED, EventName.TICK_FAILED},
    EventName.COMMIT_RECOVERED: {EventName.COMMIT_FAILED},
}


def _failures(events: list[Recorded], now: datetime) -> Iterator[str]:
    """Yield each kind of error of the last hour once, the newest of it."""
    seen: set[str] = {
        *_UNUSABLE,
        EventName.RELEASE_ROLLED_BACK,
        EventName.REPORT_SET_ASIDE,  # told for as long as it is there
    }
    for event in events:
        # Newest first: what mended it comes before what it mended.
        seen |= _MENDED_BY.get(event.name, set())
        is_recent = event.at >= now - _RECENT
        if is_recent and event.level == Level.ERROR and event.name not in seen:
            seen.add(event.name)
            facts = " ".join(f"{key}={value}" for key, value in event.fields.items())
            yield f"{event.name} at {instant_text(event.at)}: {facts}"


def _text(found: Status) -> str:
    head = "well" if found.is_well else "not well"
    first = [f"forewarn {found.agent}: {head}"]
    first += [f"  ! {problem}" for problem in found.findings]
    last = [
        _ledger_text(found.ledger),
        trust_text(found.trust),
        spool_text(found.reports),
        _cost_text(found.cost, found.at),
    ]
    scored = scores_text(found.scorecards)
    guarded = "\n".join(filter(None, [guard_text(found.guard), _silent(found.tasks)]))
    tasked = tasks_text(found.tasks)
    parts = ["\n".join(first), tasked, scored, guarded, "\n".join(last)]
    return "\n\n".join(part for part in parts if part)


def _silent(tasks: list[TaskAtWork]) -> str | None:
    """Return who is not heard, as one line; None: nobody."""
    names = [f"{t.task} v{t.version}" for t in tasks if t.is_heard is False]
    return f"silent, as {SILENT}: {', '.join(names)}" if names else None


def _ledger_text(ledger: Ledger) -> str:
    kinds = ", ".join(
        f"{count:,} {kind.replace('_', ' ')}" for kind, count in ledger.outcomes.items()
    )
    last = ledger.last_sample_at
    return (
        f"ledger: {ledger.samples:,} samples"
        f"{f', the last at {instant_text(last)}' if last else ''}; "
        f"{ledger.moments:,} predictions, {ledger.open:,} open"
        f"{f'; {kinds}' if kinds else ''}; {size_text(ledger.size_bytes)}"
    )


def _cost_text(cost: OwnCost | None, now: datetime) -> str:
    if cost is None:
        return "daemon: not running"
    lasted_s = (now - cost.started_at).total_seconds()
    return (
        f"daemon: process {cost.pid}, up {duration_text(lasted_s)}, "
        f"{100 * cost.cpu_s / max(lasted_s, 1):.2f} % CPU, "
        f"{size_text(cost.rss_bytes)} memory, {cost.threads} threads"
    )
