"""The whole page: what was replayed, each task's story, the life of the releases."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from agent import __version__
from agent.adapters.store.answers import Admitted, Recorded
from agent.cli.report.task import EVERYTHING, Told, task_story
from agent.cli.scores import scores
from agent.core.event import AUDIT
from agent.core.manifest import parse_manifest
from agent.core.quantity import duration_text
from agent.core.request import Answer, Request
from agent.core.story import Page, Sheet
from agent.flows.replay import Replayed
from agent.wiring.reading import Archive, Trace
from agent.wiring.replay import Offer

# Facts of an event that have a column, or that no person needs.
_SHOWN: Final = {"task", "version", "digest", "reason", "by", "speaks", "e_value"}
_DIGITS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command was asked for, as it was written.

    Attributes:
        options: Every other option with its value, in the order of the help.
    """

    trace: Path
    releases: Sequence[str]
    options: Sequence[tuple[str, str]]

    @property
    def command(self) -> str:
        """The same command line, with the names of files only."""
        words = ["forewarn", "replay", self.trace.name]
        for name in self.releases:
            words += ["--release", Path(name).name]
        for option, value in self.options:
            words += [option, value] if value else [option]
        return shlex.join(words)


def page_of(
    archive: Archive,
    *,
    trace: Trace,
    done: Replayed,
    offers: Sequence[Offer],
    asked: Asked,
) -> Page:
    """Return everything that the page tells."""
    releases = archive.releases()
    events = archive.history(names=AUDIT, limit=EVERYTHING)[::-1]
    told = Told(
        archive=archive,
        labels={each.digest: f"v{each.version}" for each in releases},
        states={each.digest: each.state for each in releases},
        events=events,
        scores=scores(archive),
        span_s=(float(trace.instants_s[0]), float(trace.instants_s[-1])),
    )
    manifests = {
        each.task: parse_manifest(archive.manifest_of(each.digest)) for each in releases
    }
    return Page(
        title=f"Replay of {trace.name}",
        facts=tuple(_facts(trace, done, asked)),
        releases=_releases(releases, offers),
        tasks=tuple(task_story(told, each) for _, each in sorted(manifests.items())),
        history=_history(
            events, archive.requests(limit=EVERYTHING), labels=told.labels
        ),
        command=asked.command,
        version=__version__,
    )


def _facts(trace: Trace, done: Replayed, asked: Asked) -> Iterator[tuple[str, str]]:
    first, last = (datetime.fromtimestamp(s, UTC) for s in _ends(trace))
    lived = duration_text((last - first).total_seconds())
    yield "recorded", f"{_instant(first)} to {_instant(last)} UTC, {lived}"
    every = duration_text(trace.interval_s)
    yield "rows", f"{done.ticks:,}, one every {every}"
    yield "left out", f"{len(trace.gaps_s):,} gaps in time, {trace.dropped:,} rows"
    yield (
        "predictions",
        f"{done.moments:,}: {done.resolved:,} resolved, {done.still_open:,} still open",
    )
    for name, reason in done.silent.items():
        yield "predicted nothing", f"{name}: {reason}"
    guard = [value for option, value in asked.options if option == "--guard"]
    yield "guard", ", ".join(guard) or "as it is by default"


def _ends(trace: Trace) -> tuple[float, float]:
    return float(trace.instants_s[0]), float(trace.instants_s[-1])


def _releases(releases: Sequence[Admitted], offers: Sequence[Offer]) -> Sheet:
    rows = {offer.release.digest: offer.row for offer in offers}
    return Sheet(
        header=("task", "release", "offered at", "row", "in the end", "digest"),
        rows=tuple(
            (
                each.task,
                f"v{each.version}",
                _instant(each.admitted_at),
                f"{rows.get(each.digest, 0):,}",
                each.state.replace("_", " "),
                each.digest[:_DIGITS],
            )
            for each in releases
        ),
    )


def _history(
    events: Sequence[Recorded],
    requests: Sequence[tuple[Request, Answer | None]],
    *,
    labels: Mapping[str, str],
) -> Sheet:
    """Return what befell releases, and what operators asked for, oldest first."""
    short = {digest[:_DIGITS]: label for digest, label in labels.items()}
    # What is asked for comes before what it leads to at the same instant.
    rows = [(request.at, _request_row(request, came)) for request, came in requests]
    rows += [(event.at, _event_row(event, short)) for event in events]
    rows.sort(key=lambda row: row[0])
    return Sheet(
        header=("at (UTC)", "what", "task", "release", "why"),
        rows=tuple((_instant(at), *cells) for at, cells in rows),
    )


def _event_row(event: Recorded, short: Mapping[str, str]) -> tuple[str, str, str, str]:
    fields = event.fields
    others = {name: str(fields[name]) for name in fields.keys() - _SHOWN}
    rest = (f"{name} {short.get(text, text)}" for name, text in others.items())
    why = [_field(fields, "reason"), *sorted(rest)]
    if by := _field(fields, "by"):
        why.append(f"asked for by {by}")
    return (
        event.name.replace("_", " "),
        _field(fields, "task"),
        _version(fields.get("version")),
        "; ".join(part for part in why if part),
    )


def _request_row(request: Request, came: Answer | None) -> tuple[str, str, str, str]:
    words = "not answered yet"
    if came is not None:
        words = came.words if came.is_done else f"turned down: {came.words}"
    return (
        f"asked: {request.verb}",
        request.task,
        _version(request.version),
        f"{request.by}: {words}",
    )


def _field(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    return "" if value is None else str(value)


def _version(version: object) -> str:
    return "" if version is None else f"v{version}"


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
