"""The rows of the benchmark: how good a release is on a machine, and its fate."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import isfinite
from typing import Any, NamedTuple

from tracing.cases import CASES, FIRST, FORCED, Case, Course, Step, lived
from tracing.machines import Machine
from tracing.quality import Quality, auc, quality
from tracing.school import School, Who
from tracing.survey import Known

from agent.core.moment import BASELINE


class Job(NamedTuple):
    """All cases of a task on one machine."""

    machine: Machine
    school: School
    known: Known


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How good the good release is on a machine that it never saw.

    Attributes:
        rate: Share of moments with the event; mean size of the change for a value.
        skill: Share of the baseline's Brier score (value: absolute error) saved.
        loss_ratio: The guard's loss in units of the baseline's.
        dependence: Of the guard's blocks, against the baseline; up to 3.5 is allowed.
        seeds_dependence: The same of the other seed against this one.
        ratios: Each release's loss in units of the good one's, the whole recording.
    """

    data: str
    machine: str
    task: str
    moments: int
    episodes: int
    rate: float
    auc: float | None
    baseline_auc: float | None
    skill: float
    loss_ratio: float
    dependence: float | None
    seeds_dependence: float | None
    ratios: dict[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of a release on a machine.

    Attributes:
        release: What was tried.
        how: How it came.
        end: `rolled back`, `promoted` or `stayed`.
        hours: From being offered to that end; None: to the end of the recording.
        why: `evidence`, or the fault that a tripwire saw.
        to: Who speaks then.
        episodes: Event episodes on which it was decided.
        e_value: Evidence on which it was decided.
        loss: Since the excess began, and `reference_loss` of the other.
        highest: The largest evidence of harm at the end of any block.
        promoted_h: Hours until the guard promoted it.
        heard_h: Hours until it was shown to be as good as the baseline.
        confirmed_h: Hours until it had passed its probation.
        rival: Against whom the evidence was; else who was at work before it came.
        loss_ratio: Its loss in units of the rival's, from being offered to the end of
            the recording.
        ratio_after: The same from when it was rolled back; None: it was not.
        good_left_h: Hours at which the good one was rolled back; None: it was kept.
        good_highest: The largest evidence that the good one is worse.
        warnings: What should not happen.
    """

    data: str
    machine: str
    task: str
    release: str
    how: str
    end: str
    hours: float | None
    why: str
    to: str
    episodes: int | None
    e_value: float | None
    loss: float | None
    reference_loss: float | None
    highest: float
    promoted_h: float | None
    heard_h: float | None
    confirmed_h: float | None
    rival: str
    loss_ratio: float | None
    ratio_after: float | None
    good_left_h: float | None
    good_left_why: str
    good_highest: float
    warnings: list[str]


Row = Standing | Fate


def rows_of(job: Job) -> list[Row]:
    """Return the rows of one machine and task."""
    found = quality(job.known, job.school)
    fates = [
        _fate(case, lived(case, machine=job.machine, school=job.school), job, found)
        for case in CASES
    ]
    return [_standing(job, found), *fates]


def document(row: Row) -> dict[str, Any]:
    """Return a row for JSON."""
    what = "standing" if isinstance(row, Standing) else "fate"
    return {"benchmark": "guard_traces", "row": what, **asdict(row)}


def parsed(found: dict[str, Any]) -> Row:
    """Return the row that `document` described."""
    fields = {k: v for k, v in found.items() if k not in {"benchmark", "row"}}
    return Standing(**fields) if found["row"] == "standing" else Fate(**fields)


def _standing(job: Job, found: Quality) -> Standing:
    good = found.said[Who.GOOD]
    size = found.came if found.is_event else abs(found.came)
    return Standing(
        data=job.machine.kind,
        machine=job.machine.name,
        task=job.school.task.name,
        moments=len(found.came),
        episodes=found.episodes,
        rate=_short(float(size.mean())) or 0.0,
        auc=_short(auc(good, found.came)) if found.is_event else None,
        baseline_auc=_short(auc(found.baseline, found.came))
        if found.is_event
        else None,
        skill=_short(found.skill(Who.GOOD)) or 0.0,
        loss_ratio=_short(found.ratio(Who.GOOD, None)) or 0.0,
        dependence=_short(found.dependence(Who.GOOD, None)),
        seeds_dependence=_short(found.dependence(Who.GOOD_TOO, Who.GOOD)),
        ratios={who.value: _short(found.ratio(who, Who.GOOD)) for who in Who},
    )


def _fate(case: Case, course: Course, job: Job, found: Quality) -> Fate:
    end = _end(case, course.steps)
    shown = (end.evidence if end else None) or {}
    left = _first(course.others, "rolled_back")
    is_alone = case.how is FIRST or (left is not None and left.hours <= 0)
    rival = _against(shown) or (BASELINE if is_alone else Who.GOOD)
    gone_h = end.hours if end and end.did == "rolled_back" else None
    return Fate(
        data=job.machine.kind,
        machine=job.machine.name,
        task=job.school.task.name,
        release=case.who,
        how=case.how.name,
        end=_named(case, end),
        hours=_short(end.hours) if end else None,
        why="" if end is None else ("evidence" if shown else end.reason),
        to=end.speaks if end else "",
        episodes=shown.get("episodes"),
        e_value=_short(shown.get("e_value")),
        loss=_short(shown.get("loss")),
        reference_loss=_short(shown.get("reference_loss")),
        highest=_short(course.highest) or 0.0,
        promoted_h=None if case.how is FORCED else _hours(course.steps, "promoted"),
        heard_h=_hours(course.steps, "heard"),
        confirmed_h=_hours(course.steps, "confirmed"),
        rival=rival,
        **ratios(case, found, rival=rival, gone_h=gone_h),
        good_left_h=_short(left.hours) if left else None,
        good_left_why=left.reason if left else "",
        good_highest=_short(course.highest_other) or 0.0,
        warnings=list(course.warnings),
    )


def _end(case: Case, steps: Sequence[Step]) -> Step | None:
    """Return how it ended; being made active by an operator is no end."""
    if left := _first(steps, "rolled_back"):
        return left
    return None if case.how is FORCED else _first(steps, "promoted")


def _named(case: Case, end: Step | None) -> str:
    if end is None:
        return "stayed"
    if end.did == "promoted":
        return end.did
    return "rolled back"


def ratios(
    case: Case, found: Quality, *, rival: str, gone_h: float | None
) -> dict[str, float | None]:
    """Return both loss ratios of a fate.

    Args:
        case: What was tried.
        found: What was said on the machine, and what that cost.
        rival: `baseline`, or one of `Who`.
        gone_h: When it was rolled back, since it was offered; None: it was not.
    """
    other = None if rival == BASELINE else Who(rival)
    since_h = 24.0 * case.how.day
    ratio = partial(found.ratio, case.who, other)
    after = None if gone_h is None else ratio(since_h=since_h + gone_h)
    return {"loss_ratio": _short(ratio(since_h=since_h)), "ratio_after": _short(after)}


def _against(shown: dict[str, Any]) -> str:
    if not shown:
        return ""
    is_baseline = shown["question"]["reference"] == BASELINE
    return BASELINE if is_baseline else Who.GOOD


def _first(steps: Sequence[Step], did: str) -> Step | None:
    return next(_those(steps, did), None)


def _those(steps: Sequence[Step], did: str) -> Iterator[Step]:
    return (step for step in steps if step.did == did)


def _hours(steps: Sequence[Step], did: str) -> float | None:
    step = _first(steps, did)
    return _short(step.hours) if step else None


def _short(value: float | None) -> float | None:
    """Return four digits of a finite number, None of another (JSON has none)."""
    if value is None or not isfinite(value):
        return None
    return float(f"{value:.4g}")
