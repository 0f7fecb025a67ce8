"""Retrain: labelled samples become a better release, or the reason why not."""

from datetime import datetime

import numpy as np

from central.core.division import Division, divided
from central.core.exam import blocks_of, examined
from central.core.gate import shortages
from central.core.kin import levels_of, measure_of, signs_of
from central.core.samples import Samples
from central.flows.retrain.deciding import Finish, decided
from central.flows.retrain.gathering import gathered, incumbent, labels, past
from central.flows.retrain.job import (
    Job,
    NotYet,
    Order,
    Outcome,
    RetrainPorts,
    Trial,
    amount_of,
)
from central.flows.retrain.judging import paper
from central.flows.retrain.teaching import Course, Taught, finished, search, teach
from central.ports.learning import Lesson


def retrain(ports: RetrainPorts, *, task: str, order: Order, now: datetime) -> Outcome:
    """Return the release that a task's samples teach, signed and not yet approved.

    Card, pictures, model and manifest are written before anything is signed, also of a
    release that the gate refuses.

    Raises:
        ConfigError: The repository does not know the task, or nothing of it was ever
            published.
        ModelError: The model's file does not answer as what it was made from.
        UnavailableError: Something is not to be had now; nothing was signed.
        StateError: A file cannot be read or written.
    """
    ports.tell("reading samples")
    before = past(ports.shelf, task)
    family, sifted = gathered(ports.dataset, before)
    samples = sifted.samples
    job = Job(ports=ports, order=order, now=now, past=before, family=family)
    division = _divided(job, samples)
    if isinstance(division, NotYet):
        return division
    course = _course(job, division)
    ports.tell(f"trying settings on {len(division.teach)} samples")
    settings, trials = search(course, scout=ports.scout, elapsed_s=ports.elapsed_s)
    ports.tell(f"growing trees, the best of {trials} settings")
    taught = teach(course, learner=ports.learner, settings=settings, trials=trials)
    ports.tell(f"judging on {len(division.judge)} samples")
    trial = _tried(job, course, taught)
    ports.tell(f"growing the trees that are shipped from all {len(samples)} samples")
    shipped = finished(course, taught, samples=samples, learner=ports.learner)
    ports.tell("trying the release as an agent does")
    return decided(job, Finish(course, sifted, taught, shipped), trial)


def _divided(job: Job, samples: Samples) -> Division | NotYet:
    """Return the samples in parts, or why there are too few."""
    task, bars = job.past.task, job.order.bars
    happened = samples.label > 0
    cases = happened if job.is_event else np.ones(len(samples), dtype=np.bool_)
    events = int(happened.sum()) if job.is_event else None
    division = None
    if not (job.is_event and happened.all()):
        division = divided(
            samples,
            cases=cases,
            horizon_s=job.manifest.target.horizon_s,
            group_of=labels(job.ports.fleet, job.order.cluster_label),
        )
    if division is None:
        words = (
            "samples: expected some of what happened and of what did not, early and "
            f"late, got {len(samples)}"
        )
        words += f", {events} of them events" if job.is_event else ""
        return NotYet(task=task, reasons=(words,))
    judge = amount_of(division.judge, is_event=job.is_event)
    blocks = blocks_of(division.judge, horizon_s=job.manifest.target.horizon_s)
    reasons = shortages(
        judge.rows, events=judge.events, blocks=len(set(blocks.tolist())), bars=bars
    )
    return NotYet(task=task, reasons=reasons) if reasons else division


def _course(job: Job, division: Division) -> Course:
    order = job.order
    return Course(
        division=division,
        lesson=Lesson(
            task=job.past.task,
            releases=job.family.digests,
            hosts=division.hosts,
            until=division.until,
        ),
        signs=signs_of(job.manifest),
        levels=levels_of(job.manifest),
        measure=measure_of(job.manifest),
        seed=order.seed,
        trials=order.trials,
        budget_s=order.budget_s,
        false_alarms=order.false_alarms,
    )


def _tried(job: Job, course: Course, taught: Taught) -> Trial:
    """Return what came of judging the new release beside the others."""
    answers, is_rescored = paper(
        course.division.judge,
        model=taught.model,
        incumbent=incumbent(job.ports.shelf, job.past, family=job.family),
        scorer=job.ports.scorer,
        groups=labels(job.ports.fleet, job.order.group_label),
        horizon_s=job.manifest.target.horizon_s,
    )
    result = examined(answers, measure=course.measure, is_event=job.is_event)
    return Trial(paper=answers, is_rescored=is_rescored, result=result)
