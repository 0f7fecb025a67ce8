"""One task's story: its curves, its line-up, its evidence, and a headline."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from agent.adapters.store.answers import Recorded
from agent.cli.report.sheets import calibrations, scorecards
from agent.cli.report.words import TURNS, headline
from agent.cli.scores import Score
from agent.core.evidence import Evidence, Question
from agent.core.manifest import Manifest
from agent.core.moment import BASELINE, Moment, Outcome, Role
from agent.core.release import ReleaseState
from agent.core.story import (
    Curve,
    Mark,
    TaskStory,
    Tenure,
    Trail,
    called,
    curve,
    tenures,
    thinned,
)
from agent.core.target import EventTarget
from agent.wiring.reading import Archive

EVERYTHING: Final = 10**9
# As many as the picture has points across.
_COLUMNS: Final = 600
_CAME: Final = "what came"
_Recent = list[tuple[Moment, Outcome | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What all tasks' stories are told from.

    Attributes:
        labels: What each release is called, by digest.
        states: How far each has come in the end, by digest.
        events: The life of all releases, oldest first.
        scores: Every merged scorecard.
        span_s: The first and the last instant lived through, Unix seconds.
    """

    archive: Archive
    labels: Mapping[str, str]
    states: Mapping[str, ReleaseState]
    events: Sequence[Recorded]
    scores: Sequence[Score]
    span_s: tuple[float, float]

    def of(self, task: str) -> list[Recorded]:
        """Return what befell a task's releases, oldest first."""
        return [event for event in self.events if event.fields.get("task") == task]


def task_story(told: Told, manifest: Manifest) -> TaskStory:
    """Return the story of the task that this manifest is of."""
    name, events = manifest.task, told.of(manifest.task)
    moments = told.archive.moments(task=name, limit=EVERYTHING)[::-1]
    points = told.archive.evidence(task=name, limit=EVERYTHING)[::-1]
    is_event = isinstance(manifest.target, EventTarget)
    own = [score for score in told.scores if score.task == name]
    begins_s, ends_s = told.span_s
    return TaskStory(
        name=name,
        title=manifest.title,
        headline=headline(
            name,
            archive=told.archive,
            labels=told.labels,
            states=told.states,
            events=events,
            points=points,
        ),
        is_event=is_event,
        begins_s=begins_s,
        ends_s=ends_s,
        curves=tuple(_curves(told, moments)),
        came=_came(told, moments),
        tenures=tuple(_tenures(told, moments)),
        trails=tuple(_trails(told, points)),
        marks=tuple(_marks(events)),
        calibrations=tuple(calibrations(told.archive, name, labels=told.labels)),
        scorecards=scorecards(own, labels=told.labels, is_event=is_event),
    )


def _curves(told: Told, moments: _Recent) -> Iterable[Curve]:
    """Yield one curve a forecaster, the baseline and what came last."""
    said: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    came: tuple[list[float], list[float]] = ([], [])
    for moment, outcome in moments:
        at_s = moment.at.timestamp()
        for each in moment.predictions:
            instants, values = said[each.digest]
            instants.append(at_s)
            values.append(each.values[len(each.values) // 2])
        if outcome is not None and outcome.value is not None:
            came[0].append(at_s)
            came[1].append(outcome.value)
    order = sorted(said, key=lambda digest: (digest == BASELINE, _age(told, digest)))
    series = [(called(digest, told.labels), said[digest]) for digest in order]
    if came[0]:
        series.append((_CAME, came))
    for label, (instants, values) in series:
        yield curve(
            label, at_s=instants, values=values, span_s=told.span_s, columns=_COLUMNS
        )


def _age(told: Told, digest: str) -> int:
    return list(told.labels).index(digest) if digest in told.labels else -1


def _came(told: Told, moments: _Recent) -> tuple[float, ...]:
    found = {
        outcome.happened_at.timestamp()
        for _, outcome in moments
        if outcome is not None and outcome.happened_at is not None
    }
    return thinned(found, span_s=told.span_s, columns=_COLUMNS)


def _tenures(told: Told, moments: _Recent) -> Iterable[Tenure]:
    """Yield who was seen in which place; where nobody is active, the baseline is."""
    labels = {**told.labels, BASELINE: BASELINE}
    places = (Role.ACTIVE, Role.STANDBY, Role.SHADOW)
    seen: dict[Role, list[tuple[float, str | None]]] = {role: [] for role in places}
    for moment, _ in moments:
        held = {each.role: each.digest for each in moment.predictions}
        at_s = moment.at.timestamp()
        for role in places:
            nobody = BASELINE if role is Role.ACTIVE else None
            seen[role].append((at_s, held.get(role, nobody)))
    for role in places:
        yield from tenures(role, seen=seen[role], ends_s=told.span_s[1], labels=labels)


def _trails(told: Told, points: Sequence[Evidence]) -> Iterable[Trail]:
    """Yield what each question came to, the highest of each column of the picture."""
    by_question: dict[Question, list[Evidence]] = defaultdict(list)
    for point in points:
        by_question[point.question].append(point)
    for question, trail in by_question.items():
        drawn = curve(
            question.thesis,
            at_s=[point.at.timestamp() for point in trail],
            values=[point.e_value for point in trail],
            span_s=told.span_s,
            columns=_COLUMNS,
        )
        was_seen = ~np.isnan(drawn.highest)
        yield Trail(
            thesis=question.thesis.replace("_", " "),
            release=called(question.release, told.labels),
            reference=called(question.reference, told.labels),
            threshold=trail[-1].threshold,
            at_s=drawn.at_s[was_seen],
            e_values=drawn.highest[was_seen],
        )


def _marks(events: Iterable[Recorded]) -> Iterable[Mark]:
    for event in events:
        if event.name in TURNS:
            label = f"v{event.fields.get('version')} {TURNS[event.name]}"
            yield Mark(at_s=event.at.timestamp(), label=label)
