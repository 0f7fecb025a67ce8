"""A release on offer is checked, fetched, tried and taken in, or turned down."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import groupby

from agent.core.event import Event, EventName, Field
from agent.core.manifest import Manifest, parse_manifest
from agent.core.pointer import Pointer
from agent.core.qualify import HostFacts, Offer, Verdict, refusal
from agent.core.release import (
    OVER,
    QUARANTINED,
    Release,
    ReleaseEvent,
    ReleaseState,
)
from agent.core.trust import SignedRole
from agent.errors import TrustError
from agent.flows.arrival import arrive
from agent.flows.departure import lineup_of, step
from agent.flows.result import Admitted, Refused
from agent.ports import Registry, UpdatePorts

# A release that is over, though operations may offer it again.
_OVER = {ReleaseState.RETIRED, ReleaseState.WITHDRAWN}
# Of those that were at work, people may yet ask why they said what they said.
_EXPLAINED = {ReleaseState.RETIRED, ReleaseState.ROLLED_BACK}
_KEPT_TO_EXPLAIN = 2


def consider(
    ports: UpdatePorts,
    pointer: Pointer,
    document: bytes,
    *,
    host: HostFacts,
    now: datetime,
) -> Admitted | Refused | None:
    """Return what came of an offer; None where there is nothing to do.

    Args:
        ports: The world.
        pointer: What operations approved.
        document: The manifest that it names, as the data team signed it.
        host: What it is offered to.
        now: The present.

    Raises:
        TrustError: The manifest, the model or its provenance is not what was signed.
        UnavailableError: The model is not to be had now.
    """
    offer = Offer(pointer=pointer, document=document, manifest=parse_manifest(document))
    before = offer.known_as(ports.registry.releases())
    if before is None:
        return _taken_in(ports, offer, before=None, host=host, now=now)
    if before.state in QUARANTINED:
        return Refused(task=pointer.task, reason=_quarantined(before))
    if before.state not in _OVER and _has_a_place(ports.registry, before):
        return _raised(ports.registry, offer, now=now)
    if offer.is_taken_back:
        # The host has obeyed already, and there is nothing to go to.
        return None
    return _taken_in(ports, offer, before=before, host=host, now=now)


def _has_a_place(registry: Registry, release: Release) -> bool:
    """Return whether a release is in its line-up, as its state says."""
    lineup = lineup_of(registry, release.manifest.task)
    return any(digest == release.digest for _, digest in lineup.roles())


def _raised(registry: Registry, offer: Offer, *, now: datetime) -> Admitted | None:
    """Let a shadow be acted upon where nothing else is any more; else do nothing."""
    with registry.transaction():
        lineup = lineup_of(registry, offer.manifest.task)
        if lineup.active is not None or lineup.shadow != offer.digest:
            return None
        step(registry, offer.digest, ReleaseState.SHADOW, ReleaseEvent.ACTIVATED)
        registry.set_lineup(replace(lineup, active=offer.digest, shadow=None))
        name = EventName.RELEASE_ACTIVATED
        registry.record(_event(name, offer=offer, verdict=Verdict(), now=now))
    return _admitted(offer, is_active=True)


def _taken_in(
    ports: UpdatePorts,
    offer: Offer,
    *,
    before: Release | None,
    host: HostFacts,
    now: datetime,
) -> Admitted | Refused:
    """Return what came of an offer that is new here, or was at work once."""
    others = [r for r in ports.registry.releases() if r.digest != offer.digest]
    reason = refusal(offer, known=others, host=host)
    if reason is not None:
        return Refused(task=offer.pointer.task, reason=reason)
    verdict = _tried(ports, offer)
    staged = partial(_stage, ports, offer, before=before, now=now)
    if verdict.reasons:
        return _turn_down(ports, offer, verdict=verdict, stage=staged)
    return _admit(ports, offer, verdict=verdict, stage=staged, now=now)


def _quarantined(release: Release) -> str:
    task, version = release.manifest.task, release.manifest.version
    was = "rejected" if release.state is ReleaseState.REJECTED else "rolled back"
    return (
        f"version {version} ({release.digest[:12]}) is in quarantine: it was {was} on "
        "this host; the publisher must offer another version, or "
        f"`forewarn quarantine clear {task} {version}` lets it in again"
    )


def _tried(ports: UpdatePorts, offer: Offer) -> Verdict:
    """Download the model and return what its trial says; a survey has none."""
    model = offer.manifest.model
    if model is None:
        return Verdict()
    if ports.provenance is not None:
        bundle = ports.repository.provenance(offer.manifest)
        ports.provenance.check(bundle, model=model)
    # Also where the file is there already: nothing vouches for it without its row.
    fetch(ports, offer.manifest)
    return ports.trial.verdict(offer.document)


def fetch(ports: UpdatePorts, manifest: Manifest) -> None:
    """Download the verified model of a manifest into the folder of models.

    Raises:
        TrustError: What came is not what was signed; nothing of it is kept.
        UnavailableError: It is not to be had now.
    """
    if manifest.model is None:
        return
    digest = manifest.model.sha256
    ports.repository.download(manifest, to=ports.models.staging(digest))
    ports.models.keep(digest)


def wanted_models(registry: Registry) -> set[str]:
    """Return the models that may yet run or be explained, by SHA-256.

    Of each task's releases that were at work the two newest are kept to be explained.
    """
    wanted: list[Release] = []
    for _, group in groupby(registry.releases(), key=_task_of):
        releases = list(group)
        over = [each for each in releases if each.state in _EXPLAINED]
        wanted += [each for each in releases if each.state not in OVER]
        wanted += over[-_KEPT_TO_EXPLAIN:]
    models = (release.manifest.model for release in wanted)
    return {model.sha256 for model in models if model is not None}


def _task_of(release: Release) -> str:
    return release.manifest.task


def _stage(
    ports: UpdatePorts, offer: Offer, *, before: Release | None, now: datetime
) -> None:
    """Begin a release's life on this host, or begin it anew."""
    registry = ports.registry
    if before is not None:
        state = next(r.state for r in registry.releases() if r.digest == before.digest)
        if state in QUARANTINED:
            raise TrustError(_quarantined(replace(before, state=state)))
        if state not in _OVER:
            # It lost its place to somebody who wrote to the database.
            state = step(registry, before.digest, state, ReleaseEvent.WITHDRAWN)
        step(registry, before.digest, state, ReleaseEvent.VERIFIED)
        return
    registry.admit(
        digest=offer.digest,
        manifest=offer.document,
        at=now,
        chain=_chain(ports.repository.roles(), task=offer.manifest.task),
    )


def _chain(roles: Iterable[SignedRole], *, task: str) -> list[SignedRole]:
    """Return the roles that stand between the root and a task's release."""
    others = ("release-", "approve-")
    own = {f"{prefix}{task}" for prefix in others}
    return [r for r in roles if r.name in own or not r.name.startswith(others)]


def _turn_down(
    ports: UpdatePorts, offer: Offer, *, verdict: Verdict, stage: Callable[[], None]
) -> Refused:
    """Remember a conclusive verdict, so that the model is not tried again."""
    if verdict.is_conclusive:
        staged = ReleaseState.STAGED
        with ports.registry.transaction():
            stage()
            step(ports.registry, offer.digest, staged, ReleaseEvent.FAILED)
    return Refused(task=offer.manifest.task, reason="; ".join(verdict.reasons))


def _admit(
    ports: UpdatePorts,
    offer: Offer,
    *,
    verdict: Verdict,
    stage: Callable[[], None],
    now: datetime,
) -> Admitted:
    """Take the release in: active where its task has none, else in the shadow."""
    tell = partial(_event, offer=offer, verdict=verdict, now=now)
    with ports.registry.transaction():
        stage()
        is_active = arrive(
            ports.registry, offer.digest, task=offer.manifest.task, tell=tell
        )
    return _admitted(offer, is_active=is_active)


def _admitted(offer: Offer, *, is_active: bool) -> Admitted:
    return Admitted(
        task=offer.manifest.task,
        version=offer.manifest.version,
        digest=offer.digest,
        is_active=is_active,
    )


def _event(name: EventName, *, offer: Offer, verdict: Verdict, now: datetime) -> Event:
    fields: dict[str, Field] = {
        "task": offer.manifest.task,
        "version": offer.manifest.version,
        "digest": offer.digest,
        "latency_ms": verdict.latency_ms,
        "memory_mb": verdict.memory_mb,
    }
    return Event(at=now, name=name, fields=fields)
