"""The laws of the configuration: what binds values that are each well written."""

import math
import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import NamedTuple

from agent.config.tables import Central, Config, Guard, Store
from agent.config.value import Duration, Size

_WHOLE = 100  # percent
_LEAST_ALPHA, _MOST_MARGIN = 1e-9, 10
# What a report takes, else central refuses it whole.
_MOST_LABELS, _LONGEST_LABEL, _LONGEST_VALUE = 64, 100, 500
_HOSTS = re.compile(r"\*|(\*?\.)?[\w-]+(\.[\w-]+)*", re.ASCII)


class Law(NamedTuple):
    """What must hold of `key`, in words, and whether it does."""

    key: str
    expected: str
    is_kept: bool


def laws(config: Config) -> list[Law]:
    """Return what binds values that are each well written, kept or not."""
    spool, limits = config.spool, config.limits
    return [
        _within("agent.interval", config.agent.interval, "20ms", "10m"),
        *_of_labels(config.agent.labels),
        *_of_central(config.central),
        *_of_guard(config.guard),
        *_of_store(config.store, interval=config.agent.interval),
        _at_least("spool.max_size", spool.max_size, "1MB"),
        _within("spool.max_age", spool.max_age, "1h", "3650d"),
        Law("limits.cpu_percent", "above 0, to 100", 0 < limits.cpu_percent <= _WHOLE),
        _at_least("limits.memory", limits.memory, "64MB"),
    ]


def _of_labels(labels: Mapping[str, str]) -> list[Law]:
    return [
        Law(f"agent.labels.{name}", expected, is_kept)
        for number, (name, value) in enumerate(labels.items(), 1)
        for expected, is_kept in (
            ("at most 64 labels in all", number <= _MOST_LABELS),
            ("a name of at most 100 characters", len(name) <= _LONGEST_LABEL),
            ("a value of at most 500 characters", len(value) <= _LONGEST_VALUE),
        )
    ]


def _of_central(central: Central) -> list[Law]:
    has_cert, has_key = central.client_cert is not None, central.client_key is not None
    return [
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
    ]


def _of_guard(guard: Guard) -> list[Law]:
    margin = 0 if guard.margin is None else guard.margin
    block = Duration("1s") if guard.block is None else guard.block
    false_alarms = 1 if guard.false_alarms is None else guard.false_alarms
    return [
        Law("guard.alpha", "1e-9 to below 1", _LEAST_ALPHA <= guard.alpha < 1),
        Law("guard.margin", "0 to 10", 0 <= margin <= _MOST_MARGIN),
        _within("guard.block", block, "1s", "30d"),
        Law("guard.min_blocks", "at least 0", guard.min_blocks >= 0),
        Law("guard.promotion", "a number above 1", 1 < guard.promotion < math.inf),
        _within("guard.judge_for", guard.judge_for, "0s", "365d"),
        Law("guard.episodes", "at least 0", guard.episodes >= 0),
        Law(
            "guard.false_alarms",
            "a number of at least 1",
            1 <= false_alarms < math.inf,
        ),
    ]


def _of_store(store: Store, *, interval: Duration) -> list[Law]:
    return [
        _at_least("store.max_size", store.max_size, "4MB"),
        _within("store.keep", store.keep, "1d", "3650d"),
        _within("store.commit_every", store.commit_every, "0s", "1d"),
        Law(
            "store.commit_every",
            f"0s (every tick) or at least agent.interval ({interval.text})",
            not store.commit_every or interval <= store.commit_every,
        ),
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
