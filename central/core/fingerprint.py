"""The fingerprint of training rows: the same rows, however they were read."""

from hashlib import sha256

import numpy as np

from central.core.samples import Samples

_LITTLE = "<f8"


def in_order(samples: Samples) -> Samples:
    """Return rows by time, host and entity: one order, however they were read."""
    return samples.where(np.lexsort((samples.entity, samples.host, samples.at)))


def fingerprint(samples: Samples) -> str:
    """Return the SHA-256 of all that rows say, whatever their order."""
    rows = in_order(samples)
    found = sha256(f"{rows.features.shape}".encode())
    for column in (rows.host, rows.entity, rows.release):
        found.update("\n".join(column.tolist()).encode() + b"\0")
    found.update(np.ascontiguousarray(rows.features, dtype="<f4").tobytes())
    for numbers in (rows.label, rows.weight, rows.at):
        found.update(np.ascontiguousarray(numbers, dtype=_LITTLE).tobytes())
    return found.hexdigest()
