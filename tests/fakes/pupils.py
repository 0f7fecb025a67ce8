"""A recorded host whose first feature tells, as far as it can be told, what comes."""

import numpy as np

from agent.core.rows import Rows
from central.core.pupils import Pupil

STEP_S = 1500.0
COUNT = 1000
LENGTH_S = COUNT * STEP_S


def lived_pupil(host, group=None, *, seed=0, mark=0.0, step_s=STEP_S):
    """Return a thousand moments; the first feature is the probability itself."""
    rng = np.random.default_rng(seed)
    likely = 1 / (1 + np.exp(-2 * rng.normal(-0.5, 1, size=COUNT)))
    happened = rng.random(COUNT) < likely
    at_s = np.arange(COUNT) * step_s
    return Pupil(
        host=host,
        group=group or host,
        length_s=COUNT * step_s,
        rows=Rows(
            features=np.column_stack([likely, np.full(COUNT, mark)]).astype(np.float32),
            outcome=happened.astype(np.float64),
            baseline=np.full((COUNT, 1), 0.4),
            extras=rng.random((COUNT, 3)),
            at_s=at_s,
            limit=np.ones(COUNT),
            origin=np.zeros(COUNT),
            entity=("",) * COUNT,
            happened_s=np.where(happened, at_s + 60, np.nan),
        ),
        strange=rng.random(COUNT),
    )
