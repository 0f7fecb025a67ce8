"""The tables of docs/samples.md; the words around them are written by hand."""

from collections.abc import Iterator, Sequence
from typing import Final

from sampling.summary import DEMANDED, Summary, summaries
from sampling.trial import PRODUCT, SHARES, TESTS, Result

_BEGIN: Final = "<!-- {}: written by benchmarks/samples.py -->\n"
_END: Final = "<!-- end -->"
_WEIGHED: Final = {
    1.0: "with its weights",
    0.5: "with the weights' square roots, then shifted",
    0.0: "without weights, then shifted",
}


def written(page: str, found: Sequence[Result]) -> str:
    """Return the page with its tables renewed."""
    known = summaries(found)
    tables = {
        "demands": _demands(known),
        "ways": _ways(known),
        "tasks": _tasks(known),
    }
    for name, lines in tables.items():
        page = _replaced(page, name, "\n".join(lines))
    return page


def _replaced(page: str, name: str, table: str) -> str:
    head, _, rest = page.partition(_BEGIN.format(name))
    if not rest:
        raise ValueError(f"page: expected {_BEGIN.format(name).strip()!r}, got none")
    _, _, tail = rest.partition(_END)
    return f"{head}{_BEGIN.format(name)}\n{table}\n\n{_END}{tail}"


def _demands(known: Sequence[Summary]) -> Iterator[str]:
    yield (
        "| rows sent | demanded of the worst | kept, worst | of | kept, median "
        "| against a larger model, worst | calibration error | of all rows |"
    )
    yield _rule(8)
    for each in known:
        if each.way != PRODUCT:
            continue
        worst = each.worst
        larger = min(k.precision / max(k.whole, k.large) for k in each.kept)
        yield _line(
            f"{each.share:.0%}",
            f"{DEMANDED[each.share]:.2f}",
            f"**{worst.ratio:.2f}**",
            f"{worst.task.kind}, {worst.task.name}: {TESTS[worst.test]}",
            f"{each.median:.2f}",
            f"{larger:.2f}",
            f"{each.mean('error'):.3f}",
            f"{each.mean('whole_error'):.3f}",
        )


def _ways(known: Sequence[Summary]) -> Iterator[str]:
    shares = " | ".join(f"{share:.0%}" for share in SHARES)
    yield (
        f"| rows | taught | worst: {shares} | median: {shares} "
        "| events of 100 rows | calibration error | uncorrected |"
    )
    yield _rule(5 + 2 * len(SHARES))
    for way in dict.fromkeys(each.way for each in known):
        mine = [each for each in known if each.way == way]
        last = mine[-1]
        yield _line(
            way.scheme,
            _WEIGHED[way.weighing],
            *(f"{each.worst.ratio:.2f}" for each in mine),
            *(f"{each.median:.2f}" for each in mine),
            f"{100 * last.events / last.rows:.0f}",
            f"{last.mean('error'):.3f}",
            f"{last.mean('raw_error'):.3f}",
        )


def _tasks(known: Sequence[Summary]) -> Iterator[str]:
    mine = [each for each in known if each.way == PRODUCT]
    shares = " | ".join(f"kept at {share:.0%}" for share in SHARES)
    yield f"| task | test | all rows | larger model | {shares} |"
    yield _rule(4 + len(SHARES))
    for rows in zip(*(each.kept for each in mine), strict=True):
        first = rows[0]
        yield _line(
            f"{first.task.kind}: {first.task.name}",
            TESTS[first.test],
            f"{first.whole:.3f}",
            f"{first.large:.3f}",
            *(f"{each.ratio:.2f}" for each in rows),
        )


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(columns: int) -> str:
    return "|" + " --- |" * columns
