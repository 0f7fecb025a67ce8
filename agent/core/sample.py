"""A sample: one reading of all metrics at one instant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One reading of all metrics at one instant.

    Attributes:
        at: When it was read; aware, UTC.
        layout: The canonical spelling of each series, one a value. A host whose
            devices do not change hands out the same tuple again and again.
        values: float32, shape (len(layout),); NaN marks a gap.
        failures: Collectors that failed at this instant, with the reason.
    """

    at: datetime
    layout: tuple[str, ...]
    values: npt.NDArray[np.float32]
    failures: Mapping[str, str] = field(default_factory=dict)
