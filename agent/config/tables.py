"""Every table and key of the configuration, its default, and the laws that bind it."""

import math
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NamedTuple, get_args

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
_WHOLE = 100  # percent
_HOSTS = re.compile(r"\*|(\*?\.)?[\w-]+(\.[\w-]+)*", re.ASCII)


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
    """When a release is rolled back.

    Attributes:
        alpha: Chance that a release which is not worse is ever rolled back here.
        margin: How much worse than its fallback a release may be.
    """

    alpha: float = 0.001
    margin: float = 0.10


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


class Law(NamedTuple):
    """What must hold of `key`, in words, and whether it does."""

    key: str
    expected: str
    is_kept: bool


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


def laws(config: Config) -> list[Law]:
    """Return what binds values that are each well written, kept or not."""
    agent, central, guard = config.agent, config.central, config.guard
    store, spool, limits = config.store, config.spool, config.limits
    has_cert, has_key = central.client_cert is not None, central.client_key is not None
    every_tick = f"0s (every tick) or at least agent.interval ({agent.interval.text})"
    return [
        _within("agent.interval", agent.interval, "20ms", "10m"),
        _within("central.update_every", central.update_every, "1s", "30d"),
        _within("central.report_every", central.report_every, "1s", "30d"),
        Law("central.client_cert", "client_key beside it", has_key or not has_cert),
        Law("central.client_key", "client_cert beside it", has_cert or not has_key),
        Law(
            "central.proxy",
            "an http:// or https:// address",
            central.proxy is None or central.proxy.startswith(("http://", "https://")),
        ),
        Law(
            "central.no_proxy",
            "hosts, .domains, address blocks or *, without scheme and port",
            all(_is_host_or_block(entry) for entry in central.no_proxy),
        ),
        Law("guard.alpha", "a number between 0 and 1", 0 < guard.alpha < 1),
        Law("guard.margin", "a number of at least 0", 0 <= guard.margin < math.inf),
        _at_least("store.max_size", store.max_size, "4MB"),
        _within("store.keep", store.keep, "1d", "3650d"),
        _within("store.commit_every", store.commit_every, "0s", "1d"),
        Law(
            "store.commit_every",
            every_tick,
            not store.commit_every or agent.interval <= store.commit_every,
        ),
        _at_least("spool.max_size", spool.max_size, "1MB"),
        _within("spool.max_age", spool.max_age, "1h", "3650d"),
        Law("limits.cpu_percent", "above 0, to 100", 0 < limits.cpu_percent <= _WHOLE),
        _at_least("limits.memory", limits.memory, "64MB"),
    ]


def _is_host_or_block(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return _HOSTS.fullmatch(text) is not None
    return True


def _within(key: str, value: Duration, low: str, high: str) -> Law:
    is_kept = Duration(low) <= value <= Duration(high)
    return Law(key, f"{low} to {high}", is_kept)


def _at_least(key: str, value: Size, low: str) -> Law:
    return Law(key, f"at least {low}", Size(low) <= value)


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
