"""The story of the value starters: rehearse, learn, judge, widen, write.

Every recording is lived through by the agent's own code, once from its beginning and a
few times from later on, for a newcomer has hardly a past and shall be served, too.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from agent.core.figures import ValueFigures, ValueTerms
from agent.core.rehearsal import rehearse
from agent.core.rows import Rows
from agent.core.sample import Sample
from agent.core.value_comparison import judge_value
from central.core.material import TWINS
from central.core.plan_values import VALUE_PLANS, ValuePlan
from central.core.recording import HostTrace
from central.core.value_paper import (
    PICTURE,
    Marks,
    ValueFacts,
    card,
    golden_rows,
    manifest,
    marks,
    neat,
)
from central.core.value_study import (
    BASELINE,
    RELEASE,
    Judged,
    Matrix,
    ValueLesson,
    Vector,
    examples,
    studied,
)
from central.flows.release import SEED, TRAINED_AT, model_table
from central.ports import ReleaseFolder, Traces, TrainedModel
from central.ports.values import BandSketch, LearntValue, ValueTrainer

SETTLED: Final = "all hosts left out"
EARLY: Final = "their agents' first day"

_LIVES: Final = 6
_LIFE_S: Final = 1.25 * 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueStarter:
    """A starter release of a value.

    Attributes:
        task: Its task.
        files: Name -> content.
        figures: What its test came to, on all hosts; name of the cut -> marks.
    """

    task: str
    files: dict[str, bytes]
    figures: dict[str, Marks]


def make_value_starters(
    *,
    traces: Traces,
    trainer: ValueTrainer,
    sketch: BandSketch,
    releases: ReleaseFolder,
    plans: Sequence[ValuePlan] = VALUE_PLANS,
    only: frozenset[str] | None = None,
    step: Callable[[str], object] = lambda _: None,
) -> Iterator[ValueStarter]:
    """Write the starter releases of values; yield each as it is done.

    Args:
        traces: Recorded hosts, of two groups or more.
        trainer: Grows the trees.
        sketch: Draws the cards' pictures.
        releases: Where they are written to.
        plans: The tasks.
        only: Tasks whose releases are wanted; None: of all.
        step: Told what is done next, to show progress.

    Raises:
        TraceError: A recorded host cannot be read; releases before it are written.
    """
    lived: list[dict[str, ValueLesson]] = []
    digest = hashlib.sha256()
    for host in traces.hosts():
        recorded = [traces.read(host, column=plan.column) for plan in plans]
        digest.update(recorded[0].sha256.encode())
        step(f"lives through {host}")
        lived.append(_lessons(plans, recorded))
    for plan in plans:
        if only is not None and plan.task not in only:
            continue
        starter = make_value_starter(
            plan,
            [lessons[plan.task] for lessons in lived],
            heard=[lessons[plan.hears] for lessons in lived if plan.hears],
            trainer=trainer,
            sketch=sketch,
            digest=digest.hexdigest(),
            step=step,
        )
        releases.write(starter.task, starter.files)
        yield starter


def make_value_starter(
    plan: ValuePlan,
    lessons: Sequence[ValueLesson],
    *,
    heard: Sequence[ValueLesson],
    trainer: ValueTrainer,
    sketch: BandSketch,
    digest: str,
    step: Callable[[str], object] = lambda _: None,
) -> ValueStarter:
    """Return one task's release, learnt from all of its lessons.

    Args:
        plan: The task.
        lessons: Of two groups of hosts or more.
        heard: Of the task that it hears.
        trainer: Grows the trees.
        sketch: Draws the card's picture.
        digest: SHA-256 of what the lessons were recorded in.
        step: Told what is done next, to show progress.
    """

    def learn(features: Matrix, change: Vector) -> LearntValue:
        step(f"{plan.task}: learns from {len(change)} moments")
        return trainer.learn(features, change, levels=plan.levels)

    horizon_s = plan.survey().target.horizon_s
    judged = studied(
        lessons, learn=learn, levels=plan.levels, horizon_s=horizon_s, heard=heard
    )
    own, others = _rows(lessons), _rows(heard)
    model = learn(*examples([*own, *others])).model(judged.shifts)
    features = np.concatenate([each.features for each in own])
    facts = _facts(plan, judged, model=model, features=features, digest=digest)
    files = {
        "model.onnx": model.document,
        PICTURE: sketch.picture(judged.settled, release=RELEASE),
        "card.md": card(facts),
        "manifest.json": manifest(facts),
    }
    told = {name: marks(found) for name, found in facts.pooled.items()}
    return ValueStarter(task=plan.task, files=files, figures=told)


def _facts(
    plan: ValuePlan,
    judged: Judged,
    *,
    model: TrainedModel,
    features: Matrix,
    digest: str,
) -> ValueFacts:
    pooled, hosts = _figures(plan, judged)
    return ValueFacts(
        plan=plan,
        model={**model_table(model), "output": "quantiles"},
        golden=_golden(model, features),
        features=features,
        provenance={
            "trained_at": TRAINED_AT,
            "rows": len(features),
            "hosts": len(judged.settled),
            "data_sha256": digest,
            "seed": SEED,
        },
        pooled=pooled,
        hosts=hosts,
    )


def _rows(lessons: Sequence[ValueLesson]) -> list[Rows]:
    return [part for each in lessons for part in (each.settled, each.early)]


def _lessons(
    plans: Sequence[ValuePlan], recorded: Sequence[HostTrace]
) -> dict[str, ValueLesson]:
    """Return what one host has to teach each task, its columns in the tasks' order."""
    one = recorded[0]
    length, life = len(one.values), round(_LIFE_S / one.interval_s)
    # Drawn for each host by itself: the same whatever other hosts there are.
    rng = np.random.default_rng([SEED, int(one.sha256[:8], 16)])
    starts = np.sort(rng.integers(0, max(1, length - life), _LIVES)).tolist()
    settled = _lived(plans, recorded, start=0, end=length)
    early = [_lived(plans, recorded, start=start, end=start + life) for start in starts]
    return {
        plan.task: ValueLesson(
            host=one.host,
            group=TWINS.get(one.host, one.host),
            interval_s=one.interval_s,
            length=length,
            settled=settled[plan.task],
            early=_together([rows[plan.task] for rows in early]),
        )
        for plan in plans
    }


def _lived(
    plans: Sequence[ValuePlan], recorded: Sequence[HostTrace], *, start: int, end: int
) -> dict[str, Rows]:
    """Return the moments of an agent that runs from one sample of a host to another."""
    interval_s = recorded[0].interval_s
    layout = tuple(plan.metric for plan in plans)
    values = np.column_stack([trace.values[start:end] for trace in recorded])
    samples = (
        Sample(
            at=datetime.fromtimestamp((start + row) * interval_s, UTC),
            layout=layout,
            values=read,
        )
        for row, read in enumerate(values)
    )
    surveys = [plan.survey() for plan in plans]
    return rehearse(samples, interval_s=interval_s, tasks=surveys)


def _together(parts: Sequence[Rows]) -> Rows:
    return Rows(
        features=np.concatenate([part.features for part in parts]),
        outcome=np.concatenate([part.outcome for part in parts]),
        baseline=np.concatenate([part.baseline for part in parts]),
        extras=np.concatenate([part.extras for part in parts]),
        at_s=np.concatenate([part.at_s for part in parts]),
        limit=np.concatenate([part.limit for part in parts]),
        origin=np.concatenate([part.origin for part in parts]),
        entity=tuple(name for part in parts for name in part.entity),
        happened_s=np.concatenate([part.happened_s for part in parts]),
    )


def _figures(
    plan: ValuePlan, judged: Judged
) -> tuple[dict[str, ValueFigures], list[ValueFigures]]:
    terms = ValueTerms(release=RELEASE, baseline=BASELINE, levels=plan.levels)
    pooled = {
        name: judge_value(answers, scope=name, terms=terms)
        for name, answers in ((SETTLED, judged.settled), (EARLY, judged.early))
    }
    return pooled, [
        judge_value([answers], scope=answers.host, terms=terms)
        for answers in judged.settled
    ]


def _golden(
    model: TrainedModel, features: Matrix
) -> list[tuple[list[float | None], list[float]]]:
    """Return golden vectors over the whole range of bands, with and without gaps."""
    picked = golden_rows(features, model.score(features))
    vectors = [neat(features[row]) for row in picked]
    gaps = [[np.nan if v is None else v for v in vector] for vector in vectors]
    answers = model.score(np.array(gaps, dtype=np.float32)).tolist()
    return list(zip(vectors, answers, strict=True))
