"""What a signed document says, in clear: so that nobody signs a mere hash."""

from datetime import UTC, datetime
from hashlib import sha256

from agent.core import manifest as manifests
from agent.core import pointer as pointers
from agent.core.manifest import parse_manifest
from agent.core.pointer import EVERY_HOST, parse_pointer
from agent.errors import TrustError

# No document is longer, and nothing else is read to be shown.
MAX_BYTES = max(manifests.MAX_BYTES, pointers.MAX_BYTES)


def is_readable(path: str) -> bool:
    """Return whether the target of a path is a document that can be shown."""
    parts = path.split("/")
    is_manifest = parts[0] == "models" and parts[-1] == "manifest.json"
    return is_manifest or _is_pointer(path)


def reading(path: str, content: bytes, *, before: bytes | None = None) -> list[str]:
    """Return what a document says, a line each; what cannot be read says so.

    Args:
        path: Of the target, for which `is_readable`.
        content: Its bytes.
        before: What the path held before; None: nothing, or nobody knows.
    """
    try:
        now = _facts(path, content)
    except TrustError as error:
        return [f"cannot be read: {error}"]
    try:
        last = _facts(path, before) if before is not None else now
    except TrustError:
        last = now
    return [f"{name}: {_changed(value, last.get(name))}" for name, value in now.items()]


def _changed(value: str, last: str | None) -> str:
    return value if value == last else f"{value} (was: {last})"


def _facts(path: str, content: bytes) -> dict[str, str]:
    return _pointer(path, content) if _is_pointer(path) else _manifest(content)


def _is_pointer(path: str) -> bool:
    parts = path.split("/")
    return parts[0] == "channels" and len(parts) == 3  # noqa: PLR2004 - /TASK/NAME


def _pointer(path: str, content: bytes) -> dict[str, str]:
    _, task, name = path.split("/")
    found = parse_pointer(content, task=task, channel=name.removesuffix(".json"))
    percent = EVERY_HOST if found.rollout is None else found.rollout.percent
    return {
        "task": found.task,
        "version": str(found.version),
        "release": found.sha256,
        "percent": f"{percent} of hosts",
        "salt": found.rollout.salt if found.rollout else "none",
        "floor": str(found.floor_version),
        "revoked": ", ".join(found.revoked) or "nothing",
        "not before": _instant(found.not_before),
        "serial": str(found.serial),
    }


def _manifest(content: bytes) -> dict[str, str]:
    found = parse_manifest(content)
    return {
        "task": found.task,
        "version": str(found.version),
        "title": found.title,
        "release": sha256(content).hexdigest(),
        "model": found.model.sha256 if found.model else "none: a survey",
    }


def _instant(at: datetime | None) -> str:
    return "at once" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
