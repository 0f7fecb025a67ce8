"""What a backtest works with: releases with their models, and recorded hosts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from agent.adapters.runtime.model import OnnxModel, read_model
from agent.adapters.trace import Trace, read_trace
from agent.core.answers import Answers
from agent.core.recorded import Recorded
from agent.errors import ConfigError, ManifestError, TraceError
from agent.flows.backtest import Contender, Contest, hear, obstacle
from agent.wiring.replay import ReleaseFolder, named_release

_SUFFIXES: Final = (".csv", ".parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """How every host is to be heard.

    Attributes:
        releases: Release folders or shipped tasks, by name.
        renamed: Columns to take in under another series' name.
        last: Of how much of the time at its end the answers are wanted, 0..1.
    """

    releases: tuple[str, ...]
    renamed: Mapping[str, str]
    last: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What was heard of one recorded host.

    Attributes:
        host: What it is called.
        answers: By task.
        left_out: Tasks that could not be judged on it, and why.
        columns: The series that it has.
        dropped: Rows left out because their time did not grow.
        trouble: Why it could not be read at all; then the rest is empty.
    """

    host: str
    answers: Mapping[str, Answers]
    left_out: Mapping[str, str]
    columns: tuple[str, ...] = ()
    dropped: int = 0
    trouble: str | None = None


def hosts_at(path: Path) -> dict[str, Path]:
    """Return the recorded hosts at a path by name: the file, or those of a folder.

    Raises:
        ConfigError: There is none.
    """
    if path.is_file():
        return {path.stem: path}
    found = sorted(each for each in path.rglob("*") if each.suffix in _SUFFIXES)
    if not found:
        raise ConfigError(
            f"--trace: expected a recorded host, or a folder of some (.csv or "
            f".parquet), got {path}"
        )
    return {str(each.relative_to(path).with_suffix("")): each for each in found}


def contests_of(names: Sequence[str]) -> list[Contest]:
    """Return the releases of each task, ready to answer.

    Args:
        names: Release folders or shipped tasks; the first of a task leads.

    Raises:
        ConfigError: One is no release, has no model, or predicts another target than
            the first of its task; or two of a task have the same version.
        TrustError: A manifest or a model is not right; names it.
    """
    by_task: dict[str, list[Contender]] = {}
    for name in names:
        contender = _contender(_read(name), name=name)
        of_task = by_task.setdefault(contender.manifest.task, [])
        if contender.label in {each.label for each in of_task}:
            raise ConfigError(
                f"--release: expected one release of {contender.manifest.task} "
                f"{contender.label}, got two"
            )
        of_task.append(contender)
    return [Contest(contenders=tuple(each)) for each in by_task.values()]


def heard(
    hosts: Mapping[str, Path],
    *,
    hearing: Hearing,
    contests: Sequence[Contest],
    jobs: int,
    on_part: Callable[[float], None],
) -> Iterator[Heard]:
    """Yield what was heard of each host, in order.

    Args:
        hosts: The recorded hosts, by name.
        hearing: How they are to be heard.
        contests: The releases, already read.
        jobs: Processes at work at once.
        on_part: Told by how much of a host the work has advanced, 0..1.
    """
    if jobs == 1 or len(hosts) == 1:
        for host in hosts.items():
            yield _heard(host, hearing=hearing, contests=contests, on_part=on_part)
        return
    # Not forked: what ONNX Runtime has begun here does not live on in a child.
    spawn = get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(hosts)), mp_context=spawn) as pool:
        for each in pool.map(partial(_heard_anew, hearing=hearing), hosts.items()):
            on_part(1.0)
            yield each


def _heard_anew(host: tuple[str, Path], *, hearing: Hearing) -> Heard:
    """Hear a host in a process of its own, which reads the releases for itself."""
    contests = contests_of(hearing.releases)
    return _heard(host, hearing=hearing, contests=contests, on_part=lambda part: None)


def _heard(
    host: tuple[str, Path],
    *,
    hearing: Hearing,
    contests: Sequence[Contest],
    on_part: Callable[[float], None],
) -> Heard:
    name, path = host
    try:
        trace = read_trace(path, renamed=hearing.renamed, drop_disordered=True)
    except TraceError as error:
        on_part(1.0)
        return Heard(host=name, answers={}, left_out={}, trouble=str(error))
    recorded = _recorded(trace, name=name)
    reasons = {
        each.manifest.task: obstacle(each.manifest, recorded) for each in contests
    }
    fit = [each for each in contests if reasons[each.manifest.task] is None]
    step = 1 / len(trace.instants_s)
    answers = hear(
        recorded,
        contests=fit,
        last=hearing.last,
        on_sample=lambda: on_part(step),
    )
    return Heard(
        host=recorded.name,
        answers=answers,
        left_out={task: why for task, why in reasons.items() if why is not None},
        columns=trace.layout,
        dropped=trace.dropped,
    )


def _recorded(trace: Trace, *, name: str) -> Recorded:
    return Recorded(
        name=name,
        instants_s=trace.instants_s,
        layout=trace.layout,
        values=trace.values,
        interval_s=trace.interval_s,
        normalised=trace.normalised,
    )


def _read(name: str) -> ReleaseFolder:
    try:
        return named_release(name)
    except ManifestError as error:
        raise ManifestError(f"{name}: {error}") from error


def _contender(release: ReleaseFolder, *, name: str) -> Contender:
    manifest = release.manifest
    if release.model is None or manifest.model is None:
        raise ConfigError(f"{name}: a survey has no model that could be judged")
    document = read_model(release.model, manifest.model)
    return Contender(
        label=f"v{manifest.version}",
        manifest=manifest,
        model=OnnxModel(document, manifest=manifest),
    )
