"""What a replay is told to do, and when: offers, an operator's wishes, the guard."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import click
import tomli

from agent.cli.output import say
from agent.config.laws import laws
from agent.config.tables import Config, Guard, kind_of, refusal
from agent.config.value import parsed, toml_text, written
from agent.core.columns import lost_unit
from agent.core.request import Verb
from agent.errors import ConfigError, ManifestError, TrustError
from agent.flows.replay import unmet
from agent.wiring.reading import Trace
from agent.wiring.replay import (
    Offer,
    ReleaseFolder,
    Wish,
    named_release,
    starter_names,
)

# What an operator could ask for meanwhile, and what has to be named for it.
_WISHES: Final = {
    Verb.PIN: "TASK:VERSION",
    Verb.UNPIN: "TASK",
    Verb.ROLLBACK: "TASK",
    Verb.CLEAR: "TASK:VERSION",
}


def offers_of(names: Sequence[str], trace: Trace) -> list[Offer]:
    """Return what is offered, and at which row: what was named, or every starter.

    Args:
        names: As `--release` has them: `DIR`, `TASK`, `DIR@ROW`.
        trace: What they are to work on.

    Raises:
        UsageError: A row that the trace does not have; a task's versions do not grow.
        ConfigError: One is no release, reads a series that the trace lacks, or has an
            absolute limit on one whose unit the trace has lost.
        TrustError: A manifest or a model is not right; names it.
    """
    if not names:
        return [Offer(each) for each in _starters(trace)]
    offers: list[Offer] = []
    for name in names:
        folder, row = _with_row(name)
        _check_row(f"--release {name}", row, trace)
        release = _read(folder)
        if reason := _unfit(release, trace):
            raise ConfigError(reason)
        offers.append(Offer(release, row))
    offers.sort(key=lambda offer: offer.row)
    for task in {offer.release.manifest.task for offer in offers}:
        _check_growth(task, [o for o in offers if o.release.manifest.task == task])
    return offers


def wishes_of(
    texts: Sequence[str], trace: Trace, offers: Sequence[Offer]
) -> list[Wish]:
    """Return what an operator is to ask for, from `ROW:VERB:TASK[:VERSION]`.

    Raises:
        UsageError: It says what cannot be.
    """
    return [_wish(text, trace, offers) for text in texts]


def guard_of(pairs: Sequence[str]) -> Guard:
    """Return the guard's table of the configuration from `KEY=VALUE`, else defaults.

    Raises:
        UsageError: There is no such key.
        ConfigError: The value is not one that the key takes.
    """
    given = dict(map(_setting, pairs))
    config = Config(guard=Guard(**given))
    for law in laws(config):
        if not law.is_kept:
            got = toml_text(written(given[law.key.removeprefix("guard.")]))
            raise ConfigError(f"{law.key}: expected {law.expected}, got {got}")
    return config.guard


def _starters(trace: Trace) -> Iterator[ReleaseFolder]:
    """Yield every shipped release that can work on the trace."""
    count = 0
    for release in map(_read, starter_names()):
        if reason := _unfit(release, trace):
            say(f"left out: {reason}")
            continue
        count += 1
        yield release
    if not count:
        raise ConfigError(
            f"{trace.name}: no shipped task can work on it; name a release by "
            "--release, or a column's series by --rename"
        )


def _unfit(release: ReleaseFolder, trace: Trace) -> str:
    """Return why a release has nothing to say about the trace; nothing if it has."""
    task = release.manifest.task
    if missing := ", ".join(map(str, unmet(release.manifest, trace.layout))):
        return f"{task} needs {missing}, which {trace.name} does not have"
    lost = lost_unit(release.manifest, normalised=trace.normalised)
    return lost and f"{task}: {lost}"


def _with_row(name: str) -> tuple[str, int]:
    folder, at, row = name.rpartition("@")
    if at and row.isdecimal() and not Path(name).exists():
        return folder, int(row)
    return name, 0


def _check_row(option: str, row: int, trace: Trace) -> None:
    count = len(trace.instants_s)
    if row >= count:
        raise click.UsageError(
            f"{option}: expected a row of {trace.name}, 0 to {count - 1}, got {row}"
        )


def _check_growth(task: str, offers: Sequence[Offer]) -> None:
    """Raise if a courier would not have come with these one after another."""
    for one, other in pairwise(offers):
        versions = [each.release.manifest.version for each in (one, other)]
        if one.row == other.row:
            raise click.UsageError(
                f"--release: expected one release a task, got two of {task}"
            )
        if versions[0] >= versions[1]:
            raise click.UsageError(
                f"--release: {task}: expected a version above {versions[0]} at row "
                f"{other.row}, got {versions[1]}"
            )


def _read(name: str) -> ReleaseFolder:
    """Return a release whose model is the one that its manifest pins.

    Raises:
        ConfigError: It is no release.
        TrustError: It is one, but its manifest or its model is not right; names it.
    """
    try:
        found = named_release(name)
    except ManifestError as error:
        raise ManifestError(f"{name}: {error}") from error
    pinned = found.manifest.model
    if found.model is None or pinned is None:
        return found
    sha256 = hashlib.sha256(found.model.read_bytes()).hexdigest()
    if sha256 != pinned.sha256:
        raise TrustError(
            f"{found.model}: expected SHA-256 {pinned.sha256} as the manifest pins, "
            f"got {sha256}"
        )
    return found


def _wish(text: str, trace: Trace, offers: Sequence[Offer]) -> Wish:
    row, verb, task, version = [*text.split(":"), "", "", ""][:4]
    form = {str(each): names for each, names in _WISHES.items()}.get(verb)
    is_whole = form is not None and text.count(":") == form.count(":") + 2
    is_numbered = row.isdecimal() and (version.isdecimal() or form == "TASK")
    if not (is_whole and is_numbered):
        forms = ", ".join(f"ROW:{verb}:{names}" for verb, names in _WISHES.items())
        raise click.UsageError(f'--at: expected one of {forms}, got "{text}"')
    _check_row(f"--at {text}", int(row), trace)
    known = {o.release.manifest.task: o.release.manifest.version for o in offers}
    if task not in known:
        names = ", ".join(sorted(known))
        raise click.UsageError(f'--at: expected a task of {names}, got "{task}"')
    return Wish(int(row), Verb(verb), task, int(version) if version else None)


def _setting(pair: str) -> tuple[str, Any]:
    key, equals, text = pair.partition("=")
    kind = kind_of(f"guard.{key}")
    if not equals or kind is None:
        why = refusal(f"guard.{key}") if equals else "expected KEY=VALUE"
        raise click.UsageError(f'--guard: "{pair}": {why}')
    try:
        return key, parsed(_value(text), kind=kind, base=Path())
    except ValueError as error:
        raise ConfigError(f"guard.{key}: {error}") from error


def _value(text: str) -> object:
    """Return what TOML makes of a text; one that is no TOML is a string."""
    try:
        return tomli.loads(f"value = {text}")["value"]
    except tomli.TOMLDecodeError:
        return text
