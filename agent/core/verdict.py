"""The verdicts: what follows where the guard has shown something; one table."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from agent.core.evidence import Evidence
from agent.core.moment import Role, Thesis
from agent.core.turn import Move


class Rule(NamedTuple):
    """One question by roles, and what follows once it is shown; None: it is heard."""

    thesis: Thesis
    release: Role
    reference: Role
    move: Move | None


# In this order: what is shown first decides.
RULES: Final = (
    Rule(Thesis.WORSE, Role.ACTIVE, Role.STANDBY, Move.ROLL_BACK),
    Rule(Thesis.WORSE, Role.ACTIVE, Role.BASELINE, Move.ROLL_BACK),
    Rule(Thesis.WORSE, Role.STANDBY, Role.BASELINE, Move.ROLL_BACK),
    Rule(Thesis.WORSE, Role.SHADOW, Role.ACTIVE, Move.ROLL_BACK),
    Rule(Thesis.BETTER, Role.SHADOW, Role.ACTIVE, Move.PROMOTE),
    Rule(Thesis.NOT_WORSE, Role.SHADOW, Role.ACTIVE, Move.PROMOTE),
    Rule(Thesis.NOT_WORSE, Role.ACTIVE, Role.BASELINE, None),
    Rule(Thesis.NOT_WORSE, Role.STANDBY, Role.BASELINE, None),
    Rule(Thesis.NOT_WORSE, Role.SHADOW, Role.BASELINE, None),
)
# Not what it shows decides here, but that it has not for long enough.
ON_PROBATION: Final = Rule(Thesis.WORSE, Role.ACTIVE, Role.BASELINE, Move.CONFIRM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to be done with a release, and why.

    Attributes:
        move: What is done; None: it is heard from now on.
        digest: The release.
        evidence: What was shown; None: it is at fault without any.
        fault: What it did wrong; None: nothing, its predictions were.
        is_held: Whether an operator's pin stands against it.
    """

    move: Move | None
    digest: str
    evidence: Evidence | None = None
    fault: str | None = None
    is_held: bool = False
