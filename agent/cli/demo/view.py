"""How the demo is seen: a live picture on a terminal, plain lines elsewhere."""

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

import click
from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from agent.cli.demo.scene import Scene
from agent.cli.guard import Tested
from agent.cli.scores import Score
from agent.core.moment import Moment, Outcome, OutcomeKind, Role

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_BAR: Final = 24
_MOMENTS: Final = 60
_STEPS: Final = 4
_REFRESH_HZ: Final = 4
_MARKS: Final = {
    OutcomeKind.HAPPENED: ("▲", "bold yellow"),
    OutcomeKind.DID_NOT: ("·", "dim"),
}


@dataclass(slots=True)
class _Step:
    """A step as it is shown; `proof` is empty while it goes on."""

    title: str
    proof: str = ""


class PlainShow:
    """Writes a line when a step begins and one when it ends."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing to undo."""

    def begin(self, title: str) -> None:
        """Begin a step."""
        click.echo(f"... {title}", err=True)

    def end(self, proof: str) -> None:
        """End the step with what it has shown."""
        click.echo(textwrap.indent(textwrap.fill(proof, 88), "    "), err=True)

    def look(self, seen: Scene) -> None:
        """Show nothing: who reads lines does not look on."""


class LiveShow:
    """Draws steps, line-up, evidence and the newest predictions, over and over."""

    def __init__(self) -> None:
        self._steps: list[_Step] = []
        self._seen: Scene | None = None
        self._live = Live(
            console=Console(stderr=True),
            refresh_per_second=_REFRESH_HZ,
            get_renderable=self._picture,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def begin(self, title: str) -> None:
        """Begin a step."""
        self._steps.append(_Step(title))

    def end(self, proof: str) -> None:
        """End the step with what it has shown."""
        self._steps[-1].proof = proof

    def look(self, seen: Scene) -> None:
        """Show the host as it is now."""
        self._seen = seen

    def _picture(self) -> RenderableType:
        parts = [_steps(self._steps)]
        if self._seen is not None:
            parts.append(host(self._seen))
        return Group(*parts)


def _steps(steps: Sequence[_Step]) -> RenderableType:
    """Return the newest steps: a picture is no higher than a small terminal."""
    newest = steps[-_STEPS:]
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=1)
    grid.add_column(overflow="fold")
    proven = [step for step in newest if step.proof][-1:]
    for step in newest:
        is_done = bool(step.proof)
        mark = Text("✓", "green") if is_done else Text("…", "bold cyan")
        grid.add_row(mark, Text(step.title, "" if is_done else "bold"))
        if step in proven:
            grid.add_row("", Text(step.proof, "dim"))
    return grid


def host(seen: Scene) -> RenderableType:
    """Return what one look at the host is drawn as."""
    parts = [_line_up(seen), _scores(seen), _tests(seen.tests), _moments(seen.moments)]
    inside = Group(*(part for part in parts if part is not None))
    return Panel(inside, title="this host", box=box.ROUNDED, title_align="left")


def _line_up(seen: Scene) -> RenderableType:
    task = seen.task
    if task is None:
        return Text("no release yet: the host samples", "dim")
    version = f"version {task.version}"
    speaks = {None: "a survey: no model yet", False: f"{version}, silent so far"}
    words = [f"acts on {speaks.get(task.is_heard, f'{version}, heard')}"]
    if task.standby_version is not None:
        words.append(f"version {task.standby_version} stands by")
    if task.shadow_version is not None:
        words.append(f"version {task.shadow_version} in the shadow")
    counted = f"{seen.resolved:,} outcomes, {seen.happened:,} happened"
    return Text.assemble("; ".join(words), ("   " + counted, "dim"))


def _scores(seen: Scene) -> RenderableType | None:
    rows = [row for row in seen.scores if row.skill.brier is not None]
    if not rows:
        return None
    table = Table(box=None, pad_edge=False, header_style="dim")
    for header in ("", "outcomes", "Brier", "baseline's"):
        table.add_column(header, justify="right" if header else "left")
    for row in rows:
        brier, other = row.skill.brier or 0.0, row.skill.baseline_brier or 0.0
        style = "" if row.role is Role.BASELINE else _colour(brier, other)
        table.add_row(
            _name(row, seen),
            f"{row.skill.resolved:,}",
            Text(f"{brier:.3f}", style),
            f"{other:.3f}",
        )
    return table


def _name(row: Score, seen: Scene) -> str:
    if row.role is Role.BASELINE:
        return "baseline"
    return f"version {seen.versions.get(row.digest, '?')} as {row.role}"


def _colour(brier: float, other: float) -> str:
    return "green" if brier < other else "red"


def _tests(tests: Sequence[Tested]) -> RenderableType | None:
    """Return each question with its evidence, on a bar to what the answer takes."""
    if not tests:
        return None
    table = Table.grid(padding=(0, 1))
    for test in tests:
        found = test.evidence
        share = math.log(max(found.e_value, 1.0)) / math.log(found.threshold)
        filled = round(min(share, 1.0) * _BAR)
        bar = Text("█" * filled, "magenta") + Text("░" * (_BAR - filled), "dim")
        amount = f"{found.e_value:.3g} of {found.threshold:g}"
        table.add_row(test.asks, bar, Text(amount, "dim"))
    return table


def _moments(moments: Sequence[tuple[Moment, Outcome | None]]) -> RenderableType | None:
    """Return what was predicted, the oldest first, and below it what came."""
    newest = list(reversed(moments[:_MOMENTS]))
    if not newest:
        return None
    said = Text.assemble(("predicted ", "dim"))
    came = Text.assemble(("came      ", "dim"))
    for moment, outcome in newest:
        prediction = moment.by(Role.ACTIVE) or moment.by(Role.BASELINE)
        said.append(_block(prediction.values[0] if prediction else 0.0), "cyan")
        came.append(*_mark(outcome))
    return Group(said, came)


def _block(probability: float) -> str:
    return _BLOCKS[min(int(probability * len(_BLOCKS)), len(_BLOCKS) - 1)]


def _mark(outcome: Outcome | None) -> tuple[str, str]:
    if outcome is None:
        return " ", ""
    return _MARKS.get(outcome.kind, ("x", "red"))


def summary(rows: Sequence[tuple[str, str, float]]) -> Iterator[str]:
    """Yield what was proven, a line or few a step, for any reader."""
    for number, (title, shown, took_s) in enumerate(rows, start=1):
        yield f"{number}. {title} ({took_s:.0f} s)"
        yield textwrap.indent(textwrap.fill(shown, 86), "   ")
