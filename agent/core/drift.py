"""Drift: whether a feature lies otherwise here than it did in training, beyond chance.

The reference of a manifest holds each feature's quantiles at even levels; between two
of them lies the same share of the training. What a host saw is counted in these bins
and compared by the population stability index (PSI). From which PSI on that is more
than chance depends on how many there were, and on how alike neighbours are: one
host's moments, minutes apart, are worth far fewer independent ones. A fixed threshold,
such as the 0.2 of folklore, would cry on every small report and sleep on large ones.

Gaps are counted; no reference says how many there were, so they are not compared.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import numpy as np

from agent.core.effective import effective_rows
from agent.core.envelope import Drift, FeatureDrift
from agent.core.manifest_parts import Reference
from agent.core.stability import (
    Column,
    Numbers,
    Scale,
    chi2_quantile,
    f_quantile,
    psi,
    scale_of,
)

# Chance that a release without drift has any feature over its threshold.
ALPHA: Final = 0.01


def drift(
    task: str,
    digest: str,
    *,
    reference: Reference,
    features: Column,
    at: Sequence[float],
) -> Drift:
    """Return how one host's features lie beside a release's reference.

    Args:
        task: Whose moments they are.
        digest: The release.
        reference: Its own.
        features: Shape (n, features); NaN marks a gap.
        at: The instant of each, rising; several entities share one.
    """
    alpha = ALPHA / max(1, len(reference.quantiles))
    found = [
        _of_feature(
            place, scale_of(quantiles), column, reference.rows, at=at, alpha=alpha
        )
        for place, (quantiles, column) in enumerate(
            zip(reference.quantiles, features.T, strict=True)
        )
    ]
    return Drift(
        task=task,
        digest=digest,
        rows=len(features),
        effective_rows=_least(found),
        features=tuple(found),
    )


def _of_feature(
    place: int,
    scale: Scale | None,
    column: Column,
    rows: int,
    *,
    at: Sequence[float],
    alpha: float,
) -> FeatureDrift:
    there = ~np.isnan(column)
    values, gaps = column[there], int((~there).sum())
    if scale is None or not len(values):
        return FeatureDrift(feature=place, counts=(), gaps=gaps)
    counts = scale.counted(values)
    effective = effective_rows(values, at=np.asarray(at, dtype=float)[there])
    return _compared(
        FeatureDrift(feature=place, counts=tuple(counts.tolist()), gaps=gaps),
        scale,
        rows=rows,
        effective=effective,
        alpha=alpha,
    )


def _compared(
    seen: FeatureDrift, scale: Scale, *, rows: int, effective: float, alpha: float
) -> FeatureDrift:
    cells = np.array(seen.counts, dtype=float)
    bins = scale.binning(cells)
    spread = 1 / effective + 1 / max(1, rows)
    return msgspec.structs.replace(
        seen,
        psi=psi(bins.matrix @ cells, expected=bins.expected, effective=effective),
        threshold=chi2_quantile(1 - alpha, freedom=bins.freedom) * spread,
        effective_rows=effective,
    )


def pooled(drifts: Iterable[Drift], *, reference: Reference) -> Drift:
    """Return what many hosts' drifts of one release tell together.

    Hosts differ for good, and so do their shares; what is more than they differ among
    each other is drift of them all. Of three hosts or fewer that cannot be told.

    Args:
        drifts: One or more of the same release, each of another host.
        reference: The release's.

    Raises:
        ValueError: There is none, or one is of another release or shape.
    """
    found = list(drifts)
    first = _checked(found, reference)
    alpha = ALPHA / max(1, len(reference.quantiles))
    features = [
        _pooled_feature(
            [each.features[place] for each in found],
            scale_of(quantiles),
            rows=reference.rows,
            alpha=alpha,
        )
        for place, quantiles in enumerate(reference.quantiles)
    ]
    return Drift(
        task=first.task,
        digest=first.digest,
        rows=sum(each.rows for each in found),
        effective_rows=_least(features),
        features=tuple(features),
    )


def _checked(drifts: Sequence[Drift], reference: Reference) -> Drift:
    if not drifts:
        raise ValueError("drift: expected that of one host or more, got none")
    first, width = drifts[0], len(reference.quantiles)
    for each in drifts:
        is_like = (each.task, each.digest) == (first.task, first.digest)
        if not is_like or len(each.features) != width:
            raise ValueError(
                f"drift: expected {width} features of {first.task} {first.digest[:12]},"
                f" got {len(each.features)} of {each.task} {each.digest[:12]}"
            )
    return first


def _pooled_feature(
    found: Sequence[FeatureDrift], scale: Scale | None, *, rows: int, alpha: float
) -> FeatureDrift:
    gaps, place = sum(each.gaps for each in found), found[0].feature
    told = [each for each in found if each.counts]
    if scale is None or not told:
        return FeatureDrift(feature=place, counts=(), gaps=gaps)
    cells = np.array([each.counts for each in told])
    together = cells.sum(axis=0)
    return _compared(
        FeatureDrift(feature=place, counts=tuple(together.tolist()), gaps=gaps),
        scale,
        rows=rows,
        effective=(
            _between(cells.astype(float), scale, alpha=alpha)
            if len(told) > 1
            else told[0].effective_rows
        ),
        alpha=alpha,
    )


def _between(cells: Numbers, scale: Scale, *, alpha: float) -> float:
    """Return how many independent moments would spread as the hosts' counts do.

    That holds all there is: what each host's moments have in common, and the hosts.

    Source:
        Rao and Scott, "The analysis of categorical data from complex sample surveys",
        J. Am. Stat. Assoc. 76 (1981), their second-order correction with hosts as
        clusters; and, as these are few, F in place of chi-squared: Thomas and Rao,
        "Small-sample comparisons of level and power", J. Am. Stat. Assoc. 82 (1987).
    """
    hosts, total = len(cells), float(cells.sum())
    bins = scale.binning(cells.sum(axis=0))
    counts = cells @ bins.matrix.T
    share = counts.sum(axis=0) / total
    apart = (counts - np.outer(counts.sum(axis=1), share)) / np.sqrt(bins.expected)
    spread = apart.T @ apart * hosts / (hosts - 1) / total
    trace = float(np.trace(spread))
    if not trace:
        return total
    freedom = trace**2 / float(np.sum(spread**2))
    limit = f_quantile(1 - alpha, freedom=freedom, known_by=hosts - 1)
    usual = chi2_quantile(1 - alpha, freedom=bins.freedom)
    return max(1.0, min(total, usual * total / (trace * limit)))


def _least(features: Sequence[FeatureDrift]) -> float:
    """Return the effective number of the feature that has fewest; 0 without any."""
    return min((each.effective_rows for each in features if each.counts), default=0.0)
