"""The figures of the scorecards, as tables and calibrations."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from agent.cli.output import Cell, cell_text, share
from agent.cli.scores import Score
from agent.core.moment import BASELINE, Role
from agent.core.quantity import duration_text
from agent.core.scorecard import Scorecard, merged
from agent.core.skill import skill
from agent.core.story import Calibration, Sheet, called
from agent.wiring.reading import Archive

_EVENT_HEADER = (
    "release",
    "as",
    "resolved",
    "happened",
    "void",
    "Brier",
    "baseline's",
    "better by",
    "log loss",
    "baseline's",
    "calib. error",
    "precision",
    "recall",
    "lead",
)
_VALUE_HEADER = (
    "release",
    "as",
    "resolved",
    "void",
    "quantile",
    "pinball",
    "baseline's",
    "better by",
    "coverage",
)


def scorecards(
    found: Sequence[Score], *, labels: Mapping[str, str], is_event: bool
) -> Sheet:
    """Return the scorecards of one task as a table."""
    rows = _events if is_event else _values
    return Sheet(
        header=_EVENT_HEADER if is_event else _VALUE_HEADER,
        rows=tuple(
            tuple(map(cell_text, row))
            for score in found
            for row in rows(score, called(score.digest, labels))
        ),
    )


def calibrations(
    archive: Archive, task: str, *, labels: Mapping[str, str]
) -> Iterator[Calibration]:
    """Yield how each forecaster's answers came true, whatever place it had."""
    cards: dict[str, list[Scorecard]] = defaultdict(list)
    for key, card in archive.cards(task=task).items():
        cards[key.digest].append(card)
    for digest in sorted(cards, key=lambda each: (each == BASELINE, labels.get(each))):
        known = skill(merged(cards[digest]))
        points = [(b.predicted, b.happened, b.count) for b in known.calibration]
        points += [(float(q), s.coverage, s.count) for q, s in known.levels.items()]
        if points:
            said, came, counts = zip(*points, strict=True)
            yield Calibration(
                label=called(digest, labels), said=said, came=came, counts=counts
            )


def _events(score: Score, label: str) -> Iterator[tuple[Cell, ...]]:
    known = score.skill
    lead_s = known.lead_time_median_s
    yield (
        label,
        score.role,
        f"{known.resolved:,}",
        f"{known.happened:,}",
        f"{sum(known.voids.values()):,}",
        known.brier,
        known.baseline_brier,
        None if score.role is Role.BASELINE else share(known.skill),
        known.log_loss,
        known.baseline_log_loss,
        share(known.calibration_error),
        share(known.precision),
        share(known.recall),
        None if lead_s is None else duration_text(lead_s),
    )


def _values(score: Score, label: str) -> Iterator[tuple[Cell, ...]]:
    known = score.skill
    for level, each in sorted(known.levels.items(), key=lambda item: float(item[0])):
        yield (
            label,
            score.role,
            f"{known.resolved:,}",
            f"{sum(known.voids.values()):,}",
            level,
            each.pinball,
            each.baseline_pinball,
            None if score.role is Role.BASELINE else share(each.skill),
            share(each.coverage),
        )
