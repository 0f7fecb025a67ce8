"""One update: what the repository offers is checked, tried and taken in."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from agent.core.event import Event, EventName, Field
from agent.core.lineup import LineUp
from agent.core.manifest import Manifest, parse_manifest
from agent.core.pointer import Pointer
from agent.core.qualify import HostFacts, Offer, Verdict, refusal
from agent.core.release import ReleaseEvent, ReleaseState, after
from agent.errors import TrustError, UnavailableError
from agent.ports import ModelFolder, Registry, Repository, Trial

# States that a release does not come back from.
_OVER = {ReleaseState.RETIRED, ReleaseState.REJECTED, ReleaseState.ROLLED_BACK}


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A release that was taken in.

    Attributes:
        is_active: Whether it is acted upon at once, for the task had no release.
    """

    task: str
    version: int
    digest: str
    is_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An offer that was not taken, and why."""

    task: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateResult:
    """What came of one update.

    Attributes:
        checked: The tasks that are offered and that the site allows.
        admitted: What was taken in.
        refused: What was not; the next update looks at it again, unless its model
            was tried and found wanting.
    """

    checked: tuple[str, ...]
    admitted: tuple[Admitted, ...]
    refused: tuple[Refused, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatePorts:
    """What an update needs of the world."""

    repository: Repository
    models: ModelFolder
    trial: Trial
    registry: Registry


def update(ports: UpdatePorts, *, host: HostFacts, now: datetime) -> UpdateResult:
    """Take in what the repository offers to this host and return what came of it.

    Each release is admitted in a transaction of its own; one that is refused stops no
    other.

    Raises:
        TrustError: The repository itself is not to be trusted; nothing was taken in.
        UnavailableError: The repository is not to be had now; nothing was taken in.
        StateError: The state folder; what was admitted before stays.
    """
    ports.repository.refresh()
    tasks = tuple(task for task in ports.repository.tasks() if host.allows(task))
    came = [_take(ports, task, host=host, now=now) for task in tasks]
    refused = tuple(one for one in came if isinstance(one, Refused))
    admitted = tuple(one for one in came if isinstance(one, Admitted))
    result = UpdateResult(checked=tasks, admitted=admitted, refused=refused)
    with ports.registry.transaction():
        for event in _events(result, now=now):
            ports.registry.record(event)
    return result


def _events(result: UpdateResult, *, now: datetime) -> Iterator[Event]:
    for one in result.refused:
        fields: dict[str, Field] = {"task": one.task, "reason": one.reason}
        yield Event(at=now, name=EventName.RELEASE_REFUSED, fields=fields)
    counts: dict[str, Field] = {
        "checked": len(result.checked),
        "admitted": len(result.admitted),
        "refused": len(result.refused),
    }
    yield Event(at=now, name=EventName.UPDATE_FINISHED, fields=counts)


def _take(
    ports: UpdatePorts, task: str, *, host: HostFacts, now: datetime
) -> Admitted | Refused | None:
    """Return what came of one task's offer; None where there is nothing new."""
    try:
        pointer = ports.repository.pointer(task)
        if not pointer.is_meant_for(host.host_id, now=now):
            return None
        return _offered(ports, pointer, host=host, now=now)
    except (TrustError, UnavailableError) as error:
        return Refused(task=task, reason=str(error))


def _offered(
    ports: UpdatePorts, pointer: Pointer, *, host: HostFacts, now: datetime
) -> Admitted | Refused | None:
    document = ports.repository.manifest(pointer)
    offer = Offer(pointer=pointer, document=document, manifest=parse_manifest(document))
    known = ports.registry.releases()
    if offer.is_in(known):
        return None
    reason = refusal(offer, known=known, host=host)
    if reason is not None:
        return Refused(task=pointer.task, reason=reason)
    verdict = _tried(ports, offer)
    if verdict.reasons:
        return _turn_down(ports, offer, verdict=verdict, now=now)
    return _admit(ports, offer, verdict=verdict, now=now)


def _tried(ports: UpdatePorts, offer: Offer) -> Verdict:
    """Download the model and return what its trial says; a survey has none."""
    model = offer.manifest.model
    if model is None:
        return Verdict()
    # Also where the file is there already: nothing vouches for it without its row.
    ports.repository.download(offer.manifest, to=ports.models.staging(model.sha256))
    ports.models.keep(model.sha256)
    return ports.trial.verdict(offer.document)


def _turn_down(
    ports: UpdatePorts, offer: Offer, *, verdict: Verdict, now: datetime
) -> Refused:
    """Drop the model; remember a conclusive verdict, so that it is not tried again."""
    if verdict.is_conclusive:
        with ports.registry.transaction():
            ports.registry.admit(digest=offer.digest, manifest=offer.document, at=now)
            _step(
                ports.registry,
                offer.digest,
                ReleaseState.STAGED,
                ReleaseEvent.FAILED,
            )
    _drop_model(ports, offer.manifest)
    return Refused(task=offer.manifest.task, reason="; ".join(verdict.reasons))


def _drop_model(ports: UpdatePorts, manifest: Manifest) -> None:
    """Remove a manifest's model, unless a release that may yet run has the same."""
    live = (r for r in ports.registry.releases() if r.state not in _OVER)
    used = {r.manifest.model.sha256 for r in live if r.manifest.model is not None}
    if manifest.model is not None and manifest.model.sha256 not in used:
        ports.models.drop(manifest.model.sha256)


def _drop_model_of(ports: UpdatePorts, digest: str) -> None:
    for release in ports.registry.releases():
        if release.digest == digest:
            _drop_model(ports, release.manifest)


def _admit(
    ports: UpdatePorts, offer: Offer, *, verdict: Verdict, now: datetime
) -> Admitted:
    """Take the release in: active where its task has none, else in the shadow."""
    registry, task, digest = ports.registry, offer.manifest.task, offer.digest
    lineup = _lineup(registry, task)
    is_active = lineup.active is None
    with registry.transaction():
        registry.admit(digest=digest, manifest=offer.document, at=now)
        state = _step(registry, digest, ReleaseState.STAGED, ReleaseEvent.QUALIFIED)
        registry.record(_event(EventName.RELEASE_ADMITTED, offer, verdict, now=now))
        if is_active:
            _step(registry, digest, state, ReleaseEvent.ACTIVATED)
            registry.set_lineup(replace(lineup, active=digest))
            registry.record(
                _event(EventName.RELEASE_ACTIVATED, offer, verdict, now=now)
            )
        else:
            if lineup.shadow is not None:
                shadow = ReleaseState.SHADOW
                _step(registry, lineup.shadow, shadow, ReleaseEvent.SUPERSEDED)
            registry.set_lineup(replace(lineup, shadow=digest))
    if not is_active and lineup.shadow is not None:
        _drop_model_of(ports, lineup.shadow)
    version = offer.manifest.version
    return Admitted(task=task, version=version, digest=digest, is_active=is_active)


def _step(
    registry: Registry, digest: str, state: ReleaseState, event: ReleaseEvent
) -> ReleaseState:
    """Let an event come to pass in a release's life; return where that leads."""
    reached = after(state, event)
    registry.set_state(digest, reached)
    return reached


def _lineup(registry: Registry, task: str) -> LineUp:
    found = (lineup for lineup in registry.lineups() if lineup.task == task)
    return next(found, LineUp(task=task))


def _event(name: EventName, offer: Offer, verdict: Verdict, *, now: datetime) -> Event:
    fields: dict[str, Field] = {
        "task": offer.manifest.task,
        "version": offer.manifest.version,
        "digest": offer.digest,
        "latency_ms": verdict.latency_ms,
        "memory_mb": verdict.memory_mb,
    }
    return Event(at=now, name=name, fields=fields)
