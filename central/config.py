"""What operates central: `fleet.toml` in its folder, every key with a default."""

import os
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from agent.core.quantity import duration_s, size_bytes
from agent.errors import ConfigError

NAME: Final = "fleet.toml"

_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Percent = Annotated[int, msgspec.Meta(gt=0, le=100)]


class Duration(float):
    """Seconds, written as a number and a unit."""

    __slots__ = ()


class Size(int):
    """Bytes, written as a number and a unit."""

    __slots__ = ()


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Database(_Table, frozen=True):
    """Where the state of the fleet is kept.

    Attributes:
        url: As SQLAlchemy writes it, such as `postgresql+psycopg://fleet@db/fleet`;
            None: `fleet.db`, SQLite, in central's folder. `$NAME` is taken from the
            environment.
        keep: So long hashes of reports, events and scorecards are kept; longer than any
            host keeps what it has not sent.
    """

    url: str | None = None
    keep: Duration = Duration(90 * 86_400)


class Dataset(_Table, frozen=True):
    """Where labelled samples are kept.

    Attributes:
        url: A folder, or an object store such as `s3://bucket/path`; None: `dataset` in
            central's folder. `$NAME` is taken from the environment.
        compact_every: Files of a day become one after so long.
    """

    url: str | None = None
    compact_every: Duration = Duration(86_400)


class Serve(_Table, frozen=True):
    """How the server takes reports in.

    Attributes:
        max_report: A report that is longer on the wire is refused.
        max_unpacked: One that unpacks to more is refused, or to more values than a
            quarter of it.
        reports_a_minute: Of one host; more are told to come later.
        cluster_label: Hosts that one incident can hit together bear the same one.
        client_ca: Whose client certificates stand for a token; None: nobody's.
    """

    max_report: Size = Size(2_000_000)
    max_unpacked: Size = Size(8_000_000)
    reports_a_minute: Annotated[int, msgspec.Meta(gt=0)] = 30
    cluster_label: str = "cluster"
    client_ca: Path | None = None


class Gate(_Table, frozen=True):
    """What a retrained release must show before anybody may sign it.

    Attributes:
        min_rows: Labelled moments that it was tested on.
        min_events: Of those, events.
        min_skill: Brier skill against the rate of the test.
        min_blocks: Days of hosts, or shorter stretches, that these moments are of.
        min_gain: Brier skill against the current release, or against the baseline where
            there is none; its lower 95 % bound. Below 0: how much worse it may be.
        min_baseline_gain: The same against the baseline, whatever is current; None: as
            `min_gain`.
        max_group_loss: How much worse than the reference it may be for any group of
            hosts, as a share of the reference's loss.
        group_label: By which label hosts are grouped.
        max_calibration_error: Expected calibration error.
        max_size: Of the model's file.
        max_latency: Of one scoring.
    """

    min_rows: int = 500
    min_events: int = 20
    min_blocks: int = 8
    min_skill: float = 0.0
    min_gain: float = -0.02
    min_baseline_gain: float | None = None
    max_group_loss: float = 0.1
    group_label: str = "role"
    max_calibration_error: _Share = 0.05
    max_size: Size = Size(3_000_000)
    max_latency: Duration = Duration(0.005)


class Autopilot(_Table, frozen=True):
    """When central retrains, and how it rolls out.

    Attributes:
        tasks: Which tasks; empty: none.
        every: How often it looks.
        min_new_events: New labelled events that make a retraining worth while.
        min_new_rows: New labelled moments, at least.
        rest: Between two retrainings of a task.
        rings: Shares of the fleet, in percent, that get a release one after another.
        min_ring: No ring lasts less.
        grace: So long after its end a fleet block is counted; hosts tell of it in their
            next report, and what comes later is never counted.
        alpha: Chance that a rollout that does no harm is ever halted.
        hold_for_approval: Whether a person approves each release before its first ring.
    """

    tasks: tuple[str, ...] = ()
    every: Duration = Duration(900)
    min_new_events: int = 50
    min_new_rows: int = 1000
    rest: Duration = Duration(86_400)
    rings: tuple[_Percent, ...] = (1, 10, 100)
    min_ring: Duration = Duration(86_400)
    grace: Duration = Duration(7200)
    alpha: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.01
    hold_for_approval: bool = True


class Fleet(_Table, frozen=True):
    """What `fleet.toml` says."""

    database: Database = Database()
    dataset: Dataset = Dataset()
    serve: Serve = Serve()
    gate: Gate = Gate()
    autopilot: Autopilot = Autopilot()


def read_fleet(folder: Path) -> Fleet:
    """Return what operates the central of a folder; all defaults without a file.

    Raises:
        ConfigError: Names the key, what was expected and what was got.
    """
    path = folder / NAME
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return Fleet()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    try:
        fleet = msgspec.toml.decode(text, type=Fleet, dec_hook=_decoded)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    if sorted(set(fleet.autopilot.rings)) != list(fleet.autopilot.rings):
        got = ", ".join(map(str, fleet.autopilot.rings))
        raise ConfigError(f"{path}: autopilot.rings: expected ascending, got {got}")
    return fleet


def read_gate(path: Path) -> Gate:
    """Return the gate of a file that holds the keys of `[gate]`, and nothing else.

    Raises:
        ConfigError: Names the key, what was expected and what was got.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Gate, dec_hook=_decoded)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def database_url(folder: Path, fleet: Fleet) -> str:
    """Return where the state of the fleet is kept, as SQLAlchemy writes it."""
    if fleet.database.url is None:
        return f"sqlite:///{(folder / 'fleet.db').absolute()}"
    return _filled(fleet.database.url, key="database.url")


def dataset_url(folder: Path, fleet: Fleet) -> str:
    """Return where labelled samples are kept: a folder, or an object store."""
    if fleet.dataset.url is None:
        return str((folder / "dataset").absolute())
    return _filled(fleet.dataset.url, key="dataset.url")


def _filled(text: str, *, key: str) -> str:
    """Return a text with `$NAME` filled in; a secret never stands in the file."""
    filled = os.path.expandvars(text)
    if "$" in filled:
        raise ConfigError(f"{key}: expected its $NAMEs in the environment, got {text}")
    return filled


def _decoded(kind: type[Any], value: object) -> object:
    """Turn a string into what a key wants; msgspec names the key on ValueError."""
    if not isinstance(value, str):
        raise ValueError(f"expected a string, got {type(value).__name__}")  # noqa: TRY004
    return Duration(duration_s(value)) if kind is Duration else Size(size_bytes(value))
