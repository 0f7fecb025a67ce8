"""The recorded hosts in parts: who taught the shipped release, sends, and judges."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from central.adapters.parquet import ParquetTraces
from central.core.examples import Examples, examples
from central.core.material import Material, memories, processors
from central.core.plan import PLANS, Plan
from central.core.recording import HostTrace, Recording

SEED: Final = 20261123
TASKS: Final = tuple(plan for plan in PLANS if plan.entity == "host")
# As the starters' own study parts a recording.
TEACH_UNTIL: Final = 0.6
TEST_FROM: Final = 0.7
_MINUTE_S: Final = 60.0
_DAY_S: Final = 86_400.0
# An example every two rows, as the starters' recipe has it.
_EVERY: Final = 2
_COLUMNS: Final = {
    "cpu-saturation": "system.cpu.utilization",
    "memory-pressure": "system.memory.utilization.norm",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn of the parts.

    Attributes:
        number: 0, 1 and so on.
        school: Machines that taught the shipped release.
        senders: Machines that send samples.
        judges: Machines that judge.
    """

    number: int
    school: tuple[str, ...]
    senders: tuple[str, ...]
    judges: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """A machine as the agent's own code saw it: resolved moments of all its cases.

    Attributes:
        group: Twins have the same one.
        rows: Of its recording.
    """

    machine: str
    group: str
    rows: int
    examples: Examples

    def early(self) -> npt.NDArray[np.bool_]:
        """Return which moments were predicted in what is sent."""
        return self.examples.row < TEACH_UNTIL * self.rows

    def late(self) -> npt.NDArray[np.bool_]:
        """Return which moments were predicted in what judges."""
        return self.examples.row >= TEST_FROM * self.rows


def turns(groups: Sequence[tuple[str, str]], *, parts: int) -> Iterator[Turn]:
    """Yield the turns; each machine judges in one of them, twins together.

    In each turn one part taught the shipped release, one judges, and all others send.

    Args:
        groups: Each machine and its group.
        parts: Into how many parts the machines are dealt.
    """
    known = sorted({group for _, group in groups})
    part_of = {group: number % parts for number, group in enumerate(known)}
    for number in range(parts):
        school, judges = number, (number + 1) % parts
        dealt = [(machine, part_of[group]) for machine, group in groups]
        yield Turn(
            number=number,
            school=tuple(machine for machine, part in dealt if part == school),
            senders=tuple(m for m, part in dealt if part not in {school, judges}),
            judges=tuple(machine for machine, part in dealt if part == judges),
        )


def material(plan: Plan, folder: Path, machines: Sequence[str] | None) -> Material:
    """Return what these machines are to the starters' recipe; None: all of them."""
    traces = ParquetTraces(folder)
    wanted = traces.hosts() if machines is None else machines
    read = [_trace(folder, host, _COLUMNS[plan.task]) for host in wanted]
    if plan.task == "memory-pressure":
        return memories(plan, read, rng=np.random.default_rng(SEED))
    return processors(plan, read)


def as_recorded(plan: Plan, folder: Path) -> list[Recording]:
    """Return every machine once, at the pace at which it was recorded."""
    every = material(plan, folder, None).recordings
    return [recording for recording in every if recording.interval_s == _MINUTE_S]


class Job(NamedTuple):
    """One life of an agent on a recording."""

    plan: Plan
    recording: Recording
    every: int = _EVERY
    restarts: frozenset[int] = frozenset()


def lived(job: Job) -> Lived:
    """Return what an agent would have resolved on a machine."""
    recording = job.recording
    found = examples(
        recording, task=job.plan.learnt(), every=job.every, restarts=job.restarts
    )
    return Lived(
        machine=recording.name,
        group=recording.group,
        rows=len(recording.values),
        examples=found,
    )


def day_of(row: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return the number of the day in which each row of a recording lies."""
    return (row * _MINUTE_S // _DAY_S).astype(np.intp)


@cache
def _trace(folder: Path, host: str, column: str) -> HostTrace:
    return ParquetTraces(folder).read(host, column=column)
