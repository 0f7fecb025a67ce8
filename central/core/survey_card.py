"""The part of a survey's card that tells how it compares, and behind whom it comes."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from agent.core.alarms import Warned
from agent.core.blocks import Estimate
from agent.core.figures import EventFigures, Rank, ValueFigures
from agent.core.judged import Judged
from central.core.heard import AGAIN, RELEASE

PICTURE: Final = "curves.png"

_INTRODUCTION: Final = (
    "The same moments, put in order by simple rules: the current value and the "
    "straight line through the last half-hour, both as shares of the limit; how often "
    "the limit was exceeded at this time of day; k-means over recent changes. "
    "*Average precision*: how pure the first alarms are, 1 at best. *Skill*: the share "
    "of the squared error that is saved over saying how often it happened on this host "
    "before. In brackets 90 % intervals over whole hosts and days; *per host* is the "
    "plain mean over hosts."
)


def comparison(verdicts: Mapping[str, Judged]) -> dict[str, Any]:
    """Return the figures of each forecaster, for programs."""
    return {name: _document(each) for name, each in verdicts.items()}


def lines(verdicts: Mapping[str, Judged]) -> list[str]:
    """Return the same for people, in Markdown."""
    heading = ["", "## Beside what an operator has today", ""]
    found = _event(verdicts[RELEASE])
    if found.warned is None:
        return [*heading, f"No figures: {found.withheld}."]
    return [
        *heading,
        _INTRODUCTION,
        "",
        f"![Precision and recall, and reliability]({PICTURE})",
        "",
        *_ranking(verdicts),
        "",
        _alarms(found.warned),
        *(f"- It is {loss.words}." for loss in found.losses),
        "",
        "## Host by host",
        "",
        *_host_by_host(verdicts),
    ]


def _document(verdict: Judged) -> dict[str, Any]:
    found = _event(verdict)
    return {
        "rows": found.rows,
        "happened": found.happened,
        "rate": _digits(found.happened / found.rows if found.rows else None),
        "average_precision": {
            rank.name: _bounds(rank.average_precision) for rank in found.ranks
        },
        "lead": {rank.name: _bounds(rank.lead) for rank in found.ranks if rank.lead},
        "skill": _bounds(found.skill),
        "baseline_skill": _bounds(found.baseline_skill),
        "ece": _bounds(found.calibration_error),
        "alarms": _alarms_told(found.warned),
        "per_host": {name: _digits(value) for name, value in verdict.means.items()},
        "hosts": {each.scope: _host(each) for each in verdict.hosts},
    }


def _alarms_told(warned: Warned | None) -> dict[str, Any] | None:
    if warned is None:
        return None
    return {
        "episodes": warned.episodes,
        "warned": warned.warned,
        "per_day": _digits(warned.per_day),
        "false_per_day": _digits(warned.false_per_day),
        "lead_s": warned.lead_s,
    }


def _host(found: EventFigures | ValueFigures) -> dict[str, Any] | None:
    """Return what there is to tell of one host; None where too little happened."""
    if not isinstance(found, EventFigures) or found.withheld is not None:
        return None
    return {
        "rows": found.rows,
        "happened": found.happened,
        "average_precision": {
            rank.name: _digits(rank.average_precision.value) for rank in found.ranks
        },
        "skill": _digits(found.skill.value),
        "ece": _digits(found.calibration_error.value),
    }


def _event(verdict: Judged) -> EventFigures:
    found = verdict.pooled
    if not isinstance(found, EventFigures):
        raise TypeError(f"expected figures of an event, got {type(found).__name__}")
    return found


def _ranking(verdicts: Mapping[str, Judged]) -> list[str]:
    first = verdicts[RELEASE]
    return [
        "| who | average precision | per host | skill | per host | ECE |",
        "| --- | --- | --- | --- | --- | --- |",
        *(_own_line(name, each) for name, each in verdicts.items()),
        *(_rule_line(rank, first) for rank in _event(first).ranks[1:]),
    ]


def _own_line(name: str, verdict: Judged) -> str:
    found, means = _event(verdict), verdict.means
    cells = [
        f"**{name}**",
        _spelled(found.ranks[0].average_precision),
        _text(means.get(f"average precision of {name}")),
        _spelled(found.skill),
        _text(means.get("Brier skill")),
        _text(found.calibration_error.value, 4),
    ]
    return _row(cells)


def _rule_line(rank: Rank, verdict: Judged) -> str:
    is_baseline = rank.name == "baseline"
    found, means = _event(verdict), verdict.means
    cells = [
        rank.name,
        _spelled(rank.average_precision),
        _text(means.get(f"average precision of {rank.name}")),
        _spelled(found.baseline_skill) if is_baseline else "-",
        _text(means.get("Brier skill of the baseline")) if is_baseline else "-",
        "-",
    ]
    return _row(cells)


def _alarms(warned: Warned) -> str:
    lead_s = warned.lead_s
    lead = "-" if lead_s is None else f"{lead_s / 60:.0f} minutes"
    return (
        f"- At its threshold it warns of {_text(warned.recall)} of {warned.episodes} "
        f"episodes, {lead} ahead in the middle, and calls "
        f"{_text(warned.per_day, 1)} times a host and day, "
        f"{_text(warned.false_per_day, 1)} of them for nothing."
    )


def _host_by_host(verdicts: Mapping[str, Judged]) -> list[str]:
    again = verdicts[AGAIN].hosts if AGAIN in verdicts else ()
    retaught = {each.scope: each for each in again}
    return [
        (
            "| host | moments | happened | average precision | best rule "
            "| taught again | skill | ECE |"
        ),
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(
            _host_line(each, retaught.get(each.scope))
            for each in verdicts[RELEASE].hosts
            if isinstance(each, EventFigures)
        ),
    ]


def _host_line(found: EventFigures, again: object) -> str:
    cells = [
        found.scope,
        f"{found.rows}",
        f"{found.happened}",
        _ranked(found.ranks[:1]),
        _ranked(found.ranks[1:]),
        _ranked(again.ranks[:1]) if isinstance(again, EventFigures) else "-",
        _text(found.skill.value),
        _text(found.calibration_error.value, 4),
    ]
    return _row(cells)


def _ranked(ranks: Sequence[Rank]) -> str:
    """Return the greatest average precision among some."""
    known = [rank.average_precision.value for rank in ranks]
    return _text(max((each for each in known if each is not None), default=None))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _spelled(found: Estimate) -> str:
    if found.low is None:
        return _text(found.value)
    return f"{_text(found.value)} [{_text(found.low)}, {_text(found.high)}]"


def _bounds(found: Estimate) -> list[float | None]:
    return [_digits(found.value), _digits(found.low), _digits(found.high)]


def _digits(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _text(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
