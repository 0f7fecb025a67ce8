"""One update: what the repository offers is checked, tried and taken in."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from itertools import chain

from agent.core.channel import step_back, withdrawals
from agent.core.event import Event, EventName, Field
from agent.core.pointer import Pointer
from agent.core.qualify import HostFacts
from agent.core.release import Release, ReleaseEvent
from agent.core.trust import SignedRole, expiry, raised, rollback_attack
from agent.errors import ForewarnError, TrustError, UnavailableError
from agent.flows.admission import (
    Admitted,
    Refused,
    consider,
    fetch,
    wanted_models,
)
from agent.flows.departure import depart, lineup_of
from agent.ports import Registry, UpdatePorts


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """A release at work that operations took back.

    Attributes:
        speaks: The release that is acted upon instead, by digest; None: the baseline.
    """

    task: str
    version: int
    digest: str
    reason: str
    speaks: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateResult:
    """What came of one update.

    Attributes:
        checked: The tasks that are offered and that the site allows.
        admitted: What was taken in.
        refused: What was not; the next update looks at it again, unless its model
            was tried and found wanting.
        withdrawn: What was at work before and is no more.
        restored: Models that were missing and were fetched again, by SHA-256.
    """

    checked: tuple[str, ...] = ()
    admitted: tuple[Admitted, ...] = ()
    refused: tuple[Refused, ...] = ()
    withdrawn: tuple[Withdrawn, ...] = ()
    restored: tuple[str, ...] = ()


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
    top = ports.repository.roles()
    _check(ports.registry, top, now=now)
    tasks = [task for task in ports.repository.tasks() if host.allows(task)]
    result = _joined([_taken(ports, task, host=host, now=now) for task in tasks])
    ports.models.keep_only(wanted_models(ports.registry))
    with ports.registry.transaction():
        _remember_trust(ports, top, now=now)
        _record(ports.registry, EventName.UPDATE_FINISHED, _counts(result), now=now)
    return result


def _joined(results: Sequence[UpdateResult]) -> UpdateResult:
    """Return many results as one."""
    return UpdateResult(
        **{
            each.name: tuple(
                chain.from_iterable(getattr(r, each.name) for r in results)
            )
            for each in fields(UpdateResult)
        }
    )


def _counts(result: UpdateResult) -> dict[str, Field]:
    return {each.name: len(getattr(result, each.name)) for each in fields(result)}


def _taken(
    ports: UpdatePorts, task: str, *, host: HostFacts, now: datetime
) -> UpdateResult:
    """Return what came of one task; an error of its own stops no other."""
    restored = _restored(ports, task, now=now)
    heeded = _heeded(ports, task, host=host, now=now)
    result = _joined([UpdateResult(checked=(task,)), restored, heeded])
    _remember_refusals(ports.registry, result, task=task, now=now)
    return result


def _heeded(
    ports: UpdatePorts, task: str, *, host: HostFacts, now: datetime
) -> UpdateResult:
    """Return what came of what operations say of a task."""
    result = UpdateResult()
    present = max(now, ports.registry.trust().earliest_now())
    try:
        pointer = _pointer(ports, task, now=now)
        if pointer is None:
            return result
        is_meant = pointer.is_meant_for(host.host_id, now=present)
        withdrawn = _withdraw(ports, pointer, is_meant=is_meant, now=now)
        result = replace(result, withdrawn=withdrawn)
        if is_meant:
            document = _manifest(ports, pointer, now=now)
            came = consider(ports, pointer, document, host=host, now=now)
            result = _with(result, came)
    except (TrustError, UnavailableError) as error:
        result = _with(result, Refused(task=task, reason=str(error)))
    return result


def _with(result: UpdateResult, came: Admitted | Refused | None) -> UpdateResult:
    match came:
        case Admitted():
            return replace(result, admitted=(*result.admitted, came))
        case Refused():
            return replace(result, refused=(*result.refused, came))
        case None:
            return result


def _pointer(ports: UpdatePorts, task: str, *, now: datetime) -> Pointer | None:
    """Return what operations approved, which is not older than what was heard before.

    None: they have approved nothing yet.

    Raises:
        TrustError: It is, or it is not what was signed.
        UnavailableError: It is not to be had now.
    """
    pointer = ports.repository.pointer(task)
    if pointer is None:
        return None
    role = _role(ports, f"approve-{task}", now=now)
    channel = ports.registry.channel(task)
    reason = step_back(pointer, channel=channel, keyids=role.keyids)
    if reason is not None:
        raise TrustError(reason)
    heard = replace(
        channel, serial=pointer.serial, sha256=pointer.sha256, keyids=role.keyids
    )
    if heard != channel:
        ports.registry.set_channel(heard)
    return pointer


def _manifest(ports: UpdatePorts, pointer: Pointer, *, now: datetime) -> bytes:
    """Return the manifest that an approval names, its role checked as well."""
    document = ports.repository.manifest(pointer)
    _role(ports, f"release-{pointer.task}", now=now)
    return document


def _role(ports: UpdatePorts, name: str, *, now: datetime) -> SignedRole:
    """Return a role that was just verified, checked against what was seen before."""
    (role,) = (role for role in ports.repository.roles() if role.name == name)
    _check(ports.registry, [role], now=now)
    return role


def _withdraw(
    ports: UpdatePorts, pointer: Pointer, *, is_meant: bool, now: datetime
) -> tuple[Withdrawn, ...]:
    """End the work of releases that operations took back; return which."""
    registry = ports.registry
    live = _at_work(registry, pointer.task)
    withdrawn: list[Withdrawn] = []
    for release, reason in withdrawals(pointer, live=live, is_meant=is_meant):
        with registry.transaction():
            left = depart(
                registry,
                lineup_of(registry, pointer.task),
                release.digest,
                event=ReleaseEvent.WITHDRAWN,
            )
            one = Withdrawn(
                task=pointer.task,
                version=release.manifest.version,
                digest=release.digest,
                reason=reason,
                speaks=left.active,
            )
            _record(registry, EventName.RELEASE_WITHDRAWN, asdict(one), now=now)
        withdrawn.append(one)
    return tuple(withdrawn)


def _restored(ports: UpdatePorts, task: str, *, now: datetime) -> UpdateResult:
    """Fetch the models of releases at work whose file is gone or was set aside."""
    result = UpdateResult()
    for release in _at_work(ports.registry, task):
        model = release.manifest.model
        if model is None or ports.models.has(model.sha256):
            continue
        try:
            fetch(ports, release.manifest)
        except (TrustError, UnavailableError) as error:
            reason = f"version {release.manifest.version} cannot be restored: {error}"
            result = _with(result, Refused(task=task, reason=reason))
            continue
        told: dict[str, Field] = {"task": task, "sha256": model.sha256}
        _record(ports.registry, EventName.MODEL_RESTORED, told, now=now)
        result = replace(result, restored=(*result.restored, model.sha256))
    return result


def _at_work(registry: Registry, task: str) -> list[Release]:
    """Return the releases of a task's line-up."""
    slots = {digest for _, digest in lineup_of(registry, task).roles()}
    return [release for release in registry.releases() if release.digest in slots]


def _remember_refusals(
    registry: Registry, result: UpdateResult, *, task: str, now: datetime
) -> None:
    """Tell why an offer was not taken, once until it is something else."""
    refusal = "; ".join(refused.reason for refused in result.refused) or None
    channel = registry.channel(task)
    if channel.refusal == refusal:
        return
    with registry.transaction():
        registry.set_channel(replace(channel, refusal=refusal))
        if refusal is not None:
            told: dict[str, Field] = {"task": task, "reason": refusal}
            _record(registry, EventName.RELEASE_REFUSED, told, now=now)


def _record(
    registry: Registry, name: EventName, told: Mapping[str, Field], *, now: datetime
) -> None:
    registry.record(Event(at=now, name=name, fields=told))


@contextmanager
def failure_remembered(registry: Registry, *, now: datetime) -> Iterator[None]:
    """Note why an update failed, tell it once, and go on raising."""
    try:
        yield
    except ForewarnError as error:
        reason = str(error)
        with registry.transaction():
            trust = registry.trust()
            registry.set_trust(trust.failed(reason, now=now))
            if trust.reason != reason:
                _record(registry, EventName.UPDATE_FAILED, {"reason": reason}, now=now)
        raise


def _check(registry: Registry, roles: Collection[SignedRole], *, now: datetime) -> None:
    """Refuse what The Update Framework alone would take.

    Raises:
        TrustError: A role is older than what was seen, or expired by another clock.
    """
    floor = registry.trust().earliest_now()
    reason = rollback_attack(roles, registry.floors())
    reason = reason or expiry(roles, now=now, floor=floor)
    if reason is not None:
        raise TrustError(reason)


def _remember_trust(
    ports: UpdatePorts, top: Collection[SignedRole], *, now: datetime
) -> None:
    """Raise the floors by all that was verified, and say that all is well."""
    registry = ports.registry
    registry.set_floors(raised(ports.repository.roles(), floors=registry.floors()))
    registry.set_trust(registry.trust().verified(top, now=now))
