"""One update: what the repository offers is checked, tried and taken in."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime

from agent.core.channel import step_back, withdrawals
from agent.core.event import Event, EventName, Field
from agent.core.pointer import Pointer
from agent.core.qualify import HostFacts
from agent.core.release import Release, ReleaseEvent
from agent.core.trust import SignedRole, expiry, raised, rollback_attack
from agent.errors import ForewarnError, TrustError, UnavailableError
from agent.flows.admission import consider, fetch, wanted_models
from agent.flows.departure import depart, lineup_of
from agent.flows.result import (
    Admitted,
    HeldBack,
    Refused,
    UpdateResult,
    Withdrawn,
    joined,
)
from agent.ports import Registry, UpdatePorts


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
    # First what operations take back: no trouble with another task may put that off.
    heard = [_heard(ports, task, host=host, now=now) for task in tasks]
    result = joined([_taken(ports, each, host=host, now=now) for each in heard])
    with ports.registry.transaction():
        _remember_trust(ports, top, now=now)
        _record(ports.registry, EventName.UPDATE_FINISHED, _counts(result), now=now)
    ports.models.keep_only(wanted_models(ports.registry))
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """What operations say of a task.

    Attributes:
        pointer: What this host is to have; None: nothing, or nothing to be trusted.
        result: What came of hearing it.
    """

    task: str
    pointer: Pointer | None = None
    result: UpdateResult = field(default_factory=UpdateResult)


def _counts(result: UpdateResult) -> dict[str, Field]:
    return {each.name: len(getattr(result, each.name)) for each in fields(result)}


def _heard(ports: UpdatePorts, task: str, *, host: HostFacts, now: datetime) -> _Heard:
    """Return what operations say of a task; what they take back is gone by then."""
    present = max(now, ports.registry.trust().earliest_now())
    try:
        pointer = _pointer(ports, task, now=now)
        if pointer is None:
            return _Heard(task=task)
        why_not = pointer.holds_back(host.host_id, now=present)
        withdrawn = _withdraw(ports, pointer, is_meant=why_not is None, now=now)
    except (TrustError, UnavailableError) as error:
        refused = Refused(task=task, reason=str(error))
        return _Heard(task=task, result=UpdateResult(refused=(refused,)))
    if why_not is None:
        result = UpdateResult(withdrawn=withdrawn)
        return _Heard(task=task, pointer=pointer, result=result)
    held = HeldBack(task=task, version=pointer.version, reason=why_not)
    result = UpdateResult(withdrawn=withdrawn, held_back=(held,))
    return _Heard(task=task, result=result)


def _taken(
    ports: UpdatePorts, heard: _Heard, *, host: HostFacts, now: datetime
) -> UpdateResult:
    """Return what came of one task; an error of its own stops no other."""
    task = heard.task
    restored = _restored(ports, task, now=now)
    offered = _offered(ports, heard.pointer, host=host, now=now)
    result = joined([UpdateResult(checked=(task,)), heard.result, restored, offered])
    _remember_refusals(ports.registry, result, task=task, now=now)
    return result


def _offered(
    ports: UpdatePorts, pointer: Pointer | None, *, host: HostFacts, now: datetime
) -> UpdateResult:
    """Return what came of what this host is to have."""
    if pointer is None:
        return UpdateResult()
    came: Admitted | Refused | None
    try:
        document = _manifest(ports, pointer, now=now)
        came = consider(ports, pointer, document, host=host, now=now)
    except (TrustError, UnavailableError) as error:
        came = Refused(task=pointer.task, reason=str(error))
    return _with(UpdateResult(), came)


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
    role = next((r for r in ports.repository.roles() if r.name == name), None)
    if role is None:
        raise TrustError(
            f"{name}: expected this role to sign for its task, got another; the "
            "keepers of targets must not let two roles sign for the same paths"
        )
    _check(ports.registry, [role], now=now)
    return role


def _withdraw(
    ports: UpdatePorts, pointer: Pointer, *, is_meant: bool, now: datetime
) -> tuple[Withdrawn, ...]:
    """End the work of releases that operations took back; return which."""
    registry, task = ports.registry, pointer.task
    withdrawn: list[Withdrawn] = []
    with registry.transaction():
        live = _at_work(registry, task)
        for release, reason in withdrawals(pointer, live=live, is_meant=is_meant):
            left = depart(
                registry,
                lineup_of(registry, task),
                release.digest,
                event=ReleaseEvent.WITHDRAWN,
            )
            one = Withdrawn(
                task=task,
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
    except Exception as error:
        is_ours = isinstance(error, ForewarnError)
        reason = str(error) if is_ours else f"{type(error).__name__}: {error}"
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
