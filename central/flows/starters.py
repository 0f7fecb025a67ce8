"""The story of the starter releases: record, learn, judge, write.

What is drawn comes from one seed, so the same traces make the same releases.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from central.core.examples import Examples, examples, joined
from central.core.figures import Figures, figures
from central.core.material import Material, disks, memories, processors
from central.core.paper import Facts, card, manifest
from central.core.plan import PLANS, Plan
from central.core.recording import HostTrace, Recording, restarts
from central.core.skill import best_threshold
from central.core.splits import Part
from central.core.study import Judged, Lesson, Score, judged
from central.flows.release import SEED, TRAINED_AT, Starter, golden, model_table
from central.ports import ReleaseFolder, Traces, Trainer

__all__ = ["SEED", "Starter", "make_starter", "make_starters"]

_FAST_S: Final = 10.0
_HOUR_S: Final = 3600.0
_NEW_S: Final = 900.0
# Restless lessons are a third of all examples.
_RESTLESS_STEP: Final = 2


def make_starters(
    *,
    traces: Traces,
    trainer: Trainer,
    releases: ReleaseFolder,
    plans: Sequence[Plan] = PLANS,
    step: Callable[[str], object] = lambda _: None,
) -> Iterator[Starter]:
    """Write the starter releases; yield each as it is done.

    Args:
        traces: The recorded hosts.
        trainer: Grows trees.
        releases: Where they are written to.
        plans: The tasks.
        step: Told what is done next, to show progress.

    Raises:
        TraceError: A recorded host cannot be read; releases before it are written.
    """
    for plan in plans:
        step(f"{plan.task}: lives through its recordings, and learns")
        rng = np.random.default_rng(SEED)
        starter = make_starter(plan, _material(plan, traces, rng), trainer, rng)
        releases.write(starter.task, starter.files)
        yield starter


def make_starter(
    plan: Plan, material: Material, trainer: Trainer, rng: np.random.Generator
) -> Starter:
    """Return one task's release, learnt from all of its material."""
    recordings = material.recordings
    lessons = [_lesson(plan, r, material, rng) for r in recordings]
    lessons += [_restless_lesson(plan, r, material, rng) for r in recordings]
    threshold, found = _tested(plan, lessons, trainer, rng)
    known = joined([lesson.examples for lesson in lessons])
    model = trainer.train(known.features, known.happened, signs=plan.signs)
    facts = Facts(
        plan=plan,
        model=model_table(model),
        threshold=threshold,
        golden=golden(model, known.features),
        features=known.features,
        provenance={
            "trained_at": TRAINED_AT,
            "rows": len(known.happened),
            "hosts": material.hosts,
            "data_sha256": material.digest,
            "seed": SEED,
        },
        split=material.split,
        figures=found,
        notes=material.notes,
    )
    files = {
        "model.onnx": model.document,
        "card.md": card(facts),
        "manifest.json": manifest(facts),
    }
    return Starter(task=plan.task, files=files, figures=found)


def _material(plan: Plan, traces: Traces, rng: np.random.Generator) -> Material:
    make: dict[str, Callable[[], Material]] = {
        "cpu-saturation": lambda: processors(
            plan, _read(traces, "system.cpu.utilization")
        ),
        "memory-pressure": lambda: memories(
            plan, _read(traces, "system.memory.utilization.norm"), rng=rng
        ),
        "filesystem-full": lambda: disks(plan, rng=rng),
    }
    return make[plan.task]()


def _read(traces: Traces, column: str) -> list[HostTrace]:
    return [traces.read(host, column=column) for host in traces.hosts()]


def _lesson(
    plan: Plan, recording: Recording, material: Material, rng: np.random.Generator
) -> Lesson:
    rows = len(recording.values)
    starts = rng.integers(0, rows, rows // material.restart_every)
    found = examples(
        recording,
        task=plan.learnt(),
        every=material.every[recording.interval_s],
        restarts=frozenset(starts.tolist()),
    )
    return Lesson(recording=recording, examples=found)


def _restless_lesson(
    plan: Plan, recording: Recording, material: Material, rng: np.random.Generator
) -> Lesson:
    """Return the same recording, lived through with one restart after another.

    Without it a model has hardly seen a window that is not full, which is all that a
    newcomer sees.
    """
    starts = restarts(
        len(recording.values), longest=round(_HOUR_S / recording.interval_s), rng=rng
    )
    found = examples(
        recording,
        task=plan.learnt(),
        every=_RESTLESS_STEP * material.every[recording.interval_s],
        restarts=starts,
    )
    return Lesson(recording=recording, examples=found, is_restless=True)


def _tested(
    plan: Plan, lessons: list[Lesson], trainer: Trainer, rng: np.random.Generator
) -> tuple[float, dict[str, Figures]]:
    """Return the threshold and what the test came to, cut by cut."""

    def train(known: Examples) -> Score:
        model = trainer.train(known.features, known.happened, signs=plan.signs)
        return model.score

    horizon_s = plan.learnt().target.within_s
    apart = judged(
        lessons, train=train, horizon_s=horizon_s, group_of=lambda r: r.group
    )
    before = apart.trial.at((apart.part == Part.VALIDATE) & ~apart.is_restless)
    threshold = best_threshold(before.probability, before.happened)
    cuts = _cuts(apart)
    if plan.entity != "host":
        unseen = judged(
            lessons,
            train=train,
            horizon_s=horizon_s,
            group_of=lambda r: r.name,
            count=len(lessons),
        )
        is_usual = (unseen.part == Part.TEST) & ~unseen.is_restless
        cuts["kinds of curves never seen"] = (unseen, is_usual)
    return threshold, {
        name: figures(of.trial.at(mask), threshold=threshold, rng=rng)
        for name, (of, mask) in cuts.items()
    }


def _cuts(of: Judged) -> dict[str, tuple[Judged, npt.NDArray[np.bool_]]]:
    """Return which moments stand in each row of the table."""
    is_new = of.is_restless & (of.age_s <= _NEW_S) & (of.part == Part.TEST)
    return {**_usual_cuts(of), "first 15 minutes after a start": (of, is_new)}


def _usual_cuts(of: Judged) -> dict[str, tuple[Judged, npt.NDArray[np.bool_]]]:
    is_test = (of.part == Part.TEST) & ~of.is_restless
    is_fast = of.interval_s == _FAST_S
    if of.is_serving.all():
        return {
            "a sample a minute": (of, is_test & ~is_fast),
            "a sample every 10 s": (of, is_test & is_fast),
        }
    everywhere = {
        "as recorded, all limits": (of, is_test & ~is_fast),
        "six times as fast, all limits": (of, is_test & is_fast),
    }
    if not of.is_serving.any():
        return everywhere
    is_real = is_test & of.is_serving
    # First, and so the headline: the limit that will be served.
    return {
        "as recorded, the limit 0.9": (of, is_real & ~is_fast),
        "six times as fast, the limit 0.9": (of, is_real & is_fast),
        **everywhere,
    }
