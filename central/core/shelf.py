"""The releases of a task that are signed for, and which version may come next."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agent.core.pointer import manifest_path, model_path
from agent.errors import ConfigError, TrustError
from central.core.roles import Target, UnknownNameError, unknown

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """A release that the data team has signed for.

    Attributes:
        digest: SHA-256 of its manifest, which names the release.
        length: Of the manifest, in bytes.
        model: SHA-256 of its model; None for a survey.
    """

    task: str
    version: int
    digest: str
    length: int
    model: str | None

    @property
    def digests(self) -> frozenset[str]:
        """What it can be revoked by."""
        return frozenset({self.digest} | ({self.model} if self.model else set()))


def release_role(task: str) -> str:
    """Return the role by which the data team signs a task's releases."""
    return f"release-{task}"


def approve_role(task: str) -> str:
    """Return the role by which operations sign a task's channel pointers."""
    return f"approve-{task}"


def task_of(roles: Iterable[str]) -> str | None:
    """Return the one task that roles are of; None: there is none, or several."""
    found = {
        role.removeprefix(prefix)
        for role in roles
        for prefix in (release_role(""), approve_role(""))
        if role.startswith(prefix)
    }
    return found.pop() if len(found) == 1 else None


def issues(task: str, targets: Mapping[str, Target]) -> tuple[Issue, ...]:
    """Return the releases of a task among what its release role signs, oldest first."""
    versions = sorted(
        int(parts[2])
        for parts in (path.split("/") for path in targets)
        if parts[0] == "models" and parts[1] == task and parts[2].isdecimal()
    )
    return tuple(
        _issue(task, version, targets)
        for version in dict.fromkeys(versions)
        if manifest_path(task, version) in targets
    )


def issue_of(version: int, *, among: Iterable[Issue], task: str) -> Issue:
    """Return the release of a version.

    Raises:
        TrustError: It is not among them; names those that are.
    """
    found = {issue.version: issue for issue in among}
    if version not in found:
        there = ", ".join(map(str, found)) or "none"
        raise TrustError(
            f"{task}: version {version} is not published; published: {there}"
        )
    return found[version]


def revocable(text: str, *, among: Iterable[Issue], task: str) -> str:
    """Return the digest that a version, or a digest itself, names.

    Raises:
        TrustError: The version is not among them.
        ConfigError: It is neither.
    """
    if _DIGEST.fullmatch(text):
        return text
    if not text.isdecimal():
        raise ConfigError(
            f'{task}: expected a version or a digest of 64 digits, got "{text}"'
        )
    return issue_of(int(text), among=among, task=task).digest


def check_task(task: str, *, known: tuple[str, ...]) -> None:
    """Raise UnknownNameError unless the repository has roles for a task."""
    if task not in known:
        raise UnknownNameError(
            f"{unknown(task, what='task', known=known)}; `forewarn-central task add "
            f"{task}` makes it"
        )


def check_is_newer(
    version: int, *, than: Iterable[Issue], task: str, is_pending: bool
) -> None:
    """Raise TrustError unless a version is above every one that is signed for.

    A version stands for one release for ever, and no host goes back by itself.

    Args:
        version: That is to come.
        than: What the release role signs for, or is to sign for.
        task: Of the release.
        is_pending: Whether the release role has a change that still lacks signatures.
    """
    newest = max((issue.version for issue in than), default=0)
    if version > newest:
        return
    role = release_role(task)
    state = "published"
    if is_pending:
        state = (
            f"published or pending; `forewarn-central sign --show {role}` shows what "
            f"is pending, `sign {role}` goes on with it, `sign --discard {role}` drops "
            "it"
        )
    raise TrustError(
        f"{task}: version: expected more than {newest}, the newest that is {state}; "
        f"got {version}"
    )


def _issue(task: str, version: int, targets: Mapping[str, Target]) -> Issue:
    manifest = targets[manifest_path(task, version)]
    model = targets.get(model_path(task, version))
    return Issue(
        task=task,
        version=version,
        digest=manifest.sha256,
        length=manifest.length,
        model=None if model is None else model.sha256,
    )
