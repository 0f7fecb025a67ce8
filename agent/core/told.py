"""Told: line-ups and health in the words of a report, each within what it may hold."""

from collections.abc import Mapping
from typing import Final

from agent.core.envelope import LineUpReport, Placed, TrustHealth
from agent.core.lineup import LineUp
from agent.core.moment import Role
from agent.core.release import Release, ReleaseState
from agent.core.trust import Trust

_MOST_GAPS: Final = 100
_LONGEST_NAME: Final = 200
_LONGEST_TEXT: Final = 500


def line_up(lineup: LineUp, *, known: Mapping[str, Release]) -> LineUpReport:
    """Return who is at work for a task; who only a newer program knows is left out.

    A survey has nothing to be judged by: it runs once it is active.
    """
    placed = {
        role: Placed(
            digest=digest,
            version=known[digest].manifest.version,
            state=known[digest].state,
        )
        for role, digest in lineup.roles()
        if digest in known
    }
    active = known.get(lineup.active or "")
    return LineUpReport(
        task=lineup.task,
        active=placed.get(Role.ACTIVE),
        standby=placed.get(Role.STANDBY),
        shadow=placed.get(Role.SHADOW),
        confirmed_running=(
            active.digest if active is not None and _is_settled(active) else None
        ),
        is_pinned=lineup.is_pinned,
    )


def _is_settled(active: Release) -> bool:
    is_survey = active.manifest.model is None
    return is_survey or active.state is ReleaseState.CONFIRMED


def trust_health(trust: Trust, *, refusals: Mapping[str, str]) -> TrustHealth:
    """Return how the host stands with its repository.

    Args:
        trust: What it remembers.
        refusals: Why the last offer of a task was not taken, by task.
    """
    return TrustHealth(
        checked_at=trust.checked_at,
        trouble=None if trust.reason is None else trust.reason[:_LONGEST_TEXT],
        refused={task: why[:_LONGEST_TEXT] for task, why in refusals.items()},
    )


def worst_gaps(missing: Mapping[str, int]) -> dict[str, int]:
    """Return the hundred series that were missing most often, the worst first.

    Args:
        missing: In how many samples each was a gap.
    """
    worst = sorted(missing, key=lambda name: (-missing[name], name))[:_MOST_GAPS]
    return {name[:_LONGEST_NAME]: missing[name] for name in worst}
