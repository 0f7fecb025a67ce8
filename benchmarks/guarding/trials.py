"""A trial: what is simulated, what is demanded of it, and the row it becomes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from math import exp, inf, isfinite, lgamma, log, log1p
from multiprocessing import Pool
from time import process_time
from typing import Any

import numpy as np
from guarding.life import BLOCK, TICKS_PER_HOUR
from guarding.simulate import Found, joined

_DOUBT = 0.01
_LATE = 0.9
_BLOCKS_PER_HOUR = TICKS_PER_HOUR / BLOCK

Figures = dict[str, float | str | None]
Judgement = tuple[Figures, bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One call that another process may make."""

    does: Callable[[Any], Any]
    on: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One row to come.

    Attributes:
        table: Under which heading it stands.
        name: What is tried.
        jobs: What must be computed.
        judge: Makes the figures of the jobs' results, and whether the demand is met
            (None: there is none).
        demand: In words; empty: shown only.
        hosts: How many were simulated.
        seed: Where the chance is from.
    """

    table: str
    name: str
    jobs: list[Job]
    judge: Callable[[list[Any]], Judgement]
    demand: str = ""
    hosts: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came of a trial; `seconds` are CPU seconds."""

    table: str
    name: str
    demand: str
    got: Figures
    hosts: int
    is_met: bool | None
    seed: int
    seconds: float

    def fields(self) -> dict[str, Any]:
        """Return the row for JSON."""
        return asdict(self)


def rows_of(trials: Iterable[Trial], *, processes: int) -> Iterator[Row]:
    """Yield the row of each trial, in order, as soon as it is known."""
    trials = list(trials)
    jobs = [job for trial in trials for job in trial.jobs]
    with Pool(processes) as pool:
        done = pool.imap(_timed, jobs) if processes > 1 else map(_timed, jobs)
        for trial in trials:
            results = [next(done) for _ in trial.jobs]
            got, is_met = trial.judge([result for result, _ in results])
            yield Row(
                table=trial.table,
                name=trial.name,
                demand=trial.demand,
                got=got,
                hosts=trial.hosts,
                is_met=is_met,
                seed=trial.seed,
                seconds=round(sum(seconds for _, seconds in results), 1),
            )


def chance_of(count: int, *, of: int, at: float) -> float:
    """Return P(Binomial(of, at) >= count)."""
    choices = (
        lgamma(of + 1) - lgamma(i + 1) - lgamma(of - i + 1) for i in range(count)
    )
    odds = (i * log(at) + (of - i) * log1p(-at) for i in range(count))
    return 1 - sum(exp(a + b) for a, b in zip(choices, odds, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Judges hosts on which nothing should be rolled back.

    Attributes:
        most: How many rollbacks are allowed; None: any number.
        share: Which share is: missed when so many would be seen with a chance below
            1 % if the truth were this share.
    """

    most: int | None = None
    share: float | None = None

    @property
    def demand(self) -> str:
        """In words."""
        if self.most is not None:
            return f"hosts rolled back: at most {self.most}"
        return "" if self.share is None else f"at most {self.share:.1%} of hosts"

    def __call__(self, parts: list[Found]) -> Judgement:
        """Return the figures, and whether the demand is met."""
        found = joined(parts)
        count, hosts = int(found.is_early.sum()), len(found.is_early)
        figures: Figures = {
            "rolled back": count,
            "largest E": rounded(found.highest.max()),
            "E >= 20": int((found.highest >= 20).sum()),  # noqa: PLR2004 - as named
            "dependence": rounded(found.dependence),
        }
        if self.most is not None:
            return figures, count <= self.most
        if self.share is not None:
            return figures, chance_of(count, of=hosts, at=self.share) >= _DOUBT
        return figures, None


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """Judges hosts that live exactly on the boundary of the null hypothesis.

    Attributes:
        alphas: No larger share than each may ever reach evidence of 1 / alpha; missed
            when so many would be seen with a chance below 1 % if it were exactly that.
    """

    alphas: tuple[float, ...]

    @property
    def demand(self) -> str:
        """In words."""
        return ", ".join(f"E >= {1 / a:.0f} on at most {a:.1%}" for a in self.alphas)

    def __call__(self, parts: list[Found]) -> Judgement:
        """Return the figures, and whether the demand is met."""
        highest = joined(parts).highest
        hosts = len(highest)
        counts = {a: int((highest >= 1 / a).sum()) for a in self.alphas}
        figures: Figures = {
            f"share with E >= {1 / a:.0f}": rounded(n / hosts)
            for a, n in counts.items()
        }
        chances = [chance_of(n, of=hosts, at=a) for a, n in counts.items()]
        return figures, min(chances) >= _DOUBT


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Judges hosts whose active model is harmed.

    Attributes:
        hours: The longest median delay; None: any.
        blocks: The same in blocks of 20 min.
        times: The longest median in units of the oracle bet's.
        all_found: Every host must be found.
    """

    hours: float | None = None
    blocks: float | None = None
    times: float | None = None
    all_found: bool = False

    @property
    def demand(self) -> str:
        """In words."""
        asked = (
            (self.hours, "median at most {} h"),
            (self.blocks, "median at most {} blocks"),
            (self.times, "at most {} x the oracle bet"),
            (self.all_found or None, "all found"),
        )
        return ", ".join(text.format(limit) for limit, text in asked if limit)

    def __call__(self, parts: list[Found]) -> Judgement:
        """Return the figures, and whether the demand is met."""
        found = joined(parts)
        median = float(np.median(found.hours))
        late = float(np.quantile(found.hours, _LATE, method="higher"))
        yardstick = found.oracle.best() if found.oracle else inf
        share = float(np.isfinite(found.hours).mean())
        limits = (
            (median, self.hours),
            (median * _BLOCKS_PER_HOUR, self.blocks),
            (median / yardstick if isfinite(yardstick) else inf, self.times),
            (1 - share, 0.0 if self.all_found else None),
        )
        figures: Figures = {
            "loss ratio": rounded(found.ratio),
            "found": rounded(share),
            "median h": rounded(median),
            "90 % h": rounded(late),
            "median blocks": rounded(median * _BLOCKS_PER_HOUR),
            "oracle bet h": rounded(yardstick),
            "times oracle": rounded(limits[2][0]),
            "before the harm": int(found.is_early.sum()),
        }
        asked = [got <= limit for got, limit in limits if limit is not None]
        return figures, all(asked) if asked else None


def rounded(value: float) -> float | None:
    """Return three digits of a finite number, None of another (JSON has none)."""
    return float(f"{value:.3g}") if isfinite(value) else None


def _timed(job: Job) -> tuple[Any, float]:
    began = process_time()
    result = job.does(job.on)
    return result, process_time() - began
