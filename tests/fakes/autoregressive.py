"""Series of a first-order process, each with mean 0 and variance 1."""

import numpy as np

_BURN_IN = 200


def autoregressive(length, columns, *, coefficient, seed):
    """Return independent series side by side, shape (length, columns)."""
    generator = np.random.default_rng(seed)
    noise = generator.normal(size=(length + _BURN_IN, columns))
    series = np.empty_like(noise)
    series[0] = noise[0]
    spread = (1 - coefficient**2) ** 0.5
    for n in range(1, len(noise)):
        series[n] = coefficient * series[n - 1] + spread * noise[n]
    return series[_BURN_IN:]
