"""The tables of figures of docs/starters.md: what ships, and how each release did."""

from collections.abc import Callable, Mapping, Sequence
from statistics import mean
from typing import Final

from agent.core.expression import Expression, calls
from agent.core.moment import BASELINE
from agent.core.quantity import duration_text
from agent.core.target import EventTarget
from central.core.heard import AGAIN, PUT_RIGHT, RELEASE
from docs.markdown import bounds, number, percent, signed, signed_bounds, table
from docs.starter_figures import (
    RULES,
    TAUGHT,
    Event,
    Heard,
    Value,
    most_ece,
    shipped,
)

_SHORT: Final[Mapping[str, str]] = {
    RELEASE: "the model",
    PUT_RIGHT: "put right",
    AGAIN: "taught again",
}
_TAUGHT: Final = tuple(_SHORT.values())
_MEANS: Final = tuple(f"{name}, mean of hosts" for name in _TAUGHT)


def what_ships() -> str:
    """Return what is predicted, how far ahead, and when it begins to speak."""
    found = shipped()
    header = (
        "task",
        "what is predicted",
        "ahead",
        "for each",
        "asked every",
        "speaks after",
        "knows all after",
        "model",
    )
    total = sum(map(_bytes, found))
    return (
        f"{table(header, map(_shipped_line, found))}\n\n"
        f"{len(list(found))} tasks; the models together are {total / 1e6:.2f} MB."
    )


def precision_of_all() -> str:
    """Return the average precision on all hosts together, with intervals."""
    rows = [
        (
            event.task,
            f"{event.release.rows:,}",
            percent(event.release.rate),
            *(bounds(event.precision(name)) for name in (*TAUGHT, *RULES)),
        )
        for event in shipped().compared
    ]
    return table(("task", "moments", "came true", *_TAUGHT, *RULES), rows)


def precision_a_host() -> str:
    """Return the average precision as the plain mean over hosts."""
    rows = [
        (
            event.task,
            *(number(event.precision_a_host(name)) for name in (*TAUGHT, *RULES)),
        )
        for event in shipped().compared
    ]
    return table(("task", *_TAUGHT, *RULES), rows)


def lead_over_the_best() -> str:
    """Return by how much everybody is ahead of the best rule, and of the baseline."""
    rows = [
        (
            event.task,
            event.best_peer,
            *(signed_bounds(event.lead(name)) for name in TAUGHT),
            signed_bounds(event.release.lead[BASELINE]),
            event.best_peer_a_host,
            *(signed(event.lead_a_host(name)) for name in TAUGHT),
        )
        for event in shipped().compared
    ]
    header = (
        "task",
        "best rule",
        *_TAUGHT,
        "the model, of the baseline",
        "best rule, mean of hosts",
        *_MEANS,
    )
    return table(header, rows)


def worth_of_probabilities() -> str:
    """Return the skill against the host's own rate, together and a host."""
    rows = [
        (
            event.task,
            *(_of(event, name, lambda who: bounds(who.skill)) for name in TAUGHT),
            bounds(event.release.baseline_skill),
            *(_of(event, name, _skill_a_host) for name in TAUGHT),
            number(event.release.per_host["Brier skill of the baseline"], 3),
        )
        for event in shipped().compared
    ]
    header = ("task", *_TAUGHT, BASELINE, *_MEANS, f"{BASELINE}, mean of hosts")
    return table(header, rows)


def truth_of_probabilities() -> str:
    """Return the calibration error with the base rate and what is wanted by it."""
    rows = [
        (
            event.task,
            percent(event.release.rate),
            f"{most_ece(event.release.rate)}",
            *(_of(event, name, lambda who: number(who.ece[0], 4)) for name in TAUGHT),
            number(next(iter(event.judged.tests.values())).baseline_ece, 4),
        )
        for event in shipped().compared
    ]
    return table(("task", "came true", "wanted at most", *_TAUGHT, BASELINE), rows)


def alarms() -> str:
    """Return what alarms come to at the thresholds that ship."""
    header = (
        "task",
        "alarm from",
        "episodes",
        "warned of",
        "alarms a host and day",
        "of them false",
        "lead, the middle one",
    )
    return table(header, map(_alarm_line, shipped().compared))


def put_right() -> str:
    """Return what local calibration brings in skill, in the mean and at worst."""
    header = (
        "task",
        "as shipped",
        "put right",
        "gain",
        "worst host",
        "hosts that lose",
    )
    return table(header, map(_put_right_line, shipped().compared))


def values() -> str:
    """Return how the values did on all hosts together, cut by cut."""
    rows = [
        (
            value.task,
            name,
            f"{test.rows:,}",
            bounds(test.error_gain),
            bounds(test.pinball_gain),
            bounds(test.coverage),
        )
        for value in shipped().values
        for name, test in value.judged.tests.items()
    ]
    header = (
        "task",
        "tested on",
        "moments",
        "error, less than of no change",
        "pinball, less than the baseline's",
        "inside the band",
    )
    return table(header, rows)


def absolute() -> str:
    """Return how the events did that were judged beside the baseline only."""
    rows = [
        (
            event.task,
            name,
            f"{test.rows:,}",
            f"{test.events:,}",
            number(test.auprc),
            number(test.baseline_auprc),
            bounds((test.skill_against_baseline, *test.skill_against_baseline_95)),
            number(test.ece, 4),
            number(test.baseline_ece, 4),
        )
        for event in shipped().alone
        for name, test in event.judged.tests.items()
    ]
    header = (
        "task",
        "tested on",
        "moments",
        "events",
        "average precision",
        "the baseline's",
        "skill over the baseline",
        "ECE",
        "the baseline's",
    )
    return table(header, rows)


def _shipped_line(each: Event | Value) -> Sequence[str]:
    manifest, target = each.manifest, each.target
    features = [formula.expression for formula in manifest.features]
    # The last feature of a value is the host's scale; without it no change is said.
    first = target.condition.limit if isinstance(target, EventTarget) else features[-1]
    begins_s = _history_s([first], wanted=manifest.min_coverage)
    return (
        f"[{each.task}](../agent/starters/{each.task}/card.md)",
        manifest.title,
        duration_text(target.horizon_s),
        manifest.entity,
        duration_text(manifest.score_every),
        duration_text(begins_s) if begins_s else "at once",
        duration_text(_history_s(features, wanted=manifest.min_coverage)),
        f"{_bytes(each) / 1e3:.0f} kB",
    )


def _history_s(expressions: Sequence[Expression], *, wanted: float) -> float:
    """Return how long a past it takes until all of them are known."""
    read = [call for expression in expressions for call in calls(expression)]
    return max((c.offset_s + wanted * c.span_s for c in read), default=0.0)


def _bytes(each: Event | Value) -> int:
    return each.manifest.model.length if each.manifest.model else 0


def _alarm_line(event: Event) -> Sequence[str]:
    decision, found = event.manifest.decision, event.release.alarms
    threshold = "-" if decision is None else f"{decision.threshold:g}"
    if found is None:
        return (event.task, threshold, *["-"] * 5)
    return (
        event.task,
        threshold,
        f"{found.episodes:,}",
        percent(found.warned / found.episodes),
        number(found.per_day, 1),
        number(found.false_per_day, 1),
        "-" if found.lead_s is None else duration_text(found.lead_s),
    )


def _put_right_line(event: Event) -> Sequence[str]:
    gains = event.gains()
    worst = min(gains, key=gains.__getitem__)
    return (
        event.task,
        *(_of(event, name, _skill_a_host) for name in (RELEASE, PUT_RIGHT)),
        signed(mean(gains.values()), 3),
        f"{signed(gains[worst], 3)} ({worst})",
        f"{sum(gain < 0 for gain in gains.values())} of {len(gains)}",
    )


def _of(event: Event, name: str, told: Callable[[Heard], str]) -> str:
    """Return what is told of one who was judged; a dash for who was not."""
    return (
        told(event.judged.comparison[name]) if name in event.judged.comparison else "-"
    )


def _skill_a_host(who: Heard) -> str:
    return number(who.per_host["Brier skill"], 3)
