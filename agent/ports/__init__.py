"""What the flows need of the world, in our words."""

from agent.ports.scoring import (
    CardKey,
    Clock,
    EvidenceFolder,
    Host,
    Ledger,
    Model,
    Models,
    OwnCost,
    Standing,
    TickRecord,
    Trimmed,
    Voucher,
)
from agent.ports.updating import (
    Chain,
    Claim,
    ModelFolder,
    Provenance,
    Registry,
    Repository,
    Trial,
    UpdatePorts,
)

__all__ = [
    "CardKey",
    "Chain",
    "Claim",
    "Clock",
    "EvidenceFolder",
    "Host",
    "Ledger",
    "Model",
    "ModelFolder",
    "Models",
    "OwnCost",
    "Provenance",
    "Registry",
    "Repository",
    "Standing",
    "TickRecord",
    "Trial",
    "Trimmed",
    "UpdatePorts",
    "Voucher",
]
