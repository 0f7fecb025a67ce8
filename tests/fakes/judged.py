"""A host on which releases are judged: events with an omen, and models that read it.

An event comes at random; the ticks before it carry an omen, now and then a false one.
Everything follows from the seed, so a life can be lived again.
"""

from contextlib import contextmanager

import msgspec
import numpy as np

from agent.core.policy import Policy
from agent.core.release import ReleaseState
from agent.flows.memory import Memory
from tests.fakes.host import ScriptedHost
from tests.fakes.life import ACTIVE, CPU, SHADOW, STANDBY, InSqlite, Life, manifest_of
from tests.fakes.models import FixedModels

OMEN = "system.memory.utilization"
TASK = "cpu-busy"
RARELY_S = 600.0
HORIZON = 2
BLOCK = 10
VERSIONS = {STANDBY: 1, ACTIVE: 2, SHADOW: 3}
# Lowered, so that a test lasts seconds: alpha 0.05 (0.001), decided from the second
# block on (sixth), a margin of 50 % (10 %), promotion at 4 (20), after ten minutes (a
# day) and three episodes (five). Blocks stay at ten ticks: with half a dozen the stakes
# follow the answers, and a release that is upside down may pass.
QUICK = Policy(
    alpha=0.05,
    block_s=100.0,
    min_blocks=2,
    margin=0.5,
    promotion=4.0,
    least_s=600.0,
    least_episodes=3,
)


def document(version=1, *, target=(), **changes):
    """Return the manifest of a release that foretells a busy processor by the omen."""
    return manifest_of(
        task=changes.pop("task", TASK),
        version=version,
        target={"within": "20s", **dict(target)},
        **{
            "score_every": "10s",
            "features": [f"last_over_time({OMEN}[10s])"],
            **changes,
        },
    )


def columns(length, *, seed=51, rate=0.1, wrong=0.05):
    """Return load and omen, a value a tick.

    Args:
        length: How many ticks.
        seed: Of everything.
        rate: Share of ticks at which the event begins.
        wrong: Share of ticks whose omen is false.
    """
    generator = np.random.default_rng(seed)
    drawn = generator.random((length + HORIZON, 2))  # a longer life begins alike
    comes = drawn[:, 0] < rate
    omen = np.array([comes[n + 1 : n + 1 + HORIZON].any() for n in range(length)])
    omen ^= drawn[:length, 1] < wrong
    load = np.where(comes[:length], 1.0, 0.3)
    return {CPU: load.tolist(), OMEN: omen.astype(float).tolist()}


def host(length=400, **options):
    return ScriptedHost.of_columns(columns(length, **options))


def good(features):
    """Return what the omen foretells, as surely as it does."""
    return np.where(features[:, :1] > 0.5, 0.7, 0.03)


def better(features):
    return np.where(features[:, :1] > 0.5, 0.85, 0.015)


def poor(features):
    return np.where(features[:, :1] > 0.5, 0.25, 0.15)


def inverted(features):
    return 1 - good(features)


def judged(
    bench,
    models,
    *,
    script=None,
    policy=QUICK,
    states=None,
    write=document,
    task=TASK,
    **slots,
):
    """Return a life with releases at work, by default all of them trusted.

    Args:
        bench: The ledger.
        models: Digest -> what the release answers.
        script: The host; by default a fresh `host()`.
        policy: The site's.
        states: Digest -> state, in place of confirmed for the active one.
        write: Returns the manifest of a version.
        task: The task's name.
        slots: Role -> digest.
    """
    for digest in slots.values():
        bench.take_in(write(version=VERSIONS[digest]), digest)
    trusted = {slots.get("active"): ReleaseState.CONFIRMED} if "active" in slots else {}
    bench.line_up(task=task, states={**trusted, **dict(states or {})}, **slots)
    return Life(
        bench,
        script or host(),
        models=models if isinstance(models, FixedModels) else FixedModels(models),
        policy=policy,
        commit_every_s=RARELY_S,
    )


def court_of(bench, task=TASK):
    """Return what the ledger says that a task's court remembers."""
    return msgspec.json.decode(bench.ledger.memories()[task], type=Memory).court


def told(life, *names):
    """Return the events of these names that ticks have told, each with its tick."""
    return [
        (number, event)
        for number, result in enumerate(life.results)
        for event in result.events
        if event.name in names
    ]


@contextmanager
def unwritable(bench):
    """Let no commit come through, however small."""
    is_file = isinstance(bench, InSqlite)
    if is_file:
        bench.ledger._connection.execute("PRAGMA query_only = ON")
    else:
        bench.break_commits()
    try:
        yield
    finally:
        if is_file:
            bench.ledger._connection.execute("PRAGMA query_only = OFF")
        else:
            bench.mend_commits()
