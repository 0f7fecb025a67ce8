"""The story of the surveys' releases: live through recorded hosts, learn, judge, write.

The hosts are lived through once for all tasks. Moments of one task teach the others a
little, too: their features mean alike, and eleven hosts are few.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from agent.core.columns import series_of_column
from agent.core.kmeans import strangeness
from agent.core.moment import BASELINE
from agent.core.peers import Peer, expressions
from agent.core.rehearsal import rehearse
from agent.core.rows import Rows
from agent.core.sample import Sample
from agent.core.target import EventTarget
from central.core.figures import figures
from central.core.heard import (
    AGAIN,
    PUT_RIGHT,
    RELEASE,
    heard,
    joined,
    trial,
    verdicts,
)
from central.core.material import TWINS
from central.core.paper import Facts, card, decision, manifest
from central.core.pupils import LeftOut, Pupil, Raw, all_samples, left_out
from central.core.recording import HostTrace
from central.core.samples import Samples
from central.core.settings import Settings
from central.core.skill import best_threshold
from central.core.survey_card import PICTURE, comparison, lines
from central.core.survey_notes import notes, split
from central.core.surveys import Survey
from central.flows.release import SEED, TRAINED_AT, Starter, golden, model_table
from central.ports import ReleaseFolder, Sketch, Traces, TrainedModel
from central.ports.learning import Learner, Learnt, Lesson

_LESSON: Final = Lesson(
    task="", releases=frozenset(), hosts=frozenset(), until=float("inf")
)
# Where hosts are many, as many folds of them are held out as this.
_FOLDS: Final = 6
_MANY_HOSTS: Final = 20
_LEAST_LEAF: Final = 50
Step = Callable[[str], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class School:
    """What the recipe works with.

    Attributes:
        learner: Grows trees.
        sketch: Draws the card's picture.
        step: Told what is done, to show progress.
    """

    learner: Learner
    sketch: Sketch
    step: Step


def make_surveys(
    *,
    surveys: Sequence[Survey],
    traces: Traces,
    school: School,
    releases: ReleaseFolder,
    only: frozenset[str] | None = None,
) -> Iterator[Starter]:
    """Write the releases of tasks that the same recorded hosts teach; yield each.

    Args:
        surveys: The tasks.
        traces: The recorded hosts.
        school: What it takes.
        releases: Where they are written to.
        only: Tasks whose releases are wanted; None: of all.

    Raises:
        TraceError: A recorded host cannot be read.
    """
    read = {host: _read(traces, host, surveys) for host in traces.hosts()}
    group = _groups(tuple(read))
    known = [
        _pupils(host, columns, group=group[host], surveys=surveys, step=school.step)
        for host, columns in read.items()
    ]
    digest = _digest(read)
    for survey in surveys:
        if only is not None and survey.task not in only:
            continue
        starter = _starter(survey, known, school=school, digest=digest)
        releases.write(starter.task, starter.files)
        yield starter


def _read(traces: Traces, host: str, surveys: Sequence[Survey]) -> dict[str, HostTrace]:
    wanted = dict.fromkeys(c for survey in surveys for c in survey.columns)
    return {column: traces.read(host, column=column) for column in wanted}


def _groups(hosts: Sequence[str]) -> dict[str, str]:
    if len(hosts) > _MANY_HOSTS:
        return {host: f"fold-{n % _FOLDS}" for n, host in enumerate(hosts)}
    return {host: TWINS.get(host, host) for host in hosts}


def _pupils(
    host: str,
    columns: Mapping[str, HostTrace],
    *,
    group: str,
    surveys: Sequence[Survey],
    step: Step,
) -> dict[str, Pupil]:
    """Return what one host has lived through, by task."""
    step(f"lives through {host}")
    first = next(iter(columns.values()))
    interval_s = first.interval_s
    tasks = [survey.rehearsed() for survey in surveys]
    rows = rehearse(
        _samples(columns, interval_s=interval_s),
        interval_s=interval_s,
        tasks=tasks,
        extras={
            task.task: list(expressions(task.target, interval_s=interval_s).values())
            for task in tasks
            if isinstance(task.target, EventTarget)
        },
    )
    return {
        survey.task: _pupil(
            rows[survey.task], columns[survey.columns[-1]], host=host, group=group
        )
        for survey in surveys
    }


def _samples(
    columns: Mapping[str, HostTrace], *, interval_s: float
) -> Iterator[Sample]:
    layout = tuple(series_of_column(column).series for column in columns)
    values = np.stack([trace.values for trace in columns.values()], axis=1)
    for row, each in enumerate(values):
        at = datetime.fromtimestamp(row * interval_s, UTC)
        yield Sample(at=at, layout=layout, values=each)


def _pupil(rows: Rows, trace: HostTrace, *, host: str, group: str) -> Pupil:
    interval_s = trace.interval_s
    strange = strangeness(trace.values, interval_s=interval_s)
    return Pupil(
        host=host,
        group=group,
        length_s=len(trace.values) * interval_s,
        rows=rows,
        strange=strange[np.round(rows.at_s / interval_s).astype(np.intp)],
    )


def _starter(
    survey: Survey,
    known: Sequence[Mapping[str, Pupil]],
    *,
    school: School,
    digest: str,
) -> Starter:
    pupils = [each[survey.task] for each in known]
    neighbours = [
        pupil
        for each in known
        for task, pupil in each.items()
        if survey.hears and task != survey.task
    ]
    found = _left_out(survey, pupils, neighbours, school=school)
    samples = all_samples(pupils, neighbours=neighbours)
    model = _learnt(survey, samples, school=school).model(
        slope=found.line.slope, shift=found.line.shift
    )
    facts = _facts(survey, pupils, found, model=model, digest=digest)
    files = {
        "model.onnx": model.document,
        PICTURE: _picture(survey, pupils, found, sketch=school.sketch),
        "card.md": card(facts),
        "manifest.json": manifest(facts),
    }
    return Starter(task=survey.task, files=files, figures=dict(facts.figures))


def _left_out(
    survey: Survey,
    pupils: Sequence[Pupil],
    neighbours: Sequence[Pupil],
    *,
    school: School,
) -> LeftOut:
    def learn(samples: Samples) -> Raw:
        return _learnt(survey, samples, school=school).raw

    return left_out(
        pupils,
        neighbours=neighbours,
        learn=learn,
        horizon_s=survey.rehearsed().target.horizon_s,
        is_taught_again=survey.is_relative,
        rng=np.random.default_rng(SEED),
    )


def _learnt(survey: Survey, samples: Samples, *, school: School) -> Learnt:
    school.step(f"{survey.task}: learns from {len(samples)} moments")
    settings = Settings(
        rounds=180,
        leaves=10,
        smallest=max(_LEAST_LEAF, len(samples) // 500),
        seed=SEED,
    )
    signs = [0] * samples.features.shape[1]
    return school.learner.learn(samples, lesson=_LESSON, signs=signs, settings=settings)


def _facts(
    survey: Survey,
    pupils: Sequence[Pupil],
    found: LeftOut,
    *,
    model: TrainedModel,
    digest: str,
) -> Facts:
    threshold = best_threshold(found.threshold_said, found.threshold_came)
    hosts = heard(pupils, found, manifest=survey.rehearsed())
    marks = verdicts(hosts, manifest=survey.rehearsed(), **decision(threshold))
    features = np.concatenate([pupil.rows.features for pupil in pupils])
    told = figures(trial(hosts), threshold=threshold, rng=np.random.default_rng(SEED))
    return Facts(
        plan=survey,
        model=model_table(model),
        threshold=threshold,
        golden=golden(model, features),
        features=features,
        provenance={
            "trained_at": TRAINED_AT,
            "rows": len(features),
            "hosts": len(pupils),
            "data_sha256": digest,
            "seed": SEED,
        },
        split=split(survey),
        figures={"hosts that the model never saw": told},
        notes=notes(survey),
        comparison=comparison(marks),
        more=lines(marks),
    )


def _picture(
    survey: Survey, pupils: Sequence[Pupil], found: LeftOut, *, sketch: Sketch
) -> bytes:
    hosts = heard(pupils, found, manifest=survey.rehearsed())
    names = (RELEASE, *((AGAIN,) if found.again else ()), BASELINE, *map(str, Peer))
    return sketch.picture(
        np.concatenate([each.outcome > 0 for each in hosts]),
        ranked={name: joined(hosts, name) for name in names},
        said={name: joined(hosts, name) for name in (RELEASE, PUT_RIGHT)},
    )


def _digest(read: Mapping[str, Mapping[str, HostTrace]]) -> str:
    files = {
        host: next(iter(columns.values())).sha256 for host, columns in read.items()
    }
    told = "".join(f"{sha256}  {host}\n" for host, sha256 in files.items())
    return hashlib.sha256(told.encode()).hexdigest()
