"""The gate: what a retrained release must show before anybody may sign it."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import msgspec

from central.core.exam import BASELINE, Gain, Result


class Bars(Protocol):
    """How high the bars are; see `[gate]` of fleet.toml, which names and explains all.

    Sizes are in bytes, times in seconds.
    """

    @property
    def min_rows(self) -> int: ...  # noqa: D102 - named in the class's own words
    @property
    def min_events(self) -> int: ...  # noqa: D102
    @property
    def min_blocks(self) -> int: ...  # noqa: D102
    @property
    def min_skill(self) -> float: ...  # noqa: D102
    @property
    def min_gain(self) -> float: ...  # noqa: D102
    @property
    def min_baseline_gain(self) -> float | None: ...  # noqa: D102
    @property
    def max_group_loss(self) -> float: ...  # noqa: D102
    @property
    def max_calibration_error(self) -> float: ...  # noqa: D102
    @property
    def max_size(self) -> int: ...  # noqa: D102
    @property
    def max_latency(self) -> float: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What is known of a release that asks to be signed.

    Attributes:
        result: Of its exam.
        size_bytes: Of the model's file.
        latency_s: Median processor time of one scoring; None: it never scored.
        refusals: Why no agent would take it.
    """

    result: Result
    size_bytes: int
    latency_s: float | None
    refusals: tuple[str, ...] = ()


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One rule, and how the candidate stands to it.

    Attributes:
        rule: The key in `[gate]`.
        what: That it speaks of, in words.
        expected: The bar, in words.
        got: What was found, in words.
        is_kept: Whether the rule is.
    """

    rule: str
    what: str
    expected: str
    got: str
    is_kept: bool

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, got {self.got} ({self.rule})"


class _Rule(NamedTuple):
    """A row of the table.

    Attributes:
        key: The bar's name.
        what: That it speaks of; `{}` is filled in with the reference.
        found: Returns what was found; None: nothing is known.
        is_least: Whether the bar is the least that will do, or the most.
        unit: That follows the numbers.
        like: The key whose bar is taken where it has none.
    """

    key: str
    what: str
    found: Callable[[Candidate], float | None]
    is_least: bool
    unit: str = ""
    like: str = ""


# What grows by waiting: too little of it is no fault of the release.
_ENOUGH: Final = (
    _Rule("min_rows", "moments it was judged on", lambda c: c.result.rows, True),
    _Rule("min_events", "events among them", lambda c: _events(c.result), True),
    _Rule(
        "min_blocks",
        "days of hosts, or shorter, of them",
        lambda c: c.result.blocks,
        True,
    ),
)
_GOOD: Final = (
    _Rule("min_skill", "skill", lambda c: c.result.own.skill, True),
    _Rule("min_gain", "gain over the {}, at least", lambda c: c.result.gain.low, True),
    _Rule(
        "min_baseline_gain",
        f"gain over the {BASELINE}, at least",
        lambda c: c.result.gains[BASELINE].low,
        True,
        like="min_gain",
    ),
    _Rule(
        "max_calibration_error",
        "calibration error",
        lambda c: c.result.own.calibration_error,
        False,
    ),
    _Rule("max_size", "model's file", lambda c: c.size_bytes, False, " bytes"),
    _Rule("max_latency", "one scoring", lambda c: c.latency_s, False, " s"),
)


def shortages(
    rows: int, *, events: int | None, blocks: int, bars: Bars
) -> tuple[str, ...]:
    """Return which samples are lacking to judge a release by; empty: none.

    Args:
        rows: To judge by.
        events: Of those; None for a value.
        blocks: Days of hosts that they are of, as the exam counts them.
        bars: The gate's.
    """
    found = {
        "min_rows": rows,
        "min_events": math.inf if events is None else events,
        "min_blocks": blocks,
    }
    checks = (_check(rule, found[rule.key], bars=bars) for rule in _ENOUGH)
    return tuple(str(check) for check in checks if not check.is_kept)


def checks(candidate: Candidate, *, bars: Bars) -> tuple[Check, ...]:
    """Return every rule with how the candidate stands to it, in the table's order."""
    reference = candidate.result.reference
    found = [
        _check(rule, rule.found(candidate), bars=bars, reference=reference)
        for rule in (*_ENOUGH, *_GOOD)
    ]
    found += _group_checks(candidate.result, bars=bars)
    found += [
        Check(rule="agent", what="the agent", expected="taken", got=why, is_kept=False)
        for why in candidate.refusals
    ]
    return tuple(found)


def _events(result: Result) -> float:
    return math.inf if result.events is None else result.events


def _check(
    rule: _Rule, found: float | None, *, bars: Bars, reference: str = ""
) -> Check:
    bar = getattr(bars, rule.key)
    bar = getattr(bars, rule.like) if bar is None else bar
    word = "at least" if rule.is_least else "at most"
    return Check(
        rule=rule.key,
        what=rule.what.format(reference),
        expected=f"{word} {bar:.9g}{rule.unit}",
        got="nothing that can be said" if found is None else f"{found:.9g}{rule.unit}",
        is_kept=found is not None and (found >= bar if rule.is_least else found <= bar),
    )


def _group_checks(result: Result, *, bars: Bars) -> Iterator[Check]:
    for group, gain in result.groups.items():
        if gain.gain is not None:
            yield Check(
                rule="max_group_loss",
                what=f"loss of {group} against the {result.reference}",
                expected=f"at most {bars.max_group_loss:g} more",
                got=f"{-gain.gain:g} more on {gain.rows} moments",
                is_kept=not _is_harmed(gain, bars=bars),
            )


def _is_harmed(gain: Gain, *, bars: Bars) -> bool:
    """Return whether a group loses too much, and that not by mere chance."""
    return gain.is_worse and -(gain.gain or 0) > bars.max_group_loss
