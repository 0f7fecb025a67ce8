"""What central's flows need of the outside world, in our words."""

from central.ports.releases import Mirror, Qualifier, Scorer, Shelf
from central.ports.signing import Desk, KeyDesk, Keyring
from central.ports.training import (
    ReleaseFolder,
    Sketch,
    Traces,
    TrainedModel,
    Trainer,
)

__all__ = [
    "Desk",
    "KeyDesk",
    "Keyring",
    "Mirror",
    "Qualifier",
    "ReleaseFolder",
    "Scorer",
    "Shelf",
    "Sketch",
    "Traces",
    "TrainedModel",
    "Trainer",
]
