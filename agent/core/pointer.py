"""The channel pointer: which release of a task may run, signed by operations."""

import hashlib
from datetime import datetime
from typing import Annotated, Final

import msgspec

from agent.core.manifest import Count, Name, Sha256
from agent.errors import TrustError

SCHEMA: Final = 1
MAX_BYTES: Final = 100_000
EVERY_HOST: Final = 100

_Percent = Annotated[int, msgspec.Meta(ge=0, le=EVERY_HOST)]
_Version = Annotated[int, msgspec.Meta(gt=0)]
_Utc = Annotated[datetime, msgspec.Meta(tz=True)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the pointer: unknown keys are refused, naming the key."""


class Rollout(_Part, frozen=True):
    """Which share of the fleet is meant; another salt draws other hosts."""

    percent: _Percent
    salt: str


class Pointer(_Part, frozen=True):
    """What operations approved for one channel of one task.

    Attributes:
        serial: Grows with every approval, also where the version goes back.
        manifest: The manifest's target path.
        sha256: Of the manifest's bytes.
        length: Of the manifest, in bytes.
        floor_version: No release below it may run.
        revoked: Digests that may not run any more.
        rollout: None means every host.
        not_before: When the approval begins; None means at once.
    """

    schema: int
    task: Name
    channel: Name
    serial: Count
    manifest: str
    sha256: Sha256
    length: Annotated[int, msgspec.Meta(gt=0)]
    version: _Version
    floor_version: _Version = 1
    revoked: tuple[Sha256, ...] = ()
    rollout: Rollout | None = None
    not_before: _Utc | None = None

    def holds_back(self, host_id: str, *, now: datetime) -> str | None:
        """Return why the approval is not for this host, or not yet; None: it is."""
        if self.not_before is not None and now < self.not_before:
            return f"it begins at {self.not_before:%Y-%m-%d %H:%M} UTC"
        if self.rollout is None:
            return None
        drawn = hashlib.sha256(f"{self.rollout.salt}:{host_id}".encode()).digest()
        # 64 bits against a hundred: the bias of the remainder is below 1e-17.
        if int.from_bytes(drawn[:8]) % EVERY_HOST < self.rollout.percent:
            return None
        return f"it is for {self.rollout.percent} % of the fleet, without this host"


def manifest_path(task: str, version: int) -> str:
    """Return the target path of a release's manifest."""
    return f"models/{task}/{version}/manifest.json"


def model_path(task: str, version: int) -> str:
    """Return the target path of a release's model."""
    return f"models/{task}/{version}/model.onnx"


def pointer_path(task: str, channel: str) -> str:
    """Return the target path of a channel pointer."""
    return f"channels/{task}/{channel}.json"


def parse_pointer(document: bytes, *, task: str, channel: str) -> Pointer:
    """Return the pointer that the JSON document holds.

    Raises:
        TrustError: Names the key, what was expected and what was got.
    """
    name = f"pointer of {task}"
    try:
        pointer = msgspec.json.decode(document, type=Pointer)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise TrustError(f"{name}: {error}") from error
    expected = {
        "schema": SCHEMA,
        "task": task,
        "channel": channel,
        "manifest": manifest_path(task, pointer.version),
    }
    for key, value in expected.items():
        if (got := getattr(pointer, key)) != value:
            raise TrustError(f"{name}: {key}: expected {value}, got {got}")
    return pointer
