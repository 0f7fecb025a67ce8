"""The card of a retrained release: what it is, how good, and what it cannot do."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from central.core.dossier import Amount, Dossier
from central.core.exam import CURRENT, RETRAINED, Gain, Marks
from central.core.gate import Check

CARD: Final = "card.md"


def card_of(
    known: Dossier, *, checks: Sequence[Check], pictures: Mapping[str, str]
) -> bytes:
    """Return the model card: what the release is, how good, and what it cannot do.

    Args:
        known: The dossier.
        checks: Every rule of the gate.
        pictures: What each shows, by the name of its file.
    """
    lines = [
        f"# {known.task}, version {known.version}",
        "",
        f"{known.title}.",
        "",
        *_origin(known),
        "",
        "## How good it is",
        "",
        *_exam(known),
        "",
        "## The gate",
        "",
        *_gate(checks),
        "",
        "## How it was made",
        "",
        *_making(known),
        "",
        *(line for name, words in pictures.items() for line in _picture(name, words)),
        "## What it cannot do",
        "",
        *_limits(known),
    ]
    return ("\n".join(lines) + "\n").encode()


def _origin(known: Dossier) -> Iterator[str]:
    taught = known.amounts["all"]
    yield f"- Trained {known.made_at:%Y-%m-%d %H:%M} UTC on {_amount(taught)}."
    yield f"- SHA-256 of these rows: `{known.data_sha256}`."
    if known.dropped:
        yield (
            "- Samples left out, for no host can have seen what they say: "
            f"{known.dropped}."
        )
    if known.lightened:
        yield (
            "- Samples that stood for more moments than 99 % of them do, and are taken "
            f"to stand for {known.heaviest:.4g}: {known.lightened}."
        )
    yield f"- Comes from `{known.parent}`."
    yield (
        "- No other release was current."
        if known.current is None
        else f"- Current when it was made: version {known.current}."
    )


def _exam(known: Dossier) -> Iterator[str]:
    result = known.result
    yield (
        f"Judged on {_amount(known.amounts['judge'])} ({known.split}), which stand for "
        f"{result.standing_for:.0f} moments. *Loss* is the mean {known.loss_name}; "
        "*skill* the share of it that is saved against always saying what is usual "
        "among these moments. A row counts for as many moments as it stands for. What "
        "was judged had learnt from a part of the samples only; the same lesson, "
        "taught by all of them, is what is shipped."
    )
    yield ""
    yield "| | rows | loss | skill | average precision | calibration error |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, marks in result.marks.items():
        yield _marks_line(name, marks)
    yield ""
    yield "| gain over | rows | share of its loss saved | 95 % interval |"
    yield "| --- | --- | --- | --- |"
    for name, gain in result.gains.items():
        yield _gain_line(f"the {name}", gain)
    for name, gain in result.groups.items():
        yield _gain_line(f"the {result.reference}, hosts of `{name}`", gain)
    yield ""
    yield (
        f"Intervals leave out one by one the {result.blocks} days of hosts, or shorter "
        "stretches of at least a horizon, that were judged: their moments are alike."
    )
    yield from _remarks(known)


def _remarks(known: Dossier) -> Iterator[str]:
    """Yield what the tables do not say: of what, and which alarms follow."""
    if CURRENT in known.result.marks and not known.rescored:
        yield ""
        yield (
            "The current release could not be asked again, for it has other features "
            "or failed: what stands for it is what hosts had it say, where it is known "
            "to have been this one; of other moments nothing is."
        )
    if known.threshold is not None and known.alarms is not None:
        yield ""
        yield (
            f"An alarm is raised from {known.threshold.threshold:g} on and is over "
            f"below {known.threshold.clear:g}: {known.threshold.words}. On the judged "
            f"moments its precision is {_text(known.alarms.precision)} and its recall "
            f"{_text(known.alarms.recall)}."
        )


def _gate(checks: Sequence[Check]) -> Iterator[str]:
    yield "| rule | of | expected | got | |"
    yield "| --- | --- | --- | --- | --- |"
    for check in checks:
        verdict = "kept" if check.is_kept else "**NOT KEPT**"
        yield (
            f"| `{check.rule}` | {check.what} | {check.expected} | {check.got} "
            f"| {verdict} |"
        )


def _making(known: Dossier) -> Iterator[str]:
    settings = known.settings
    for name, words in (("teach", "taught"), ("tune", "tuned"), ("judge", "judged")):
        yield f"- What {words}: {_amount(known.amounts[name])}."
    yield (
        f"- Boosted trees: {settings.rounds} of at most {settings.leaves} leaves of at "
        f"least {settings.smallest} rows, rate {settings.rate:g}, "
        f"{settings.bags} ensembles; the best of {known.trials} settings on what "
        f"tuned; seed {settings.seed}."
    )
    if not settings.levels:
        yield (
            f"- A row taught as much as the power {settings.weighing:g} of its weight. "
            f"Then {known.shift:+.3f} was added to the log-odds, which sets the rate "
            "right, and what tuned calibrated them: "
            f"times {known.line.slope:.3f}, {known.line.shift:+.3f}."
        )
    yield (
        "- The ONNX file answers the judged rows as the trees that were trained do, "
        f"but for at most {known.difference:.1e}."
    )


def _picture(name: str, words: str) -> Iterator[str]:
    yield f"![{words}]({name})"
    yield ""


def _limits(known: Dossier) -> Iterator[str]:
    yield "- It knows what happened on the hosts that sent samples, and nothing else."
    if "same hosts" in known.split:
        yield "- It was not tried on hosts that it had not learnt from."
    if known.result.events is not None:
        yield (
            f"- {known.result.events} judged rows tell of events, and many of them of "
            "the same one: the interval above says how little that may be."
        )
    small = [name for name, gain in known.result.groups.items() if gain.events == 0]
    if small:
        yield f"- Nothing happened on the judged hosts of: {', '.join(small)}."


def _amount(amount: Amount) -> str:
    events = "" if amount.events is None else f", {amount.events} of them events,"
    hosts = "one host" if amount.hosts == 1 else f"{amount.hosts} hosts"
    return f"{amount.rows} samples{events} of {hosts}"


def _marks_line(name: str, marks: Marks) -> str:
    label = f"**{name}**" if name == RETRAINED else name
    loss = "-" if marks.loss is None else f"{marks.loss:.4g}"
    cells = [
        label,
        f"{marks.rows}",
        loss,
        _text(marks.skill),
        _text(marks.auprc),
        _text(marks.calibration_error, 4),
    ]
    return f"| {' | '.join(cells)} |"


def _gain_line(name: str, gain: Gain) -> str:
    interval = f"{_text(gain.low)} to {_text(gain.high)}"
    return f"| {name} | {gain.rows} | {_text(gain.gain)} | {interval} |"


def _text(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
