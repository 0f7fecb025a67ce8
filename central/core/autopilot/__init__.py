"""The autopilot: one table of stages, and the pooled evidence that moves it.

Facts go in and a plan comes out; nothing here reads a clock or touches the world. The
act of a stage (retrain, approve, withdraw) belongs to `central.flows.autopilot`.
"""

from central.core.autopilot.person import halted, new_plan, paused, resumed, rolled
from central.core.autopilot.plan import (
    RESTING,
    Candidate,
    Course,
    Crowd,
    Facts,
    Fallen,
    Fresh,
    Made,
    Outcome,
    Plan,
    Stage,
    Terms,
    parse_plan,
)
from central.core.autopilot.pooling import counted, first_block
from central.core.autopilot.table import TABLE, decided

__all__ = [
    "RESTING",
    "TABLE",
    "Candidate",
    "Course",
    "Crowd",
    "Facts",
    "Fallen",
    "Fresh",
    "Made",
    "Outcome",
    "Plan",
    "Stage",
    "Terms",
    "counted",
    "decided",
    "first_block",
    "halted",
    "new_plan",
    "parse_plan",
    "paused",
    "resumed",
    "rolled",
]
