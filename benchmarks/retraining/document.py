"""The page: what came of retraining, in words and tables."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

Row = Mapping[str, Any]

_HEAD: Final = """\
# What retraining is worth, on recorded hosts

Made by `python benchmarks/retrain.py --markdown docs/retrain-figures.md` from the
recordings of the Server Machine Dataset, 11 servers with a sample a minute over 33
days, which are no part of the project. It says how a retrained release does beside the
shipped one and the baseline, **on machines and times that none of them saw**.

## How it was tried

The machines are dealt into parts, twins together, and the parts take turns. One part
teaches the shipped release. All others but one are the fleet: they run that release
for the first 60 % of their time and send what the default of `labelled_bytes_per_day`
lets out. The last part judges, by the last 30 % of its time, all moments of it.

- *Shipped stand-in*: the starter's own recipe (`central/flows/starters.py`), taught by
  the first part alone. The starter that is really shipped was taught by all eleven
  machines, those that judge here among them, over their whole time; it is shown as
  *the starter itself*, and its figures are too kind.
- *Retrained*: the real path. Reports go into a real database, from there into Parquet,
  and `forewarn-central retrain` searches, teaches, calibrates and asks its gate, with
  its defaults. What the gate judges has learnt from some of the senders only, for the
  others tune and judge; what is shipped, and judged here, was then taught by all.
- *Baseline*: the agent's own, which has lived on the judging machine all the time.
- Moments are made by the agent's own code, as for the starters: each machine stands
  for several hosts, whose curves are shifted or stretched so that the limit lies where
  it is reached now and then; see the starters' cards for what that means. The unit of
  the recorded memory is lost.
- A host of the recordings has a sample a minute and would never reach the byte budget.
  So the share that leaves is that of a host which scores as often as the manifest says
  and shares the budget among three tasks.

Bounds are of 95 %, from 500 draws of whole machine-days. Eleven machines are few:
between fleets the figures will differ by more than the bounds say.
"""
_CAVEAT: Final = """
The gate judges what a part of the senders has taught, on one or two of their machines:
with so few its verdict says little about what is shipped. How it does in a fleet of
hundreds is not shown here.

Two things were settled after a look at first turns of this very test: that what is
shipped is taught by all samples, and four parts in place of three, so that more
machines send than taught the stand-in. So the figures are a little too kind.
"""
_HEADER: Final = (
    "| forecaster | average precision | retrained is ahead by | Brier skill | "
    "loss the retrained one saves | calibration error |\n"
    "| --- | --- | --- | --- | --- | --- |"
)
_TURNS: Final = (
    "| turn | taught the stand-in | sent | judged | moments | sent of them | "
    "retrained | stand-in | gate |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def markdown(rows: Sequence[Row]) -> str:
    """Return the page of all rows."""
    chapters = dict.fromkeys((row["task"], row["parts"], row["share"]) for row in rows)
    parts = [_HEAD, "## In brief\n", *_brief(rows), _CAVEAT]
    for key in chapters:
        own = [row for row in rows if (row["task"], row["parts"], row["share"]) == key]
        parts.append("\n".join(_chapter(own)))
    return "\n".join(parts)


def _brief(rows: Sequence[Row]) -> Iterator[str]:
    """Yield a line a task, and one on the gate."""
    for row in rows:
        if row["row"] == "marks" and row["turn"] is None:
            yield _in_words(row)
    ahead = {
        (row["task"], row["turn"]): row["marks"][1]["lead"] > 0
        for row in rows
        if row["row"] == "marks"
    }
    verdicts = [
        (row["gate"] == "passed", ahead.get((row["task"], row["turn"]), False))
        for row in rows
        if row["row"] == "turn"
    ]
    let = [is_ahead for is_passed, is_ahead in verdicts if is_passed]
    kept = [is_ahead for is_passed, is_ahead in verdicts if not is_passed]
    yield (
        f"- The gate let {len(let)} of {len(verdicts)} through, of which {sum(let)} "
        "have a higher average precision than the stand-in; of the "
        f"{len(kept)} that it refused {sum(kept)} have."
    )


def _in_words(row: Row) -> str:
    own, stand_in, *_, baseline = row["marks"]
    return (
        f"- {row['task']}: average precision {own['precision']:.3f} retrained, "
        f"{stand_in['precision']:.3f} shipped stand-in, "
        f"{baseline['precision']:.3f} baseline. Of the Brier loss of the stand-in the "
        f"retrained one saves {_bounded(stand_in['gain'], stand_in['gain_bounds'])}, "
        f"of the baseline's {_bounded(baseline['gain'], baseline['gain_bounds'])}."
    )


def _chapter(rows: Sequence[Row]) -> Iterator[str]:
    (whole,) = [row for row in rows if row["row"] == "marks" and row["turn"] is None]
    task, parts, share = whole["task"], whole["parts"], whole["share"]
    yield f"## {task}, {parts} parts\n"
    yield (
        f"{whole['moments']:,} moments judged, of which {whole['happened']:,} came "
        f"true, on {whole['blocks']} machine-days; {share:.0%} of the fleet's moments "
        "were sent.\n"
    )
    yield _HEADER
    for each in whole["marks"]:
        yield _line(each)
    yield "\nTurn by turn, average precision:\n"
    yield _TURNS
    marks = {row["turn"]: row["marks"] for row in rows if row["row"] == "marks"}
    for row in rows:
        if row["row"] == "turn":
            yield _turn(row, marks.get(row["turn"]))
    yield ""


def _line(each: Row) -> str:
    is_own = each["name"] == "retrained"
    cells = (
        each["name"],
        _bounded(each["precision"], each["precision_bounds"]),
        "" if is_own else _bounded(each["lead"], each["lead_bounds"], sign="+"),
        f"{each['brier_skill']:.3f}",
        "" if is_own else _bounded(each["gain"], each["gain_bounds"], sign="+"),
        f"{each['error']:.4f}",
    )
    return _row(cells)


def _turn(row: Row, marks: Sequence[Row] | None) -> str:
    found = {each["name"]: each["precision"] for each in marks or ()}
    cells = (
        str(row["turn"] + 1),
        _machines(row["school"]),
        _machines(row["senders"]),
        _machines(row["judges"]),
        f"{row['moments']:,}",
        f"{row['sent']:,}",
        *(
            f"{found[name]:.3f}" if name in found else "none"
            for name in ("retrained", "shipped stand-in")
        ),
        row["gate"],
    )
    return _row(cells)


def _machines(names: Iterable[str]) -> str:
    return ", ".join(name.removeprefix("machine-") for name in names)


def _bounded(value: float, bounds: Sequence[float], *, sign: str = "") -> str:
    low, high = bounds
    return f"{value:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
