"""Founding a repository, and the roles of what it is to offer."""

from collections.abc import Mapping, Sequence

from agent.errors import ConfigError
from central.core.profile import TOP, Policy, task_roles
from central.core.roles import Settled
from central.ports import KeyDesk, Keyring


def found(
    desk: KeyDesk,
    *,
    keyring: Keyring,
    policy: Policy,
    tasks: Sequence[str] = (),
    given: Mapping[str, Sequence[str]] | None = None,
) -> Settled:
    """Make a repository that offers nothing yet.

    Args:
        desk: Of an empty repository.
        keyring: Where keys are made and named.
        policy: How many keys each role takes.
        tasks: That get their roles at once.
        given: Keys by role, for which none are made here: names or public keys.

    Raises:
        ConfigError: A threshold cannot be met, or a name cannot be one.
    """
    given = given or {}
    for role in TOP:
        _make(desk, role, keyring=keyring, policy=policy, given=given)
    for task in tasks:
        _make_task(desk, task, keyring=keyring, policy=policy, given=given)
    waiting = desk.publish()
    return Settled(published=desk.published(), waiting=waiting)


def add_task(
    desk: KeyDesk,
    task: str,
    *,
    keyring: Keyring,
    policy: Policy,
    given: Mapping[str, Sequence[str]] | None = None,
) -> Settled:
    """Make the two roles of a task: who releases, and who approves.

    Raises:
        ConfigError: It is there already, its name cannot be one, or a threshold cannot
            be met.
    """
    if task in desk.tasks():
        raise ConfigError(f"{task}: expected a new task, got one that has its roles")
    _make_task(desk, task, keyring=keyring, policy=policy, given=given or {})
    waiting = desk.publish()
    return Settled(published=desk.published(), waiting=waiting)


def _make_task(
    desk: KeyDesk,
    task: str,
    *,
    keyring: Keyring,
    policy: Policy,
    given: Mapping[str, Sequence[str]],
) -> None:
    for role, paths in task_roles(task).items():
        _make(desk, role, keyring=keyring, policy=policy, given=given, paths=paths)


def _make(
    desk: KeyDesk,
    role: str,
    *,
    keyring: Keyring,
    policy: Policy,
    given: Mapping[str, Sequence[str]],
    paths: str = "",
) -> None:
    rule = policy.rule(role)
    if role in given:
        holders = [keyring.take(reference) for reference in given[role]]
    else:
        names = [f"{role}-{number}" for number in range(1, rule.keys + 1)]
        holders = [keyring.generate(name) for name in names]
    names = [holder.name for holder in holders]
    desk.make(role, holders=names, threshold=rule.threshold, paths=paths)
