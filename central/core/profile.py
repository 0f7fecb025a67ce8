"""Which roles a repository has, how many keys they take and how long they hold."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from agent.errors import ConfigError

SCHEMA: Final = 1
_MAX_KEYS: Final = 100
_MAX_DAYS: Final = 3650

TOP: Final = ("root", "targets", "snapshot", "timestamp")
ONLINE: Final = ("snapshot", "timestamp")

# What each of a task's roles alone may sign for; a `*` never crosses a `/`.
TASK_PATHS: Final[Mapping[str, str]] = {
    "release": "models/{task}/*/*",
    "approve": "channels/{task}/*",
}


class Profile(StrEnum):
    """How a repository reaches its hosts."""

    CONNECTED = "connected"
    AIR_GAPPED = "air-gapped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one kind of role takes.

    Attributes:
        keys: That are made for it.
        threshold: Signatures that it takes.
        lifetime: From a signature to its expiry.
        renewal: It is to be signed anew when less than this is left.
    """

    keys: int
    threshold: int
    lifetime: timedelta
    renewal: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What central.toml says.

    Attributes:
        rules: By kind of role; a task's role is of the kind before its first dash.
    """

    profile: Profile
    rules: Mapping[str, Rule]

    def rule(self, role: str) -> Rule:
        """Return what a role takes: `release-cpu` is of the kind `release`."""
        return self.rules[kind_of(role)]

    def with_thresholds(self, thresholds: Mapping[str, int]) -> "Policy":
        """Return a policy that takes these numbers of signatures, by kind of role."""
        rules = {
            kind: replace(rule, threshold=thresholds.get(kind, rule.threshold))
            for kind, rule in self.rules.items()
        }
        return replace(self, rules=rules)


# kind: keys, threshold, days it holds: connected, air-gapped
_TABLE: Final = {
    "root": (3, 2, 365, 730),
    "targets": (3, 2, 180, 365),
    "snapshot": (1, 1, 14, 90),
    "timestamp": (1, 1, 3, 90),
    "release": (3, 1, 180, 365),
    "approve": (3, 2, 30, 180),
}
# The root is read out and signed by people who have to meet; the rest at half time.
_RENEWAL: Final[Mapping[str, float]] = {"root": 0.25}
_HALF: Final = 0.5


def policy_of(
    profile: Profile, *, counts: Mapping[str, tuple[int, int]] | None = None
) -> Policy:
    """Return the policy of a profile.

    Args:
        profile: How the repository reaches its hosts.
        counts: Keys and threshold by kind of role where they differ from the table.

    Raises:
        ConfigError: A kind is unknown, or a threshold cannot be met.
    """
    given = {kind: (keys, need) for kind, (keys, need, *_) in _TABLE.items()}
    given |= counts or {}
    days = {
        kind: row[2 if profile is Profile.CONNECTED else 3]
        for kind, row in _TABLE.items()
    }
    return Policy(
        profile=profile,
        rules={
            kind: _rule(kind, keys=keys, threshold=need, days=days.get(kind, 0))
            for kind, (keys, need) in given.items()
        },
    )


def kind_of(role: str) -> str:
    """Return a role's row in the table: `release-cpu` is a `release`."""
    return role.partition("-")[0]


def delegator_of(role: str) -> str:
    """Return the role that names this role's keys."""
    return "root" if role in TOP else "targets"


def task_roles(task: str) -> dict[str, str]:
    """Return the roles of a task with the paths that each may sign for.

    Raises:
        ConfigError: It cannot be the name of a task.
    """
    checked_name(task, what="task")
    return {
        f"{kind}-{task}": paths.format(task=task) for kind, paths in TASK_PATHS.items()
    }


def checked_name(name: str, *, what: str, longest: int = 64) -> str:
    """Return a name that may be part of a path and of a web address.

    Raises:
        ConfigError: It may not.
    """
    if len(name) > longest or not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise ConfigError(
            f"{what}: expected a-z, 0-9, '.', '_' or '-', at most {longest} and "
            f"beginning with a letter or digit, got {name!r}"
        )
    return name


class _Role(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    keys: Annotated[int, msgspec.Meta(ge=1, le=_MAX_KEYS)]
    threshold: Annotated[int, msgspec.Meta(ge=1, le=_MAX_KEYS)]
    lifetime_days: Annotated[int, msgspec.Meta(ge=1, le=_MAX_DAYS)]


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    profile: Profile
    roles: dict[str, _Role]
    schema: Annotated[int, msgspec.Meta(ge=SCHEMA, le=SCHEMA)]


def parse_policy(text: bytes, *, source: str) -> Policy:
    """Return the policy that a central.toml holds.

    Raises:
        ConfigError: Names the key, what was expected and what was got.
    """
    try:
        document = msgspec.toml.decode(text, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{source}: {error}") from error
    if missing := sorted(_TABLE.keys() - document.roles.keys()):
        raise ConfigError(f"{source}: expected roles.{missing[0]}, got none")
    return Policy(
        profile=document.profile,
        rules={
            kind: _rule(
                kind, keys=row.keys, threshold=row.threshold, days=row.lifetime_days
            )
            for kind, row in document.roles.items()
        },
    )


def policy_text(policy: Policy) -> str:
    """Return the central.toml of a policy."""
    roles = "".join(
        f"\n[roles.{kind}]\n"
        f"keys = {rule.keys}\n"
        f"threshold = {rule.threshold}\n"
        f"lifetime_days = {rule.lifetime.days}\n"
        for kind, rule in policy.rules.items()
    )
    return (
        "# What the roles of this repository take. `keys` and `threshold` count when\n"
        "# a role is made; `forewarn-central keys` changes them later.\n"
        f"schema = {SCHEMA}\n"
        f'profile = "{policy.profile}"\n{roles}'
    )


def _rule(kind: str, *, keys: int, threshold: int, days: int) -> Rule:
    if kind not in _TABLE:
        known = ", ".join(_TABLE)
        raise ConfigError(f"roles: expected one of {known}, got {kind}")
    if not 1 <= threshold <= keys <= _MAX_KEYS:
        raise ConfigError(
            f"roles.{kind}: expected a threshold of 1 to as many as its keys, at most "
            f"{_MAX_KEYS}, got {threshold} of {keys}"
        )
    lifetime = timedelta(days=days)
    renewal = lifetime * _RENEWAL.get(kind, _HALF)
    return Rule(keys=keys, threshold=threshold, lifetime=lifetime, renewal=renewal)
