"""Judged: a task's releases on all recorded hosts together, and on each alone."""

from collections.abc import Sequence

import msgspec
import numpy as np

from agent.core.answers import Answers
from agent.core.comparison import judge_event
from agent.core.figures import EventFigures, EventTerms, ValueFigures, ValueTerms
from agent.core.manifest import Manifest
from agent.core.moment import BASELINE
from agent.core.peers import Peer
from agent.core.target import EventTarget
from agent.core.value_comparison import judge_value

ALL = "all hosts"


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """How one release did.

    Attributes:
        task: What it predicts, by name; `title` in words.
        release: What it is called, such as `v3`.
        is_event: Whether it answers probabilities.
        pooled: On all hosts together.
        hosts: On each alone.
        means: Of the hosts with figures: by figure, `average precision of ...` among
            them, the plain mean over hosts, in which none outweighs another.
        left_out: Hosts on which the task could not be judged, and why.
    """

    task: str
    title: str
    release: str
    is_event: bool
    pooled: EventFigures | ValueFigures
    hosts: tuple[EventFigures | ValueFigures, ...]
    means: dict[str, float]
    left_out: dict[str, str]

    @property
    def is_worse(self) -> bool:
        """Whether it is shown to be worse than another on all hosts together."""
        return any(loss.is_shown for loss in self.pooled.losses)


def judged(
    manifest: Manifest,
    *,
    leading: Manifest,
    release: str,
    hosts: Sequence[Answers],
    left_out: dict[str, str],
) -> Judged:
    """Return how a release did on these hosts.

    Args:
        manifest: The release's.
        leading: The one that says what is predicted; the same unless several releases
            are judged on the same moments.
        release: What it is called among those who answered.
        hosts: What everybody answered on each.
        left_out: Hosts without answers, and why.
    """
    target = leading.target
    is_event = isinstance(target, EventTarget)
    figures = _event_figures if is_event else _value_figures
    pooled, *each = (
        figures(some, scope=scope, manifest=manifest, release=release)
        for some, scope in ((hosts, ALL), *(([host], host.host) for host in hosts))
    )
    return Judged(
        task=leading.task,
        title=leading.title,
        release=release,
        is_event=is_event,
        pooled=pooled,
        hosts=tuple(each),
        means=_means(each),
        left_out=left_out,
    )


def _event_figures(
    hosts: Sequence[Answers], *, scope: str, manifest: Manifest, release: str
) -> EventFigures | ValueFigures:
    decision = manifest.decision
    terms = EventTerms(
        release=release,
        baseline=BASELINE,
        rules=(BASELINE, *map(str, Peer)),
        horizon_s=manifest.target.horizon_s,
        threshold=1.0 if decision is None else decision.threshold,
        clear=1.0 if decision is None else decision.clear,
    )
    return judge_event(hosts, scope=scope, terms=terms)


def _value_figures(
    hosts: Sequence[Answers], *, scope: str, manifest: Manifest, release: str
) -> EventFigures | ValueFigures:
    target = manifest.target
    levels = () if isinstance(target, EventTarget) else target.quantiles
    terms = ValueTerms(release=release, baseline=BASELINE, levels=levels)
    return judge_value(hosts, scope=scope, terms=terms)


def _means(hosts: Sequence[EventFigures | ValueFigures]) -> dict[str, float]:
    known: dict[str, list[float]] = {}
    for each in hosts:
        for name, value in _named(each).items():
            if value is not None:
                known.setdefault(name, []).append(value)
    return {name: float(np.mean(values)) for name, values in known.items()}


def _named(host: EventFigures | ValueFigures) -> dict[str, float | None]:
    """Return what may be averaged over hosts, by name."""
    if host.withheld is not None:
        return {}
    if isinstance(host, ValueFigures):
        coverage = host.coverage
        return {
            "gain": host.gain.value,
            "pinball gain": host.pinball_gain.value,
            "coverage": None if coverage is None else coverage.value,
        }
    ranked = {
        f"average precision of {rank.name}": rank.average_precision.value
        for rank in host.ranks
    }
    return ranked | {
        "Brier skill": host.skill.value,
        "Brier skill of the baseline": host.baseline_skill.value,
        "calibration error": host.calibration_error.value,
    }
