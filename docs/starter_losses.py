"""The tables of docs/starters.md that tell where a release comes behind, or is off."""

from collections.abc import Iterator, Sequence

from agent.core.moment import BASELINE
from central.core.heard import RELEASE
from docs.markdown import number, percent, signed, signed_bounds, table
from docs.starter_demands import LOSES, SHORT, is_inside, is_most
from docs.starter_figures import (
    RULES,
    TAUGHT,
    Event,
    OnHost,
    Value,
    most_ece,
    shipped,
)


def behind_together() -> str:
    """Return where somebody is ahead of a release on all hosts together."""
    found = shipped()
    rows = [
        *(row for event in found.compared for row in _behind_rules(event)),
        *(row for event in found.alone for row in _behind_baseline(event)),
        *(row for value in found.values for row in _behind_cuts(value)),
    ]
    return _table_or_none(("task", "tested on", "who is ahead", "by"), rows)


def behind_on_hosts() -> str:
    """Return the hosts on which somebody is ahead of an event's release."""
    rows = [
        (
            event.task,
            host,
            f"{found.happened:,} of {found.rows:,}",
            number(found.average_precision[RELEASE], 3),
            ", ".join(_ahead(found)) or "-",
            number(found.skill, 3),
        )
        for event in shipped().compared
        for host, found in event.release.hosts.items()
        if found and (_ahead(found) or (found.skill or 0.0) < 0)
    ]
    header = ("task", "host", "came true", "the model", "ahead of it", "skill")
    return _table_or_none(header, rows)


def too_few_events() -> str:
    """Return on how many hosts too little happened for any figure."""
    rows = [
        (event.task, f"{silent} of {len(hosts)}")
        for event in shipped().compared
        if (hosts := event.release.hosts)
        if (silent := sum(found is None for found in hosts.values()))
    ]
    return _table_or_none(("task", "hosts without figures"), rows)


def values_behind_on_hosts() -> str:
    """Return the hosts on which a value's release is behind, or its band is off."""
    rows = [
        (
            value.task,
            host,
            signed(found.error_gain, 3),
            signed(found.pinball_gain, 3),
            number(found.coverage, 3),
        )
        for value in shipped().values
        for host, found in value.judged.hosts.items()
        if min(found.error_gain or 0.0, found.pinball_gain or 0.0) < 0
        or not is_inside(found.coverage)
    ]
    header = (
        "task",
        "host",
        "error, less than of no change",
        "pinball, less than the baseline's",
        "inside the band",
    )
    return _table_or_none(header, rows)


def off_in_level() -> str:
    """Return every calibration error above the one that is wanted."""
    found = shipped()
    rows = [
        *(row for event in found.compared for row in _off_compared(event)),
        *(row for event in found.alone for row in _off_alone(event)),
    ]
    return _table_or_none(("task", "of", "came true", "ECE", "wanted at most"), rows)


def lost_by_being_put_right() -> str:
    """Return the hosts on which local calibration costs more than it may."""
    rows = [
        (event.task, host, signed(gain, 3))
        for event in shipped().compared
        for host, gain in event.gains().items()
        if gain < LOSES
    ]
    return _table_or_none(("task", "host", "change of the skill"), rows)


def _behind_rules(event: Event) -> Iterator[Sequence[str]]:
    for who in TAUGHT:
        if who not in event.judged.comparison:
            continue
        found = event.judged.comparison[who]
        for rule, lead in found.lead.items():
            if (lead[0] or 0.0) < 0:
                by = f"average precision {signed_bounds(lead)}"
                yield event.task, SHORT[who], rule, by
        if (found.skill[0] or 0.0) < (found.baseline_skill[0] or 0.0):
            by = f"skill {number(found.skill[0], 3)}, {BASELINE} "
            yield (
                event.task,
                SHORT[who],
                BASELINE,
                by + number(found.baseline_skill[0], 3),
            )


def _behind_baseline(event: Event) -> Iterator[Sequence[str]]:
    for name, test in event.judged.tests.items():
        if (test.auprc or 0.0) < (test.baseline_auprc or 0.0):
            by = f"average precision {number(test.auprc)}, {BASELINE} "
            yield event.task, name, BASELINE, by + number(test.baseline_auprc)
        if (test.skill_against_baseline or 0.0) < 0:
            gain = (test.skill_against_baseline, *test.skill_against_baseline_95)
            yield event.task, name, BASELINE, f"skill over it {signed_bounds(gain)}"


def _behind_cuts(value: Value) -> Iterator[Sequence[str]]:
    for name, test in value.judged.tests.items():
        if (test.error_gain[0] or 0.0) < 0:
            by = f"error {signed_bounds(test.error_gain)}"
            yield value.task, name, "saying that nothing changes", by
        if (test.pinball_gain[0] or 0.0) < 0:
            yield (
                value.task,
                name,
                BASELINE,
                f"pinball {signed_bounds(test.pinball_gain)}",
            )


def _off_compared(event: Event) -> Iterator[Sequence[str]]:
    for who, found in event.judged.comparison.items():
        yield from _off(event.task, SHORT[who], rate=found.rate, ece=found.ece[0])
    for host, there in event.release.hosts.items():
        if there:
            rate = there.happened / there.rows
            yield from _off(event.task, host, rate=rate, ece=there.ece)


def _off_alone(event: Event) -> Iterator[Sequence[str]]:
    for name, test in event.judged.tests.items():
        rate = test.happened / test.rows
        yield from _off(event.task, name, rate=rate, ece=test.ece)


def _off(
    task: str, of: str, *, rate: float, ece: float | None
) -> Iterator[Sequence[str]]:
    most = most_ece(rate)
    if not is_most(ece, most):
        yield task, of, percent(rate), number(ece, 4), f"{most}"


def _ahead(found: OnHost) -> list[str]:
    """Return who put the moments of a host in a better order than the model."""
    own = found.average_precision[RELEASE] or 0.0
    return [
        f"{rule} {number(theirs, 3)}"
        for rule in RULES
        if (theirs := found.average_precision[rule] or 0.0) > own
    ]


def _table_or_none(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return table(header, rows) if rows else "None."
