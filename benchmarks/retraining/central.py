"""A central of its own: the shipped release published, reports in, retrained."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import msgspec
from retraining.sending import START

from agent.core.envelope import Envelope
from agent.core.pointer import manifest_path
from central.core.profile import Profile, policy_of
from central.flows.found import found
from central.flows.publish import Publication
from central.flows.retrain import GateRefused, NotYet, Outcome
from central.ports.fleet import Arrival
from central.wiring.dataset import opened_dataset, shelved
from central.wiring.fleet import opened_fleet
from central.wiring.releases import published
from central.wiring.repository import founding, looked_at
from central.wiring.retrain import order_of, retrained

_AT_ONCE = 50
_ONE_KEY = dict.fromkeys(("root", "targets", "release", "approve"), (1, 1))


def founded(folder: Path, *, task: str, files: dict[str, bytes]) -> str:
    """Found a central that publishes a release; return its digest."""
    central = folder / "central"
    policy = policy_of(Profile.CONNECTED, counts=_ONE_KEY)
    with founding(central, policy=policy) as desk:
        found(desk, keyring=desk.keyring, policy=policy, tasks=[task])
    for name, content in files.items():
        (folder / name).write_bytes(content)
    done = published(
        central,
        manifest=folder / "manifest.json",
        model=folder / "model.onnx",
        signature=None,
    )
    if not isinstance(done, Publication):
        raise SystemExit(f"retrain: the stand-in is unfit: {done.reasons}")
    shelf = looked_at(central)
    return sha256(shelf.file(manifest_path(task, 1)).read_bytes()).hexdigest()


def taken_in(folder: Path, envelopes: Iterable[Envelope]) -> int:
    """Store reports and put their samples into files; return how many samples."""
    central = folder / "central"
    with opened_fleet(central) as fleet:
        waiting: list[Arrival] = []
        for envelope in envelopes:
            waiting.append(_arrival(envelope))
            if len(waiting) == _AT_ONCE:
                fleet.reports.store_many(waiting)
                waiting = []
        fleet.reports.store_many(waiting)
    count = shelved(central)
    opened_dataset(central).compact(before=START.date() + timedelta(days=10_000))
    return count


def retrained_model(folder: Path, *, task: str) -> tuple[Outcome, bytes | None]:
    """Return what came of retraining, and the model, also of one that was refused."""
    central = folder / "central"
    order = replace(order_of(central), is_dry=True)
    outcome = retrained(central, task=task, order=order, out=folder / "out")
    if isinstance(outcome, NotYet):
        return outcome, None
    (model,) = (folder / "out").rglob("model.onnx")
    return outcome, model.read_bytes()


def verdict(outcome: Outcome) -> str:
    """Return what the gate said, in words."""
    if isinstance(outcome, NotYet | GateRefused):
        return "; ".join(outcome.reasons)
    return "passed"


def _arrival(envelope: Envelope) -> Arrival:
    document = msgspec.json.encode(envelope)
    return Arrival(
        envelope=envelope,
        sha256=sha256(document).hexdigest(),
        length=len(document),
        at=envelope.window.end,
    )
