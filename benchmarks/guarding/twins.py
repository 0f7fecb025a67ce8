"""Does the twin say what the product's own guard says? And does that one survive?"""

from dataclasses import dataclass

import numpy as np
from guarding.ledger import ALPHA, NEVER, audited
from guarding.life import (
    BLOCK,
    HORIZON,
    MARGIN,
    Flags,
    Life,
    Losses,
    clip_of,
    judged,
)

from agent.core.guard import PairedGuard, log_loss, worst_case

_TOLERANCE = 1e-9
_LOSS_TOLERANCE = 1e-5  # the worlds are kept in float32
_LOOK_EVERY = 97
_RESTARTS = 20
_HALF = 0.5
_RATE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What the product's guard saw on one host: evidence at some ticks, and a breach.

    `evidence` maps ticks to what was seen there, after the outcomes of that tick.
    """

    fired: int
    evidence: dict[int, float]


def check_twin(name: str, losses: Losses, *, lag: int = HORIZON) -> None:
    """Compare the twin with PairedGuard on every host given.

    Raises:
        SystemExit: They disagree: no figure of this benchmark would mean anything.
    """
    twin = audited(losses, lag=lag, keeps_evidence=True)
    for host in range(losses.active.shape[1]):
        real = guarded(losses, host, lag=lag)
        _compare(f"{name}, host {host}", twin.fired[host], real.fired)
        for tick, evidence in real.evidence.items():
            _compare(
                f"{name}, host {host}, tick {tick}",
                twin.evidence[tick, host],
                evidence,
            )


def check_losses(rng: np.random.Generator) -> None:
    """Compare the losses of the worlds with the product's, on random forecasts.

    Raises:
        SystemExit: They disagree.
    """
    pair = rng.random((2, 200, 1), dtype=np.float32) ** 6
    outcome = (rng.random((200, 1)) < _HALF).astype(np.float32)
    life = Life(outcome=outcome, seen=pair, forecast=pair, rate=_RATE)
    found = judged(life, pair[0])
    clip = clip_of(_RATE)
    for i, (active, reference) in enumerate(pair[:, :, 0].T.tolist()):
        hit = bool(outcome[i, 0])
        _near(f"loss of {active}", found.active[i, 0], log_loss(active, hit, clip))
        wanted = worst_case(active, reference, MARGIN, clip)
        _near(f"worst case of {active}, {reference}", found.worst[i, 0], wanted)


def guarded(
    losses: Losses,
    host: int,
    *,
    lag: int = HORIZON,
    restarts: frozenset[int] = frozenset(),
) -> Audit:
    """Drive the product's guard through the life of one host, as a daemon would.

    Args:
        losses: The lives.
        host: Which of them.
        lag: Ticks until an outcome is known.
        restarts: Ticks before which the guard is written down and read back.
    """
    guard = PairedGuard(BLOCK, MARGIN, ALPHA)
    pairs = [losses.active[:, host], losses.reference[:, host], losses.worst[:, host]]
    active, reference, worst = (values.tolist() for values in pairs)
    issued = _column(losses.issued, host, len(active))
    known = _column(losses.known, host, len(active))
    bets: dict[int, int] = {}
    evidence: dict[int, float] = {}
    fired = NEVER
    for tick in range(len(active)):
        if tick in restarts:
            guard = PairedGuard.load(guard.state())
        old = tick - lag
        if old in bets:
            both = (active[old], reference[old]) if known[old] else (None, None)
            guard.resolve(old, bets.pop(old), worst[old], *both)
        if tick % _LOOK_EVERY == 0:
            evidence[tick] = guard.evidence()
        if fired == NEVER and guard.breached():
            fired = tick
        if issued[tick]:
            bets[tick] = guard.issue(tick, worst[tick])
    return Audit(fired=fired, evidence=evidence)


def survives(losses: Losses, host: int, *, rng: np.random.Generator) -> bool:
    """Return whether restarts at random ticks change nothing, to the last bit."""
    restarts = frozenset(rng.integers(1, len(losses.active), size=_RESTARTS).tolist())
    return guarded(losses, host) == guarded(losses, host, restarts=restarts)


def _column(flags: Flags | None, host: int, ticks: int) -> list[bool]:
    return [True] * ticks if flags is None else flags[:, host].tolist()


def _compare(where: str, twin: float, real: float) -> None:
    if abs(twin - real) > _TOLERANCE * abs(real):
        raise SystemExit(
            f"guard: {where}: the product's guard says {real!r}, its twin {twin!r}: "
            "mend guarding/ledger.py, or agent/core/guard.py"
        )


def _near(what: str, ours: float, theirs: float) -> None:
    if abs(ours - theirs) > _LOSS_TOLERANCE:
        raise SystemExit(
            f"guard: {what}: the product says {theirs!r}, the simulation {ours!r}: "
            "mend guarding/life.py, or agent/core/loss.py"
        )
