"""The shift: log-odds learnt at a sample's rate, set to the rate of all moments."""

import math

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]


def shift(label: Vector, weight: Vector) -> float:
    """Return what is to be added to log-odds that were learnt without weights.

    It is logit(true rate) - logit(sample rate), and 0 where either cannot be said: no
    row, no event, or nothing else.

    Args:
        label: 1 or 0 of each row that taught.
        weight: For how many moments each stands.

    Source:
        King and Zeng, "Logistic regression in rare events data", Political Analysis 9
        (2001), prior correction.
    """
    happened = label > 0
    events, quiet = int(happened.sum()), int((~happened).sum())
    true_events, true_quiet = weight[happened].sum(), weight[~happened].sum()
    if not (events and quiet and true_events > 0 and true_quiet > 0):
        return 0.0
    return math.log(true_events / true_quiet) - math.log(events / quiet)
