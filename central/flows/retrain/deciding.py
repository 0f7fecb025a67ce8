"""Deciding: the papers are written, and what passes the gate is signed."""

from hashlib import sha256
from typing import NamedTuple

import numpy as np

from central.core.card import CARD, card_of
from central.core.decision import Alarms, alarms
from central.core.dossier import Dossier, evaluation
from central.core.draft import parse_draft
from central.core.exam import RETRAINED, Paper, Result
from central.core.fingerprint import fingerprint
from central.core.gate import Candidate, Check, checks
from central.core.samples import Samples
from central.core.sifting import Sifted
from central.core.succession import successor
from central.flows.publish import Ready, Unfit, prepare
from central.flows.retrain.job import (
    GateRefused,
    Job,
    Outcome,
    Retrained,
    Trial,
    amount_of,
)
from central.flows.retrain.judging import feature_weights
from central.flows.retrain.teaching import Course, Taught


class Finish(NamedTuple):
    """What a retraining ends with.

    Attributes:
        sifted: All samples, and what became of the rest.
        judged: What was judged: it has seen a part of them.
        shipped: What asks to be signed: it has seen all.
    """

    course: Course
    sifted: Sifted
    judged: Taught
    shipped: Taught


def decided(job: Job, finish: Finish, trial: Trial) -> Outcome:
    """Write the papers; sign what passes the gate."""
    ports, document = job.ports, finish.shipped.model.document
    known = _dossier(job, finish, trial)
    draft = _draft(job, known, finish.sifted.samples)
    with ports.scratch(document) as path:
        ready = prepare(
            parse_draft(draft),
            model=path,
            qualifier=ports.qualifier,
            scorer=ports.scorer,
        )
        found = checks(
            _candidate(ready, known.result, len(document)), bars=job.order.bars
        )
        files = {
            "model.onnx": document,
            "manifest.json": ready.document if isinstance(ready, Ready) else draft,
            **_card(job, finish, trial, known=known, found=found),
        }
        ports.folder.write(f"{known.task}/{known.version}", files)
        return _signed(job, ready, known=known, found=found)


def _dossier(job: Job, finish: Finish, trial: Trial) -> Dossier:
    course, shipped = finish.course, finish.shipped
    division, current = course.division, job.past.current
    parts = {
        "teach": division.teach,
        "tune": division.tune,
        "judge": division.judge,
        "all": finish.sifted.samples,
    }
    return Dossier(
        task=job.past.task,
        version=job.past.next_version,
        title=job.manifest.title,
        parent=(current or job.family.newest).digest,
        current=current.manifest.version if current else None,
        made_at=job.now,
        amounts={
            name: amount_of(part, is_event=job.is_event) for name, part in parts.items()
        },
        split=division.words,
        data_sha256=fingerprint(finish.sifted.samples),
        dropped=finish.sifted.dropped,
        lightened=finish.sifted.lightened,
        heaviest=finish.sifted.heaviest,
        settings=shipped.settings,
        trials=shipped.trials,
        shift=shipped.shift,
        line=shipped.line,
        threshold=shipped.threshold,
        alarms=_alarms(trial.paper, shipped),
        difference=shipped.difference,
        rescored=trial.is_rescored,
        loss_name=course.measure.loss_name,
        result=trial.result,
    )


def _draft(job: Job, known: Dossier, samples: Samples) -> bytes:
    usual = f"releases/{known.task}/{known.version}/"
    place = usual if job.order.papers is None else job.order.papers
    of = job.family.newest
    return successor(of, known=known, teach=samples, card=place + CARD)


def _candidate(ready: Ready | Unfit, result: Result, size_bytes: int) -> Candidate:
    if isinstance(ready, Unfit):
        return Candidate(
            result=result,
            size_bytes=size_bytes,
            latency_s=None,
            refusals=ready.reasons,
        )
    trial = ready.judgement
    latency_ms = trial.latency_ms if trial else None
    return Candidate(
        result=result,
        size_bytes=size_bytes,
        latency_s=None if latency_ms is None else latency_ms / 1000,
    )


def _card(
    job: Job,
    finish: Finish,
    trial: Trial,
    *,
    known: Dossier,
    found: tuple[Check, ...],
) -> dict[str, bytes]:
    """Return the card and its pictures, by the name of their files."""
    course, taught = finish.course, finish.judged
    weights = feature_weights(
        course.division.judge,
        model=taught.model,
        measure=course.measure,
        names=tuple(formula.text for formula in job.manifest.features),
        rng=np.random.default_rng(course.seed),
    )
    threshold = taught.threshold.threshold if taught.threshold else None
    drawn = job.ports.gallery.pictures(
        trial.paper, weights=weights, threshold=threshold
    )
    words = {name: picture.words for name, picture in drawn.items()}
    card = card_of(known, checks=found, pictures=words)
    return {CARD: card} | {name: picture.content for name, picture in drawn.items()}


def _signed(
    job: Job, ready: Ready | Unfit, *, known: Dossier, found: tuple[Check, ...]
) -> Outcome:
    refused = tuple(str(check) for check in found if not check.is_kept)
    if refused or isinstance(ready, Unfit):
        return GateRefused(
            task=known.task,
            version=known.version,
            reasons=refused,
            checks=found,
            result=known.result,
        )
    evidence = {
        "data_sha256": known.data_sha256,
        "evaluation": evaluation(known),
        "gate": found,
    }
    return Retrained(
        task=known.task,
        version=known.version,
        digest=sha256(ready.document).hexdigest(),
        checks=found,
        result=known.result,
        publication=None if job.order.is_dry else job.ports.publish(ready, evidence),
    )


def _alarms(paper: Paper, taught: Taught) -> Alarms | None:
    if taught.threshold is None:
        return None
    rows = paper.rows
    return alarms(
        paper.said[RETRAINED][:, 0],
        rows.label > 0,
        weight=rows.weight,
        threshold=taught.threshold.threshold,
    )
