"""A moment with its outcome, as people and programs read it."""

from collections.abc import Sequence

from agent.cli.filters import Filters
from agent.cli.output import cell_text, say
from agent.core.moment import Moment, Outcome, OutcomeKind, Role
from agent.core.quantity import duration_text
from agent.wiring.reading import Archive


def moments(
    archive: Archive, filters: Filters, *, only_resolved: bool = False
) -> list[tuple[Moment, Outcome | None]]:
    """Return the moments that the filters let through, the newest first.

    Where that is none, words on stderr say why it may be.
    """
    found = archive.moments(
        task=filters.task,
        entity=filters.entity,
        since=filters.since,
        limit=filters.limit,
        only_resolved=only_resolved,
    )
    if not found:
        say(_none(archive, filters, what="outcome" if only_resolved else "prediction"))
    return found


def scores_of(moment: Moment, role: Role) -> str | float | None:
    """Return a role's score as a table's cell; quantiles one after another."""
    prediction = moment.by(role)
    if prediction is None:
        return None
    if len(prediction.values) == 1:
        return prediction.values[0]
    return " ".join(map(cell_text, prediction.values))


def outcome_text(moment: Moment, outcome: Outcome | None) -> str:
    """Return what came of a moment in a few words."""
    if outcome is None:
        return "open"
    match outcome.kind:
        case OutcomeKind.VOID:
            return f"void: {outcome.void}"
        case OutcomeKind.VALUE:
            return cell_text(outcome.value)
        case OutcomeKind.HAPPENED if outcome.happened_at is not None:
            after_s = (outcome.happened_at - moment.at).total_seconds()
            return f"happened after {duration_text(after_s)}"
        case kind:
            return kind.replace("_", " ")


def document(moment: Moment, outcome: Outcome | None) -> dict[str, object]:
    """Return a moment for a program; `outcome` is null while it is open."""
    return {
        "id": moment.id,
        "task": moment.task,
        "entity": moment.entity,
        "at": moment.at,
        "due_at": moment.due_at,
        "limit": moment.limit,
        "predictions": [
            {"role": each.role, "digest": each.digest, "scores": each.values}
            for each in moment.predictions
        ],
        "outcome": outcome,
    }


def _none(archive: Archive, filters: Filters, *, what: str) -> str:
    tasks = [lineup.task for lineup in archive.lineups()]
    if filters.task is not None and filters.task not in tasks:
        return f'no task "{filters.task}" here; there is {_listed(tasks)}'
    if filters.is_any:
        return f"no {what} that these filters let through"
    return f"no {what} yet"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
