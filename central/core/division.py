"""Division: which samples teach, which tune and which judge."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import numpy as np
import numpy.typing as npt

from central.core.samples import Samples

# Of the events: what teaches, what tunes; the rest judges.
_TEACH: Final = 0.6
_TUNE: Final = 0.15
# From here on events are of a later time.
_LATER: Final = 0.65
# What is less than this shows nothing.
_FEWEST: Final = 5

Mask = npt.NDArray[np.bool_]
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """Samples in three parts of which none sees into another.

    Attributes:
        teach: What the trees learn from.
        tune: What chooses their settings, calibrates them and sets the threshold.
        judge: What they are judged by.
        hosts: That teach.
        until: All that teaches was predicted before, in seconds since 1970 (UTC).
        words: How the parts were made, and why not better; for people.
    """

    teach: Samples
    tune: Samples
    judge: Samples
    hosts: frozenset[str]
    until: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    teach: Mask
    tune: Mask
    judge: Mask
    until: float
    words: str


def divided(
    samples: Samples,
    *,
    cases: Mask,
    horizon_s: float,
    group_of: Mapping[str, str],
) -> Division | None:
    """Return the samples in three parts, as far apart as they allow; None: too few.

    Best is a later time on other hosts. Hosts of one group, such as twins behind one
    load balancer, stay together. A horizon lies between what teaches and what comes
    later, for what the last moments tell is known only then.

    Args:
        samples: Of one task.
        cases: Which rows show what is rare: each part needs some, and some others.
        horizon_s: Of the task.
        group_of: Each host's group; who has none is alone.
    """
    if not cases.any():
        return None
    groups = [group_of.get(host, host) for host in samples.host.tolist()]
    place = _places(groups, cases=cases)
    for parts in _ways(samples.at, cases=cases, gap_s=horizon_s, place=place):
        if all(_shows(m, cases) for m in (parts.teach, parts.tune, parts.judge)):
            return Division(
                teach=samples.where(parts.teach),
                tune=samples.where(parts.tune),
                judge=samples.where(parts.judge),
                hosts=frozenset(samples.host[parts.teach].tolist()),
                until=parts.until,
                words=parts.words,
            )
    return None


def _ways(at: Vector, *, cases: Mask, gap_s: float, place: Vector) -> Iterator[_Parts]:
    """Yield how samples may be parted, the best way first."""
    first, later, second = np.quantile(at[cases], [_TEACH, _LATER, _TEACH + _TUNE])
    is_teacher, is_other = place < _TEACH, place >= _TEACH + _TUNE
    teach = is_teacher & (at < later - gap_s)
    yield _Parts(
        teach=teach,
        # Of any time, for they never teach, and there are few.
        tune=~is_teacher & ~is_other,
        judge=is_other & (at >= later),
        until=later - gap_s,
        words="later time, other hosts",
    )
    yield _Parts(
        teach=teach,
        tune=is_teacher & (at >= later),
        judge=~is_teacher & (at >= later),
        until=later - gap_s,
        words="later time, other hosts; tuned on a later time of the hosts that "
        "taught, for the others have too few events",
    )
    yield _Parts(
        teach=at < first - gap_s,
        tune=(at >= first) & (at < second - gap_s),
        judge=at >= second,
        until=first - gap_s,
        words="later time, the same hosts: too few hosts have events, so nothing is "
        "known of how it does on others",
    )


def _places(groups: list[str], *, cases: Mask) -> Vector:
    """Return where each row's group stands, 0..1, by its share of the cases.

    The order is that of the names' hashes: it never changes, so a host that judges now
    did not teach the release before either, but for the few at the border.
    """
    names = sorted(set(groups), key=lambda name: sha256(name.encode()).digest())
    place = {name: number for number, name in enumerate(names)}
    number = np.array([place[group] for group in groups])
    counts = np.bincount(number, cases, len(names))
    middle: Vector = (np.cumsum(counts) - counts / 2) / counts.sum()
    found: Vector = middle[number]
    return found


def _shows(part: Mask, cases: Mask) -> bool:
    """Return whether a part has enough of what is rare, and of the rest if any."""
    kinds = (cases,) if cases.all() else (cases, ~cases)
    return all(np.sum(part & kind) >= _FEWEST for kind in kinds)
