"""A moment with its outcome, as people and programs read it."""

from agent.cli.filters import Filters
from agent.cli.output import cell_text
from agent.core.moment import Moment, Outcome, Role
from agent.wiring.reading import Archive


def moments(
    archive: Archive, filters: Filters, *, only_resolved: bool = False
) -> list[tuple[Moment, Outcome | None]]:
    """Return the moments that the filters let through, the newest first."""
    return archive.moments(
        task=filters.task,
        entity=filters.entity,
        since=filters.since,
        limit=filters.limit,
        only_resolved=only_resolved,
    )


def scores_of(moment: Moment, role: Role) -> str | float | None:
    """Return a role's score as a table's cell; quantiles one after another."""
    prediction = moment.by(role)
    if prediction is None:
        return None
    if len(prediction.values) == 1:
        return prediction.values[0]
    return " ".join(map(cell_text, prediction.values))


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
