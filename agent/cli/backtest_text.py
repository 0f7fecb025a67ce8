"""What a backtest prints: tables a task, and plainly what is worse than what."""

from collections.abc import Iterator, Sequence
from typing import Final

from agent.cli.output import Cell, share, table
from agent.core.blocks import Estimate
from agent.core.figures import EventFigures, ValueFigures
from agent.core.judged import Judged
from agent.core.moment import BASELINE
from agent.core.quantity import duration_text

RANKS: Final = (
    "forecaster",
    "average precision",
    "90 %",
    "mean of hosts",
    "release's lead",
    "90 %",
    "warned",
    "answered",
)
EVENT_HOSTS: Final = (
    "host",
    "moments",
    "came true",
    "episodes",
    "avg. precision",
    "best rule",
    "its own",
    "Brier skill",
    "baseline's",
    "calib. error",
    "alarms/day",
    "false/day",
    "warned",
    "lead",
)
VALUE_HOSTS: Final = (
    "host",
    "moments",
    "error",
    "persistence's",
    "better by",
    "pinball",
    "baseline's",
    "better by",
    "in the band",
)
_PLACES: Final = 3
_MEANS: Final = ("Brier skill", "calibration error", "coverage")


def document_of(
    done: Sequence[Judged], *, trace: str, last: float
) -> dict[str, object]:
    """Return everything as one document."""
    return {
        "schema": 1,
        "trace": trace,
        "last": last,
        "releases": done,
        "worse": [f"{each.task} {each.release}" for each in done if each.is_worse],
    }


def text_of(done: Sequence[Judged]) -> str:
    """Return everything for people."""
    overview = table(
        ("task", "release", "hosts", "moments", "came true", "verdict"),
        rows=[_line(each) for each in done],
    )
    return "\n\n".join([overview, *("\n".join(_task(each)) for each in done)])


def headline(each: Judged) -> str:
    """Return in one sentence what is to be thought of a release."""
    pooled = each.pooled
    if pooled.withheld is not None:
        return f"no figures: {pooled.withheld}"
    shown = [loss.to for loss in pooled.losses if loss.is_shown]
    if shown:
        return f"worse than {' and '.join(dict.fromkeys(shown))}"
    maybe = [loss.to for loss in pooled.losses]
    if maybe:
        return f"not shown to be better than {' and '.join(dict.fromkeys(maybe))}"
    return f"ahead of {_others(pooled)}"


def rank_rows(each: Judged) -> Iterator[tuple[Cell, ...]]:
    """Yield a row of cells for each of those who ranked the moments of an event."""
    pooled = each.pooled
    for rank in pooled.ranks if isinstance(pooled, EventFigures) else ():
        lead = rank.lead or Estimate(value=None)
        yield (
            rank.name,
            _figure(rank.average_precision.value),
            ends(rank.average_precision),
            _figure(each.means.get(f"average precision of {rank.name}")),
            None if lead.value is None else f"{lead.value:+.{_PLACES}f}",
            ends(lead),
            share(rank.recall),
            share(rank.answered),
        )


def host_rows(each: Judged) -> Iterator[tuple[Cell, ...]]:
    """Yield a row of cells for each host, and for all."""
    for figures in (*each.hosts, each.pooled):
        if isinstance(figures, EventFigures):
            yield _event_row(figures)
        else:
            yield _value_row(figures)


def facts(each: Judged) -> Iterator[tuple[str, str]]:
    """Yield what is to be known of a release on all hosts, name and value."""
    pooled = each.pooled
    if pooled.withheld is not None:
        yield "withheld", pooled.withheld
    elif isinstance(pooled, EventFigures):
        yield from _event_facts(pooled)
    else:
        yield from _value_facts(pooled)
    count = sum(host.withheld is None for host in each.hosts)
    for name in _MEANS:
        if name in each.means and count > 1:
            yield f"{name}, mean of {count} hosts", f"{each.means[name]:.3f}"


def ends(estimate: Estimate) -> str | None:
    """Return the ends of an interval, or None where there is none."""
    if estimate.low is None or estimate.high is None:
        return None
    return f"{estimate.low:.{_PLACES}f} to {estimate.high:.{_PLACES}f}"


def _line(each: Judged) -> tuple[Cell, ...]:
    pooled = each.pooled
    came = f"{pooled.happened:,}" if isinstance(pooled, EventFigures) else None
    return (
        each.task,
        each.release,
        f"{len(each.hosts)}",
        f"{pooled.rows:,}",
        came,
        headline(each),
    )


def _task(each: Judged) -> Iterator[str]:
    yield f"{each.task} {each.release}: {each.title}"
    for name, value in facts(each):
        yield f"  {name}: {value}"
    pooled = each.pooled
    if isinstance(pooled, EventFigures) and pooled.ranks:
        yield ""
        yield table(RANKS, rows=list(rank_rows(each)))
    yield ""
    header = EVENT_HOSTS if each.is_event else VALUE_HOSTS
    yield table(header, rows=list(host_rows(each)))
    for words in notes(each):
        yield f"! {words}"


def notes(each: Judged) -> Iterator[str]:
    """Yield plainly what is worse than what, what is withheld, and what left out."""
    for loss in each.pooled.losses:
        yield loss.words
    hosts = each.hosts if len(each.hosts) > 1 else ()
    shown = ((h.scope, loss) for h in hosts for loss in h.losses if loss.is_shown)
    for name, loss in shown:
        yield f"{name}: {loss.words}"
    for host in hosts:
        if host.withheld is not None:
            yield f"{host.scope}: no figures: {host.withheld}"
    for name, why in each.left_out.items():
        yield f"{name}: left out: {why}"


def _event_facts(pooled: EventFigures) -> Iterator[tuple[str, str]]:
    rate = pooled.happened / pooled.rows
    yield "came true", f"{pooled.happened:,} of {pooled.rows:,} moments, {rate:.2%}"
    yield "Brier skill", _with_ends(pooled.skill, "against the host's own rate")
    yield "baseline's", _with_ends(pooled.baseline_skill, "likewise")
    yield "calibration error", _with_ends(pooled.calibration_error, "over ten bins")
    logs = f"{pooled.log_loss:.4f}; the baseline's {pooled.baseline_log_loss:.4f}"
    yield "log loss", logs
    if pooled.warned is not None:
        own = pooled.warned
        ahead = ""
        if own.lead_s is not None:
            ahead = f", the middle one {duration_text(round(own.lead_s))} ahead"
        called = f"{own.per_day or 0:.2f} per host-day, {own.false_per_day or 0:.2f}"
        early = f"{own.warned} of {own.episodes} episodes warned of"
        yield "alarms", f"{called} for nothing; {early}{ahead}"


def _value_facts(pooled: ValueFigures) -> Iterator[tuple[str, str]]:
    yield "mean absolute error", _better(pooled.gain, "persistence")
    yield "pinball loss", _better(pooled.pinball_gain, "the baseline")
    if pooled.coverage is not None:
        wanted = f"in the band that should hold {pooled.wanted or 0:.0%}"
        yield "coverage", _in_percent(pooled.coverage, wanted)


def _event_row(figures: EventFigures) -> tuple[Cell, ...]:
    rules = [rank for rank in figures.ranks[1:] if rank.name != BASELINE]
    best = max(rules, key=lambda r: r.average_precision.value or 0.0, default=None)
    own = figures.warned
    lead_s = None if own is None else own.lead_s
    return (
        figures.scope,
        f"{figures.rows:,}",
        f"{figures.happened:,}",
        f"{figures.episodes:,}",
        _figure(figures.ranks[0].average_precision.value if figures.ranks else None),
        None if best is None else best.name,
        None if best is None else _figure(best.average_precision.value),
        _figure(figures.skill.value),
        _figure(figures.baseline_skill.value),
        _figure(figures.calibration_error.value),
        None if own is None else _figure(own.per_day),
        None if own is None else _figure(own.false_per_day),
        None if own is None else share(own.recall),
        None if lead_s is None else duration_text(round(lead_s)),
    )


def _value_row(figures: ValueFigures) -> tuple[Cell, ...]:
    covered = None if figures.coverage is None else figures.coverage.value
    return (
        figures.scope,
        f"{figures.rows:,}",
        figures.error,
        figures.persistence_error,
        share(figures.gain.value),
        figures.pinball,
        figures.baseline_pinball,
        share(figures.pinball_gain.value),
        share(covered),
    )


def _others(pooled: EventFigures | ValueFigures) -> str:
    if isinstance(pooled, ValueFigures):
        return "persistence and the baseline"
    return "the baseline and all four rules"


def _figure(value: float | None) -> str | None:
    return None if value is None else f"{value:.{_PLACES}f}"


def _better(estimate: Estimate, than: str) -> str:
    word = "worse" if (estimate.value or 0.0) < 0 else "better"
    return _in_percent(estimate, f"{word} than {than}").removeprefix("-")


def _in_percent(estimate: Estimate, words: str) -> str:
    if estimate.value is None:
        return f"unknown {words}"
    told = f"{estimate.value:.1%} {words}"
    if estimate.low is None or estimate.high is None:
        return told
    return f"{told} (90 %: {estimate.low:.1%} to {estimate.high:.1%})"


def _with_ends(estimate: Estimate, words: str) -> str:
    if estimate.value is None:
        return f"unknown {words}"
    interval = ends(estimate)
    told = f"{estimate.value:.{_PLACES}f} {words}"
    return told if interval is None else f"{told} (90 %: {interval})"
