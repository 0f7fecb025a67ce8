"""Every table and key of the configuration, and its default."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args

import msgspec

from agent.config.value import (
    Address,
    Duration,
    Listen,
    Regex,
    SecretReference,
    SharingLevel,
    Size,
    WhenFull,
)

# The one table whose keys the operator chooses.
_OPEN = "agent.labels"


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Agent(_Table, frozen=True):
    """What this host is, and how often it looks.

    Attributes:
        interval: Between two samples; scoring follows each manifest.
        labels: Say upstream what this host is for.
    """

    state_dir: Path = Path("/var/lib/forewarn")
    interval: Duration = Duration("10s")
    labels: Mapping[str, str] = {}


class Central(_Table, frozen=True):
    """Where releases come from and summaries go.

    Attributes:
        url: None: not enrolled.
        trust_root: The root metadata that all trust starts from.
        client_cert: With `client_key` or not at all.
        no_proxy: What is reached without any proxy: `db.example` is that host and
            those below it, `.example` those below it only, `10.0.0.0/8` the addresses
            of a block, `*` everything.
    """

    url: Address | None = None
    trust_root: Path = Path("/etc/forewarn/root.json")
    token: SecretReference | None = None
    ca_file: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    proxy: Address | None = None
    no_proxy: tuple[str, ...] = ()
    update_every: Duration = Duration("15m")
    report_every: Duration = Duration("1h")


class Trust(_Table, frozen=True):
    """What a release must show beside the signatures of the repository.

    Attributes:
        provenance_key: Public key, in PEM, of who must have signed each model file with
            OpenSSF Model Signing; None: nobody need have.
        extra_operators: ONNX operators that models may use beside those on the list of
            the scan, such as `Scan` or `com.example.Fast`; the site vouches for them.
    """

    provenance_key: Path | None = None
    extra_operators: tuple[str, ...] = ()


class Sharing(_Table, frozen=True):
    """What may leave this host; central cannot widen it."""

    level: SharingLevel = SharingLevel.SUMMARIES
    labelled_bytes_per_day: Size = Size("2MB")
    host_name: bool = False


class Tasks(_Table, frozen=True):
    """Which tasks may run, as patterns with `*`; a denial wins."""

    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()


class Guard(_Table, frozen=True):
    """When a release is rolled back, promoted, confirmed and heard; docs/guard.md.

    Attributes:
        alpha: Chance that a release which is not worse is ever rolled back here.
        margin: How much worse than its fallback a release may be, 0.1 for 10 %; None:
            as its manifest says.
        block: For how long the guard's stakes stay, at least two horizons; None: as the
            manifest says, or 20 min.
        min_blocks: Nothing is decided in the first blocks.
        promotion: Evidence from which a shadow is promoted and a release is heard.
        judge_for: For how long a release must have been judged before it is trusted.
        episodes: Over how many event episodes it must have been.
        false_alarms: How many of them cost as much as a missed event: then alerts are
            what is priced; None: probabilities are, by their log loss.
        strict: Count an outcome that is lost as the worst that it could have been.
    """

    alpha: float = 0.001
    margin: float | None = None
    block: Duration | None = None
    min_blocks: int = 6
    promotion: float = 20.0
    judge_for: Duration = Duration("1d")
    episodes: int = 5
    false_alarms: float | None = None
    strict: bool = False


class Store(_Table, frozen=True):
    """How much of the past is kept.

    Attributes:
        commit_every: Quiet ticks share a commit for so long; 0 s: each has its own.
    """

    max_size: Size = Size("256MB")
    keep: Duration = Duration("30d")
    commit_every: Duration = Duration("60s")


class Spool(_Table, frozen=True):
    """How much may wait to be sent, and what goes when it is too much."""

    max_size: Size = Size("64MB")
    max_age: Duration = Duration("30d")
    when_full: WhenFull = WhenFull.DROP_OLDEST


class Limits(_Table, frozen=True):
    """What the agent may take of the host; `cpu_percent` of one core."""

    cpu_percent: float = 2.0
    memory: Size = Size("160MB")


class Alerts(_Table, frozen=True):
    """Whether predictions become alerts."""

    enabled: bool = True


class Endpoint(_Table, frozen=True):
    """The /metrics and /healthz page; None: off."""

    listen: Listen | None = None


class Collect(_Table, frozen=True):
    """What is left out of the samples.

    Attributes:
        exclude_mountpoints: What it finds anywhere in a name is left out, instead of
            what is built in (None), as with its three siblings.
        temperature: Read the sensors.
        process_status: Count processes by state, which reads every one of them.
    """

    exclude_mountpoints: Regex | None = None
    exclude_filesystems: Regex | None = None
    exclude_devices: Regex | None = None
    exclude_interfaces: Regex | None = None
    temperature: bool = True
    process_status: bool = False


class Config(_Table, frozen=True):
    """What the operator chose, complete; parsed once, then trusted."""

    agent: Agent = Agent()
    central: Central = Central()
    trust: Trust = Trust()
    sharing: Sharing = Sharing()
    tasks: Tasks = Tasks()
    guard: Guard = Guard()
    store: Store = Store()
    spool: Spool = Spool()
    limits: Limits = Limits()
    alerts: Alerts = Alerts()
    endpoint: Endpoint = Endpoint()
    collect: Collect = Collect()


def kind_of(key: str) -> Any:  # noqa: ANN401 - an annotation is anything
    """Return the type that `key` takes; None: there is no such key."""
    return str if key.startswith(f"{_OPEN}.") else KINDS.get(key)


def flat(content: object, key: str = "") -> Iterator[tuple[str, object]]:
    """Yield each value with its full key; a table that is a value stays whole."""
    is_open = key in ("", _OPEN, *_TABLES)
    if not isinstance(content, dict) or not is_open:
        yield key, content
        return
    for name, value in content.items():
        yield from flat(value, f"{key}.{name}" if key else name)


def refusal(key: str) -> str:
    """Return why `key` takes no value, and which key may have been meant."""
    if key in _TABLES:
        return f"expected a table, [{key}]"
    table, _, name = key.rpartition(".")
    siblings = _names(table) or _TABLES
    near = get_close_matches(name, siblings, n=1)
    elsewhere = [known for known in KINDS if known.endswith(f".{name}")]
    if elsewhere or near:
        return f'no such key; did you mean "{(elsewhere or near)[0]}"?'
    return f"no such key; expected one of {', '.join(siblings)}"


def _names(table: str) -> list[str]:
    return [
        key.removeprefix(f"{table}.") for key in KINDS if key.startswith(f"{table}.")
    ]


def _without_none(annotation: Any) -> Any:  # noqa: ANN401 - annotations are any
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    return kinds[0] if isinstance(annotation, UnionType) else annotation


# Every key, such as `agent.interval`, with the type that it takes.
KINDS: Mapping[str, Any] = {
    f"{table.name}.{key.name}": _without_none(key.type)
    for table in msgspec.structs.fields(Config)
    for key in msgspec.structs.fields(table.type)
}
_TABLES = [table.name for table in msgspec.structs.fields(Config)]
