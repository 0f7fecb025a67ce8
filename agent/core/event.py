"""Events of the journal and the audit log: one table of names."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

Field = str | int | float | bool | None


class Level(StrEnum):
    """Who should look: ERROR a person, WARNING it mends itself, INFO a change."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    DEBUG = "debug"


class EventName(StrEnum):
    """Noun and past verb; what each means stands in `EVENTS`."""

    DAEMON_STARTED = "daemon_started"
    DAEMON_STOPPED = "daemon_stopped"
    CONFIG_RELOADED = "config_reloaded"
    CONFIG_REFUSED = "config_refused"
    COLLECTOR_FAILED = "collector_failed"
    COLLECTOR_RECOVERED = "collector_recovered"
    CLOCK_WENT_BACK = "clock_went_back"
    COMMIT_FAILED = "commit_failed"
    COMMIT_RECOVERED = "commit_recovered"
    TICK_FAILED = "tick_failed"
    LINEUP_CHANGED = "lineup_changed"
    RELEASE_ADMITTED = "release_admitted"
    RELEASE_ACTIVATED = "release_activated"
    RELEASE_PROMOTED = "release_promoted"
    RELEASE_CONFIRMED = "release_confirmed"
    RELEASE_HEARD = "release_heard"
    RELEASE_RECALLED = "release_recalled"
    RELEASE_PINNED = "release_pinned"
    RELEASE_UNPINNED = "release_unpinned"
    RELEASE_CLEARED = "release_cleared"
    RELEASE_REFUSED = "release_refused"
    RELEASE_WITHDRAWN = "release_withdrawn"
    RELEASE_UNUSABLE = "release_unusable"
    RELEASE_CRASHED = "release_crashed"
    RELEASE_ROLLED_BACK = "release_rolled_back"
    RELEASE_REJECTED = "release_rejected"
    VERDICT_HELD = "verdict_held"
    GUARD_RENEWED = "guard_renewed"
    PREDICTION_LABELLED = "prediction_labelled"
    REQUEST_REFUSED = "request_refused"
    MODEL_RESTORED = "model_restored"
    SCORING_FAILED = "scoring_failed"
    SCORING_RECOVERED = "scoring_recovered"
    TASK_SKIPPED = "task_skipped"
    UPDATE_FINISHED = "update_finished"
    UPDATE_FAILED = "update_failed"
    COURIER_FAILED = "courier_failed"
    REPOSITORY_PREPARED = "repository_prepared"
    STORE_TRIMMED = "store_trimmed"
    REPORT_SENT = "report_sent"
    REPORT_FAILED = "report_failed"
    REPORT_SET_ASIDE = "report_set_aside"
    REPORTS_DROPPED = "reports_dropped"
    REPORTS_RENUMBERED = "reports_renumbered"
    REPORTS_EXPORTED = "reports_exported"


EVENTS: dict[EventName, tuple[Level, str]] = {
    EventName.DAEMON_STARTED: (Level.INFO, "the daemon began to collect"),
    EventName.DAEMON_STOPPED: (Level.INFO, "the daemon ended; all ticks are committed"),
    EventName.CONFIG_RELOADED: (Level.INFO, "a changed configuration took effect"),
    EventName.CONFIG_REFUSED: (
        Level.ERROR,
        "the configuration on disk is wrong; the last working one stays",
    ),
    EventName.COLLECTOR_FAILED: (
        Level.WARNING,
        "a collector began to fail; its metrics are gaps",
    ),
    EventName.COLLECTOR_RECOVERED: (Level.INFO, "a failing collector works again"),
    EventName.CLOCK_WENT_BACK: (
        Level.WARNING,
        "the clock went back; the window is empty and open moments are void",
    ),
    EventName.COMMIT_FAILED: (
        Level.ERROR,
        "the ledger could not be written; ticks are held back and tried again",
    ),
    EventName.COMMIT_RECOVERED: (
        Level.WARNING,
        "what was held back is written, but for so many ticks that were given up",
    ),
    EventName.TICK_FAILED: (Level.ERROR, "a tick raised; the next one goes on"),
    EventName.LINEUP_CHANGED: (Level.INFO, "a task's releases changed"),
    EventName.RELEASE_ADMITTED: (Level.INFO, "a verified release was taken in"),
    EventName.RELEASE_ACTIVATED: (Level.INFO, "a release is now acted upon"),
    EventName.RELEASE_PROMOTED: (
        Level.INFO,
        "the shadow is now acted upon, on probation; what was active stands by",
    ),
    EventName.RELEASE_CONFIRMED: (
        Level.INFO,
        "a release passed its probation: no evidence of harm for long enough",
    ),
    EventName.RELEASE_HEARD: (
        Level.INFO,
        "a release was shown to be as good as the baseline; it may raise alerts now",
    ),
    EventName.RELEASE_RECALLED: (Level.INFO, "the standby is acted upon again"),
    EventName.RELEASE_PINNED: (
        Level.INFO,
        "an operator wants a release to stay, whatever the evidence says",
    ),
    EventName.RELEASE_UNPINNED: (Level.INFO, "evidence decides on a task again"),
    EventName.RELEASE_CLEARED: (
        Level.INFO,
        "an operator let a release out of quarantine; it may be taken in again",
    ),
    EventName.RELEASE_REFUSED: (
        Level.WARNING,
        "an offer was not taken, with the reason",
    ),
    EventName.RELEASE_WITHDRAWN: (
        Level.WARNING,
        "operations took a release at work back; what stands by speaks",
    ),
    EventName.MODEL_RESTORED: (
        Level.INFO,
        "the missing model of a release at work was fetched and verified again",
    ),
    EventName.RELEASE_UNUSABLE: (
        Level.ERROR,
        "a release at work was not loaded: why, and who speaks instead",
    ),
    EventName.RELEASE_CRASHED: (
        Level.WARNING,
        "the last daemon died while this release was loading or scoring",
    ),
    EventName.RELEASE_ROLLED_BACK: (
        Level.ERROR,
        "a release was taken off for good on this host: why, and who speaks instead",
    ),
    EventName.VERDICT_HELD: (
        Level.WARNING,
        "the guard would act on a release, but an operator has pinned it",
    ),
    EventName.GUARD_RENEWED: (
        Level.INFO,
        "a test began anew under changed terms; the evidence so far is laid aside",
    ),
    EventName.PREDICTION_LABELLED: (
        Level.INFO,
        "an operator said what came of a prediction",
    ),
    EventName.REQUEST_REFUSED: (
        Level.WARNING,
        "what an operator asked for was turned down, with the reason",
    ),
    EventName.RELEASE_REJECTED: (
        Level.WARNING,
        "a release in the shadow was taken off for good: worse, or at fault",
    ),
    EventName.SCORING_FAILED: (Level.WARNING, "a release began to fail at scoring"),
    EventName.SCORING_RECOVERED: (Level.INFO, "a failing release scores again"),
    EventName.TASK_SKIPPED: (Level.WARNING, "a task cannot work on this host"),
    EventName.UPDATE_FINISHED: (Level.INFO, "the repository was checked; what came"),
    EventName.UPDATE_FAILED: (Level.WARNING, "the repository could not be checked"),
    EventName.COURIER_FAILED: (Level.WARNING, "the courier died or ran out of time"),
    EventName.REPOSITORY_PREPARED: (
        Level.INFO,
        "a local signed repository was made for standalone use",
    ),
    EventName.STORE_TRIMMED: (Level.INFO, "old rows were dropped to keep the limits"),
    EventName.REPORT_SENT: (
        Level.INFO,
        "central has what was reported; how much waits",
    ),
    EventName.REPORT_FAILED: (
        Level.WARNING,
        "a report could not be sent; it waits, and is tried again",
    ),
    EventName.REPORT_SET_ASIDE: (
        Level.ERROR,
        "central refused a report for good; it is kept, the next ones go on",
    ),
    EventName.REPORTS_DROPPED: (
        Level.WARNING,
        "reports that waited were given up, to keep within bytes and age",
    ),
    EventName.REPORTS_RENUMBERED: (
        Level.WARNING,
        "central knew other reports by these numbers; those that wait got new ones",
    ),
    EventName.REPORTS_EXPORTED: (
        Level.INFO,
        "reports that wait were written to a file, to be carried",
    ),
}


# The life of releases and what operators did: kept for ever, listed by `history`.
AUDIT: frozenset[EventName] = frozenset(
    {
        EventName.RELEASE_ADMITTED,
        EventName.RELEASE_ACTIVATED,
        EventName.RELEASE_PROMOTED,
        EventName.RELEASE_CONFIRMED,
        EventName.RELEASE_HEARD,
        EventName.RELEASE_RECALLED,
        EventName.RELEASE_PINNED,
        EventName.RELEASE_UNPINNED,
        EventName.RELEASE_CLEARED,
        EventName.RELEASE_WITHDRAWN,
        EventName.RELEASE_CRASHED,
        EventName.RELEASE_ROLLED_BACK,
        EventName.RELEASE_REJECTED,
        EventName.VERDICT_HELD,
        EventName.GUARD_RENEWED,
        EventName.PREDICTION_LABELLED,
        EventName.REQUEST_REFUSED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that came to pass.

    Attributes:
        at: When.
        name: One of the table.
        fields: Facts about it, few and flat.
    """

    at: datetime
    name: EventName
    fields: Mapping[str, Field] = field(default_factory=dict)

    @property
    def level(self) -> Level:
        """Who should look."""
        return EVENTS[self.name][0]

    def line(self) -> str:
        """Return the event as one line: its name and `key=value` fields.

        A value with a space or a quote stands in quotes, escaped as in JSON, and so
        does one with anything that is not printable: no value can forge a field or a
        second line, or speak to a terminal.
        """
        shown = (f"{key}={_shown(value)}" for key, value in self.fields.items())
        return " ".join([self.name, *shown])


def _shown(value: Field) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    is_printable = text.isprintable()
    if text and is_printable and not {" ", '"'} & set(text):
        return text
    return json.dumps(text, ensure_ascii=not is_printable)
