"""Whether this host takes a release: from what was signed, before a byte of its model.

`refusal` reads only documents; what a trial of the model itself found is a `Verdict`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Final

from agent.core.fit import misfit
from agent.core.manifest import Manifest, ModelFile
from agent.core.pointer import Pointer
from agent.core.quantity import size_text
from agent.core.release import Release
from agent.core.window import Window

# What ONNX Runtime 1.28, the oldest we run on, was built with: ONNX 1.22.
MAX_OPSET: Final = 27
MAX_IR: Final = 13
MAX_MODEL_BYTES: Final = 64 * 10**6

_USUAL_INTERVAL_S: Final = 10.0
_COMPARISON = re.compile(r"(>=|<=|==|!=|>|<)\s*(\d{1,9}(?:\.\d{1,9})*)")
_LEADING_NUMBERS = re.compile(r"\d+(?:\.\d+)*")
_Version = tuple[int, ...]
_HOLDS: Final[dict[str, Callable[[_Version, _Version], bool]]] = {
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """What this host is, has and allows.

    Attributes:
        agent: This program's version.
        metrics: Every name of the catalogue.
        host_id: What a rollout draws by.
        allow: Globs of the tasks that the site wants.
        deny: Globs of those it does not want; stronger than `allow`.
        max_model_bytes: The longest model that is downloaded.
        max_opset: Newest ONNX operator set that the runtime knows.
        max_ir: Newest ONNX file format that the runtime reads.
        interval_s: Distance between two samples; None: it is not known which host, and
            one is meant that samples every 10 s, or as often as the task is scored.
    """

    agent: str
    metrics: frozenset[str]
    host_id: str = ""
    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()
    max_model_bytes: int = MAX_MODEL_BYTES
    max_opset: int = MAX_OPSET
    max_ir: int = MAX_IR
    interval_s: float | None = None

    def allows(self, task: str) -> bool:
        """Return whether the site wants this task."""
        return is_allowed(task, allow=self.allow, deny=self.deny)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A release that the repository shows to this host.

    Attributes:
        pointer: What operations approved.
        document: The manifest's bytes, as signed.
        manifest: The same, understood.
    """

    pointer: Pointer
    document: bytes
    manifest: Manifest

    def known_as(self, releases: Iterable[Release]) -> Release | None:
        """Return the release that this offer is, if it was taken in before."""
        own = (self.pointer.task, self.pointer.version, self.digest)
        found = (
            release
            for release in releases
            if own == (release.manifest.task, release.manifest.version, release.digest)
        )
        return next(found, None)

    @property
    def is_taken_back(self) -> bool:
        """Whether the approval itself takes back what it names."""
        is_revoked = not self.digests.isdisjoint(self.pointer.revoked)
        return is_revoked or self.pointer.version < self.pointer.floor_version

    @property
    def digest(self) -> str:
        """What names the release: SHA-256 of the manifest, which pins all the rest."""
        return self.pointer.sha256

    @property
    def digests(self) -> frozenset[str]:
        """What it can be revoked by: the digests of the manifest and of its model."""
        model = self.manifest.model
        return frozenset(
            {self.digest} if model is None else {self.digest, model.sha256}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a model's trial.

    Attributes:
        reasons: Why it may not run here; empty: it may.
        is_conclusive: Whether another trial would end alike; a busy host may let a
            fair model run out of time.
        latency_ms: Median processor time of one scoring; None where it never scored.
        memory_mb: What loading and scoring added to the resident memory.
    """

    reasons: tuple[str, ...] = ()
    is_conclusive: bool = True
    latency_ms: float | None = None
    memory_mb: float | None = None


def refusal(
    offer: Offer, *, known: Iterable[Release] = (), host: HostFacts
) -> str | None:
    """Return why this host does not take the release, or None if it does.

    Args:
        offer: What is on offer.
        known: The releases that this host took in before.
        host: What it is offered to.
    """
    checks = [
        *_approval(offer),
        *_newness(offer, known),
        *_demands(offer.manifest, host),
    ]
    return next((reason for reason, is_fine in checks if not is_fine), None)


def shortcomings(manifest: Manifest, *, host: HostFacts) -> tuple[str, ...]:
    """Return everything for which such a host refuses the release by its manifest."""
    return tuple(reason for reason, is_fine in _demands(manifest, host) if not is_fine)


def _approval(offer: Offer) -> list[tuple[str, bool]]:
    pointer, manifest = offer.pointer, offer.manifest
    revoked = sorted(offer.digests.intersection(pointer.revoked))
    return [
        (
            (
                f"task: the approval is for {pointer.task}, the manifest is of "
                f"{manifest.task}"
            ),
            manifest.task == pointer.task,
        ),
        (
            (
                f"version: the approval is for {pointer.version}, the manifest is of "
                f"{manifest.version}"
            ),
            manifest.version == pointer.version,
        ),
        (
            (
                f"version {pointer.version} is below the floor: expected at least "
                f"{pointer.floor_version}, as the approval itself says; operations "
                "must approve a newer one"
            ),
            pointer.version >= pointer.floor_version,
        ),
        (
            (
                "its digest is revoked: expected one that the approval does not "
                f"revoke itself, got {', '.join(digest[:12] for digest in revoked)}; "
                "operations must approve another release"
            ),
            not revoked,
        ),
    ]


def _newness(offer: Offer, known: Iterable[Release]) -> list[tuple[str, bool]]:
    """A version of a task stands for one digest, for ever."""
    own = (offer.manifest.task, offer.manifest.version)
    return [
        (
            (
                f"version {own[1]} was taken in before with another digest: expected "
                f"{before.digest[:12]}, got {offer.digest[:12]}; the publisher must "
                "offer another version"
            ),
            own != (before.manifest.task, before.manifest.version),
        )
        for before in known
    ]


def _demands(manifest: Manifest, host: HostFacts) -> list[tuple[str, bool]]:
    if manifest.model is None:
        return _needs(manifest, host)
    return [*_needs(manifest, host), *_runtime(manifest, manifest.model, host)]


def _needs(manifest: Manifest, host: HostFacts) -> list[tuple[str, bool]]:
    named = {*manifest.requires.metrics, *(s.name for s in manifest.all_series())}
    unknown = sorted(named - host.metrics)
    wanted = manifest.requires.agent
    interval_s = host.interval_s or min(_USUAL_INTERVAL_S, manifest.score_every)
    unfit = misfit(manifest, new_window=partial(Window, interval_s=interval_s))
    return [
        (
            (
                f"task {manifest.task} is not allowed on this host: expected one that "
                "tasks.allow names and tasks.deny does not; the operator may allow it"
            ),
            host.allows(manifest.task),
        ),
        (f"metrics unknown to this agent: {', '.join(unknown)}", not unknown),
        (f"it {unfit}", unfit is None),
        (
            f'requires.agent: expected comparisons such as ">=1.2", got "{wanted}"',
            _is_requirement(wanted),
        ),
        (
            f"requires.agent: expected {wanted}, this agent is {host.agent}",
            meets(host.agent, requirement=wanted),
        ),
    ]


def _runtime(
    manifest: Manifest, model: ModelFile, host: HostFacts
) -> list[tuple[str, bool]]:
    return [
        (
            (
                f"model.length: expected at most {size_text(host.max_model_bytes)}, "
                f"got {size_text(model.length)}"
            ),
            model.length <= host.max_model_bytes,
        ),
        (
            f"model.opset: expected at most {host.max_opset}, got {model.opset}",
            model.opset <= host.max_opset,
        ),
        (
            f"model.ir: expected at most {host.max_ir}, got {model.ir}",
            model.ir <= host.max_ir,
        ),
        ("golden: expected a vector to try the model with", bool(manifest.golden)),
    ]


def is_allowed(task: str, *, allow: Iterable[str], deny: Iterable[str]) -> bool:
    """Return whether globs let a task run; a denial wins."""
    if any(fnmatchcase(task, glob) for glob in deny):
        return False
    return any(fnmatchcase(task, glob) for glob in allow)


def meets(version: str, *, requirement: str) -> bool:
    """Return whether a version meets every comparison of e.g. `>=1.2, <2`.

    Only the leading numbers of `version` count: 1.2.0.dev1 is 1.2.
    """
    found = _LEADING_NUMBERS.match(version)
    have = _numbers(found[0] if found else "0")
    return all(
        _HOLDS[symbol](have, _numbers(limit))
        for symbol, limit in _COMPARISON.findall(requirement)
    )


def _is_requirement(text: str) -> bool:
    return all(_COMPARISON.fullmatch(part.strip()) for part in text.split(","))


def _numbers(text: str) -> _Version:
    """Return a version's numbers without trailing zeros: 1.0 equals 1."""
    numbers = [int(number) for number in text.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
