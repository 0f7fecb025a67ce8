"""Heard: what was said of hosts left out, beside the baseline and the simple rules."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from agent.core.answers import Answers, climatology
from agent.core.judged import Judged, judged
from agent.core.manifest import Manifest
from agent.core.manifest_parts import Decision
from agent.core.moment import BASELINE
from agent.core.peers import Peer, ranking
from agent.core.recalibration import Recalibration
from agent.core.rows import Rows
from central.core.figures import Trial
from central.core.pupils import JUDGED_FROM, LeftOut, Pupil, Vector

RELEASE: Final = "the model, on a host that it never saw"
PUT_RIGHT: Final = "the same, put right by the host's own outcomes"
AGAIN: Final = "taught again with 5 % of the host's earlier moments"

# The peers that are expressions, in the order in which they were computed.
_RULES: Final = (Peer.LEVEL, Peer.LINE, Peer.SEASON)
_DAY_S: Final = 86_400.0
_MANY: Final = 10**6


def heard(
    pupils: Sequence[Pupil], found: LeftOut, *, manifest: Manifest
) -> list[Answers]:
    """Return what everybody said on the judged part of each host's time."""
    said: list[dict[str, Vector]] = [
        {RELEASE: own, PUT_RIGHT: _put_right(own, pupil.rows, manifest)}
        for own, pupil in zip(found.said, pupils, strict=True)
    ]
    for own, more in zip(said, found.again, strict=False):
        own[AGAIN] = more
    return [
        _answers(pupil, own, horizon_s=manifest.target.horizon_s)
        for pupil, own in zip(pupils, said, strict=True)
    ]


def verdicts(
    hosts: Sequence[Answers], *, manifest: Manifest, threshold: float, clear: float
) -> dict[str, Judged]:
    """Return how each forecaster with a probability did, by its name."""
    decided = msgspec.structs.replace(
        manifest, decision=Decision(threshold=threshold, clear=clear)
    )
    return {
        name: judged(decided, leading=decided, release=name, hosts=hosts, left_out={})
        for name in (RELEASE, PUT_RIGHT, AGAIN)
        if name in hosts[0].said
    }


def trial(hosts: Sequence[Answers]) -> Trial:
    """Return what the model said, as it was judged before there were simple rules."""
    days = [
        _MANY * n + (each.at_s // _DAY_S).astype(np.intp)
        for n, each in enumerate(hosts)
    ]
    events = [
        _MANY**2 * n + np.nan_to_num(each.happened_s / 60, nan=0).astype(np.intp)
        for n, each in enumerate(hosts)
    ]
    return Trial(
        probability=joined(hosts, RELEASE),
        baseline=joined(hosts, BASELINE),
        happened=np.concatenate([each.outcome > 0 for each in hosts]),
        event=np.concatenate(events),
        block=np.concatenate(days),
    )


def joined(hosts: Sequence[Answers], name: str) -> Vector:
    """Return what one of them said on all hosts."""
    return np.concatenate([each.said[name] for each in hosts])


def _answers(pupil: Pupil, said: Mapping[str, Vector], *, horizon_s: float) -> Answers:
    rows = pupil.rows
    rules = {
        str(peer): ranking(score, is_upward=True)
        for peer, score in zip(_RULES, rows.extras.T, strict=True)
    }
    names = sorted(set(rows.entity))
    whole = Answers(
        host=pupil.host,
        days=pupil.length_s / _DAY_S,
        at_s=rows.at_s,
        outcome=rows.outcome,
        happened_s=rows.happened_s,
        origin=rows.origin,
        limit=rows.limit,
        entity=np.array([names.index(each) for each in rows.entity], dtype=np.int64),
        reference=climatology(rows.outcome, rows.at_s, horizon_s=horizon_s),
        said={
            **said,
            BASELINE: rows.baseline[:, 0],
            **rules,
            str(Peer.CLUSTERS): ranking(pupil.strange, is_upward=True),
        },
    )
    is_judged = rows.at_s >= JUDGED_FROM * pupil.length_s
    return whole.at(is_judged, days=(1 - JUDGED_FROM) * whole.days)


def _put_right(said: Vector, rows: Rows, manifest: Manifest) -> Vector:
    """Return probabilities as the host itself would have put them right by then."""
    horizon_s = manifest.target.horizon_s
    weight = min(1.0, manifest.score_every / horizon_s)
    known = np.searchsorted(rows.at_s, rows.at_s - horizon_s, side="right")
    own = Recalibration()
    found = said.copy()
    learnt = 0
    for row, upto in enumerate(known.tolist()):
        for past in range(learnt, upto):
            own.learn(
                float(said[past]),
                happened=bool(rows.outcome[past]),
                weight=weight,
                at_s=float(rows.at_s[past]),
            )
        learnt = max(learnt, upto)
        made = own.calibration(float(said[row]))
        found[row] = said[row] if made is None else made.answer
    return found
