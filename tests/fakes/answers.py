"""Recorded hosts on which everybody has answered: oracles, chance, the mistaken."""

import numpy as np

from agent.core.answers import Answers, climatology
from agent.core.peers import Peer

HORIZON_S = 900.0
STEP_S = 900.0
A_DAY = 96
WIDE = 1.2816


def event_host(*, name="host", days=12, rate=0.1, seed=0, said=None):
    """Return a host whose events nobody can foresee, but for who knows them."""
    generator = np.random.default_rng(seed)
    count = days * A_DAY
    at_s = STEP_S * np.arange(count)
    outcome = (generator.random(count) < rate).astype(float)
    happened_s = np.where(outcome > 0, at_s + HORIZON_S / 2, np.nan)
    known = climatology(outcome, at_s, horizon_s=HORIZON_S)
    noise = generator.random(count)
    answers = {
        "oracle": 0.02 + 0.96 * outcome,
        "baseline": known,
        "chance": noise,
        "silent": np.full(count, -np.inf),
        "mistaken": 0.98 - 0.96 * outcome,
    }
    return Answers(
        host=name,
        days=float(days),
        at_s=at_s,
        outcome=outcome,
        happened_s=happened_s,
        origin=noise,
        limit=noise,
        entity=np.zeros(count, dtype=int),
        reference=known,
        said={
            **answers,
            **dict.fromkeys(map(str, Peer), noise),
            "v1": answers[said or "oracle"],
        },
    )


def value_host(
    *, name="host", days=12, unit=1.0, error=0.2, levels=(-WIDE, 0, WIDE), **more
):
    """Return changes of standard deviation 1 units, foreseen up to an error."""
    generator = np.random.default_rng(4)
    count = days * A_DAY
    foreseen = generator.normal(size=count)
    outcome = unit * (foreseen + error * generator.normal(size=count))
    mine = unit * (foreseen[:, np.newaxis] + error * np.array(levels))
    theirs = unit * np.array(levels) * np.ones((count, 1))
    nothing = np.full(count, np.nan)
    return Answers(
        host=name,
        days=float(days),
        at_s=STEP_S * np.arange(count),
        outcome=outcome,
        happened_s=nothing,
        origin=nothing,
        limit=nothing,
        entity=np.zeros(count, dtype=int),
        reference=np.zeros(count),
        said={"v1": mine, "baseline": theirs},
    )
