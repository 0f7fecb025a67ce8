"""A fleet whose truth is known: samples of moments whose probability was drawn."""

from dataclasses import dataclass

import numpy as np

from central.core.samples import Samples
from central.ports.fleet import HostRow

START = 1_780_000_000.0
DAY_S = 86_400.0


@dataclass
class Truth:
    """What was sent, and how probable each row's event really was."""

    samples: Samples
    probability: np.ndarray


def truth(
    *,
    release,
    hosts=8,
    moments=4_000,
    days=20.0,
    rate=-4.0,
    seed=1,
    sent=0.2,
    width=2,
    gaps=0.0,
    active=None,
):
    """Return a sample, half of it events, of hosts whose truth is a logistic curve.

    Args:
        release: Digest of the manifest whose features these are.
        moments: A host, before the choice.
        rate: Log-odds where all features are 0.
        sent: Which share of the moments is sent.
        gaps: Share of the second feature that is missing; it says nothing then.
        active: Returns what the active release said of features; None: nothing.
    """
    rng = np.random.default_rng(seed)
    count = hosts * moments
    features = rng.normal(size=(count, width))
    lost = rng.random(count) < gaps
    known = np.where(lost, 0.0, features[:, 1])
    logit = rate + 2.0 * features[:, 0] - 1.0 * known
    probability = 1 / (1 + np.exp(-logit))
    happened = rng.random(count) < probability
    features[lost, 1] = np.nan
    host = np.repeat(np.arange(hosts), moments)
    at = START + np.tile(np.linspace(0, days * DAY_S, moments), hosts)
    chance = _chances(happened, budget=sent * count)
    kept = np.flatnonzero(rng.random(count) < chance)
    kept = kept[np.argsort(at[kept], kind="stable")]
    features = features.astype(np.float32)
    said = np.full((count, 1), np.nan) if active is None else active(features)
    return Truth(
        samples=Samples(
            features=features[kept],
            label=happened[kept].astype(np.float64),
            weight=1 / chance[kept],
            baseline=np.full((len(kept), 1), happened.mean()),
            active=said[kept],
            at=at[kept],
            host=np.array([f"host-{number:03}" for number in host[kept]]),
            entity=np.full(len(kept), ""),
            release=np.full(len(kept), release),
        ),
        probability=probability[kept],
    )


def _chances(happened, *, budget):
    """Return each moment's chance to be sent: half of the budget is for events."""
    events, quiet = happened.sum(), (~happened).sum()
    for_events = min(events, budget / 2)
    for_quiet = min(quiet, budget - for_events)
    return np.where(happened, for_events / max(events, 1), for_quiet / max(quiet, 1))


class FixedDataset:
    """A dataset that holds these samples."""

    def __init__(self, *samples):
        self.samples = samples

    def releases(self, task):
        found = {name for each in self.samples for name in each.release.tolist()}
        return tuple(sorted(found))

    def read(self, task, *, releases, since=None, until=None):
        first = self.samples[0]
        for each in self.samples:
            mask = np.isin(each.release, sorted(releases))
            if mask.any():
                return each.where(mask)
        return first.where(np.zeros(len(first), dtype=bool))


class FixedHosts:
    """A fleet of hosts with these labels."""

    def __init__(self, labels):
        self._labels = labels

    def hosts(self):
        return tuple(
            HostRow(
                host_id=host,
                agent="1.0",
                labels=labels,
                host_name=None,
                enrolled_at=None,
                revoked_at=None,
                reported_at=None,
                received_through=0,
                holes=(),
            )
            for host, labels in self._labels.items()
        )
