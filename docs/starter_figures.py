"""What the manifests of the shipped starter releases tell of how they were judged."""

from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from agent.core.expression import calls
from agent.core.manifest import Manifest, parse_manifest
from agent.core.moment import BASELINE
from agent.core.peers import Peer
from agent.core.target import EventTarget, ValueTarget
from central.core.heard import AGAIN, PUT_RIGHT, RELEASE

STARTERS: Final = Path(__file__).resolve().parents[1] / "agent" / "starters"
TAUGHT: Final = (RELEASE, PUT_RIGHT, AGAIN)
RULES: Final = (BASELINE, *map(str, Peer))

# The value and the ends of its interval; null where nothing can be said.
Bounds: TypeAlias = tuple[float | None, float | None, float | None]
UNKNOWN: Final[Bounds] = (None, None, None)
# What calibration error is wanted at most, and where less than 3 % comes true.
_MOST_ECE: Final = 0.03
_RARE: Final = 0.03
_MOST_ECE_IF_RARE: Final = 0.01


class Alarms(msgspec.Struct, frozen=True):
    """What a release's alarms came to.

    Attributes:
        episodes: Of the event; `warned` of them had an alarm before they began.
        per_day: Alarms per host-day; `false_per_day` of them for nothing.
        lead_s: From the first alarm to the episode, the middle one.
    """

    episodes: int
    warned: int
    per_day: float | None
    false_per_day: float | None
    lead_s: float | None


class OnHost(msgspec.Struct, frozen=True):
    """What one forecaster came to on one host.

    Attributes:
        average_precision: Its own and every rule's, by name.
    """

    rows: int
    happened: int
    average_precision: dict[str, float | None]
    skill: float | None
    ece: float | None


class Heard(msgspec.Struct, frozen=True):
    """What one forecaster came to on hosts that its model never saw.

    Attributes:
        average_precision: Its own and every rule's, by name.
        lead: Its own less each rule's, paired.
        per_host: Plain means over hosts, by figure.
        hosts: None where too little happened.
    """

    rate: float
    rows: int
    happened: int
    average_precision: dict[str, Bounds]
    lead: dict[str, Bounds]
    skill: Bounds
    baseline_skill: Bounds
    ece: Bounds
    per_host: dict[str, float | None]
    alarms: Alarms | None
    hosts: dict[str, OnHost | None]


class Test(msgspec.Struct, frozen=True):
    """What a release came to in one cut of its test, beside the baseline."""

    rows: int
    happened: int
    events: int
    auprc: float | None
    baseline_auprc: float | None
    skill_against_baseline: float | None
    skill_against_baseline_95: tuple[float | None, float | None]
    ece: float | None
    baseline_ece: float | None


class EventEvaluation(msgspec.Struct, frozen=True):
    """How an event's release was judged."""

    tests: dict[str, Test]
    comparison: dict[str, Heard] = {}


class ValueTest(msgspec.Struct, frozen=True):
    """What a value's release came to on all hosts, in one cut of its test.

    Attributes:
        error_gain: How much less the error is than of saying that nothing changes.
        pinball_gain: How much less the quantile loss is than the baseline's.
        coverage: Share of the changes inside the band.
    """

    rows: int
    error_gain: Bounds
    pinball_gain: Bounds
    coverage: Bounds


class ValueOnHost(msgspec.Struct, frozen=True):
    """The same on one host."""

    rows: int
    error_gain: float | None
    pinball_gain: float | None
    coverage: float | None


class ValueEvaluation(msgspec.Struct, frozen=True):
    """How a value's release was judged: on all hosts by cut, and on each."""

    tests: dict[str, ValueTest]
    hosts: dict[str, ValueOnHost]


class Event(msgspec.Struct, frozen=True, dict=True):
    """A shipped release of an event."""

    manifest: Manifest
    target: EventTarget
    judged: EventEvaluation

    @property
    def task(self) -> str:
        """Its task."""
        return self.manifest.task

    @property
    def is_relative(self) -> bool:
        """Whether its limit is read from the host's own past."""
        return any(call.series for call in calls(self.target.condition.limit))

    @property
    def is_put_right(self) -> bool:
        """Whether it ships with local calibration."""
        return self.manifest.calibration is not None

    @cached_property
    def release(self) -> Heard:
        """The model alone, on hosts that it never saw."""
        return self.judged.comparison[RELEASE]

    @property
    def best_peer(self) -> str:
        """The rule that an operator has today with the best average precision."""
        return max(map(str, Peer), key=lambda name: self.precision(name)[0] or 0.0)

    @property
    def best_peer_a_host(self) -> str:
        """The rule with the best mean over hosts."""
        return max(map(str, Peer), key=lambda name: self.precision_a_host(name) or 0.0)

    def precision(self, name: str) -> Bounds:
        """Return the average precision of a rule, or of one who was judged itself."""
        return self._who(name).average_precision.get(name, UNKNOWN)

    def precision_a_host(self, name: str) -> float | None:
        """Return the same as the mean over hosts."""
        return self._who(name).per_host.get(f"average precision of {name}")

    def lead(self, name: str) -> Bounds:
        """Return by how much one who was judged is ahead of the best rule."""
        who = self.judged.comparison.get(name)
        return who.lead[self.best_peer] if who else UNKNOWN

    def lead_a_host(self, name: str) -> float | None:
        """Return by how much its mean over hosts is ahead of the best rule's."""
        own = self.precision_a_host(name)
        best = self.precision_a_host(self.best_peer_a_host)
        return None if own is None or best is None else own - best

    def gains(self) -> dict[str, float]:
        """Return what being put right brings on each host, in Brier skill."""
        right = self.judged.comparison[PUT_RIGHT].hosts
        return {
            host: own.skill - found.skill
            for host, found in self.release.hosts.items()
            if found and found.skill is not None
            if (own := right[host]) and own.skill is not None
        }

    def _who(self, name: str) -> Heard:
        return self.judged.comparison.get(name, self.release)


class Value(msgspec.Struct, frozen=True):
    """A shipped release of a value."""

    manifest: Manifest
    target: ValueTarget
    judged: ValueEvaluation

    @property
    def task(self) -> str:
        """Its task."""
        return self.manifest.task


class Shipped(msgspec.Struct, frozen=True):
    """All shipped releases.

    Attributes:
        compared: Events that were judged beside the rules, the relative ones first.
        alone: Events that were judged beside the baseline only.
    """

    compared: tuple[Event, ...]
    alone: tuple[Event, ...]
    values: tuple[Value, ...]

    def __iter__(self) -> Iterator[Event | Value]:
        """Yield all of them."""
        return iter((*self.compared, *self.alone, *self.values))

    @property
    def relative(self) -> tuple[Event, ...]:
        """Those whose limit is the host's own."""
        return tuple(event for event in self.compared if event.is_relative)


def most_ece(rate: float) -> float:
    """Return what calibration error is wanted at most where so much comes true."""
    return _MOST_ECE_IF_RARE if rate < _RARE else _MOST_ECE


@cache
def shipped(folder: Path = STARTERS) -> Shipped:
    """Return the releases that a folder holds.

    Raises:
        msgspec.ValidationError: A manifest lacks a figure.
    """
    events: list[Event] = []
    values: list[Value] = []
    for path in sorted(folder.glob("*/manifest.json")):
        manifest = parse_manifest(path.read_bytes())
        told = manifest.provenance["evaluation"]
        target = manifest.target
        if isinstance(target, EventTarget):
            judged = msgspec.convert(told, EventEvaluation)
            events.append(Event(manifest, target, judged))
        else:
            found = msgspec.convert(told, ValueEvaluation)
            values.append(Value(manifest, target, found))
    compared = [event for event in events if event.judged.comparison]
    return Shipped(
        compared=tuple(sorted(compared, key=lambda event: not event.is_relative)),
        alone=tuple(event for event in events if not event.judged.comparison),
        values=tuple(values),
    )
