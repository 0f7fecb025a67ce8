"""A daemon's ticks at full speed, told to die by `test_killed_daemon`.

Everything it lives through follows from the number of the tick, so what is found after
a death can be told from what must be there. It prints the number of each tick that
closed a commit, as soon as the commit is through.
"""

import sys
from pathlib import Path

import numpy as np

from agent.core.policy import Policy
from agent.core.sample import Sample
from agent.flows.tick import Ticker
from tests.fakes.ledger import START
from tests.fakes.life import (
    ACTIVE,
    CPU,
    INTERVAL_S,
    SHADOW,
    KeptEvidence,
    SymbolicLedger,
    at,
    disk_manifest,
    manifest_of,
)
from tests.fakes.models import FixedModels, logistic
from tests.fakes.vouchers import FixedVoucher

DISK = "e" * 64
TASKS = {
    ACTIVE: manifest_of(version=2),
    SHADOW: manifest_of(version=3, features=[f"max_over_time({CPU}[2m])"]),
    DISK: disk_manifest(score_every="20s", missing="skip"),
}
LAYOUT = (
    CPU,
    *(f'system.filesystem.utilization{{mountpoint="/{n}"}}' for n in range(3)),
    "system.uptime",
)
COMMIT_EVERY_S = 4 * INTERVAL_S
LENGTH = 100_000


class RandomHost:
    """A random walk, with gaps; what is read follows from the instant alone."""

    def __init__(self):
        generator = np.random.default_rng(20_260_301)
        steps = generator.normal(0, 0.05, (LENGTH, 4))
        # A wave keeps the walk from going away for good.
        walk = np.cumsum(steps, axis=0) + np.arange(LENGTH)[:, None] / 37
        self._values = 0.6 + 0.38 * np.sin(walk)
        self._values[generator.random((LENGTH, 4)) < 0.02] = np.nan

    def sample(self, now):
        number = number_of(now)
        uptime = 10.0 * (number % 173)  # it boots anew now and then
        values = np.float32([*self._values[number], uptime])
        return Sample(at=now, layout=LAYOUT, values=values)


class TellingLedger(SymbolicLedger):
    """Says aloud what it has committed."""

    last = None

    def add(self, record):
        super().add(record)
        self.last = number_of(record.sample.at)

    def commit(self, standing):
        came = super().commit(standing)
        if self.last is not None:
            sys.stdout.write(f"{self.last}\n")
            sys.stdout.flush()
        return came


def number_of(instant):
    return round((instant - START).total_seconds() / INTERVAL_S)


def line_up(bench):
    """Set up what the child finds: two tasks, one with a shadow."""
    for digest, document in TASKS.items():
        bench.take_in(document, digest)
    bench.line_up(task="cpu-busy", active=ACTIVE, shadow=SHADOW)
    bench.line_up(task="disk-full", active=DISK)


def ticker_on(ledger):
    return Ticker(
        host=RandomHost(),
        ledger=ledger,
        models=FixedModels({ACTIVE: logistic, SHADOW: 0.4, DISK: logistic}),
        voucher=FixedVoucher(),
        interval_s=INTERVAL_S,
        origin_s=START.timestamp(),
        commit_every_s=COMMIT_EVERY_S,
        is_allowed=lambda task: True,
        policy=Policy(),
        evidence=KeptEvidence(),
    )


def live(path):
    with TellingLedger.open(path) as ledger:
        # A checkpoint every few commits, so that some deaths fall into one.
        ledger._connection.execute("PRAGMA wal_autocheckpoint = 50")
        known = [number_of(sample.at) for sample in ledger.samples(since=START)]
        ticker = ticker_on(ledger)
        for number in range(max(known, default=-1) + 1, LENGTH):
            ticker.tick(at(number))


if __name__ == "__main__":
    live(Path(sys.argv[1]))
