"""`forewarn-central autopilot [run | once | status | pause | resume | halt]`."""

from collections.abc import Callable, Iterator
from pathlib import Path

import click

from agent.core.pointer import EVERY_HOST
from agent.errors import UnavailableError
from central import autopilot
from central.cli.options import dir_option, json_option
from central.cli.output import emit, say, table
from central.core.autopilot import Plan
from central.flows import piloting
from central.flows.autopilot import Cockpit, Looked, look
from central.wiring.autopilot import alone, cockpit
from central.wiring.repository import present

_VERSION = click.IntRange(min=1)


@click.group("autopilot")
def autopilot_group() -> None:
    """Retrain and roll out by itself, as `fleet.toml` says."""


@autopilot_group.command("run")
@dir_option
def run_command(folder: Path) -> None:
    """Look at every task, again and again, until SIGTERM."""
    with autopilot.ended_by_signals() as ended:
        autopilot.run(folder, tell=_tell, ended=ended, is_once=False)


@autopilot_group.command("once")
@dir_option
@json_option
@click.pass_context
def once(ctx: click.Context, folder: Path, as_json: bool) -> None:
    """Look at every task once.

    Exit status 75: a task could not be looked at now; why is on stderr.
    """
    seen: list[Looked] = []
    with autopilot.ended_by_signals() as ended:
        autopilot.run(folder, tell=seen.append, ended=ended, is_once=True)
    for looked in seen:
        _tell(looked)
    plans = [looked.plan for looked in seen if looked.plan is not None]
    emit(plans, as_json=as_json, text=_text(plans))
    if any(looked.trouble is not None for looked in seen):
        ctx.exit(UnavailableError.exit_status)


@autopilot_group.command("status")
@dir_option
@json_option
def status(folder: Path, as_json: bool) -> None:
    """Show the stage of every task, why it is there and what it waits for."""
    with cockpit(folder) as everything:
        plans = piloting.statuses(everything, now=present())
    emit(plans, as_json=as_json, text=_text(plans))


@autopilot_group.command("pause")
@click.argument("task")
@dir_option
@json_option
def pause(task: str, folder: Path, as_json: bool) -> None:
    """Let TASK go nowhere forward; what does harm is halted all the same."""
    _done(folder, lambda c: piloting.pause(c, task, now=present()), as_json=as_json)


@autopilot_group.command("resume")
@click.argument("task")
@dir_option
@json_option
def resume(task: str, folder: Path, as_json: bool) -> None:
    """Let TASK go on."""
    _done(folder, lambda c: piloting.resume(c, task, now=present()), as_json=as_json)


@autopilot_group.command("halt")
@click.argument("task")
@dir_option
@json_option
def halt(task: str, folder: Path, as_json: bool) -> None:
    """End what is under way for TASK; withdraw a release that hosts may have."""
    _done(folder, lambda c: piloting.halt(c, task, now=present()), as_json=as_json)


@click.command("rollout")
@click.argument("task")
@click.argument("version", type=_VERSION)
@click.option(
    "--rings",
    metavar="PERCENT,...",
    default="",
    help="Shares of the fleet, one after another; by default as fleet.toml says.",
)
@dir_option
@json_option
def rollout(task: str, version: int, rings: str, folder: Path, as_json: bool) -> None:
    """Roll published VERSION of TASK out, ring by ring, as outcomes allow.

    The autopilot widens and halts it; it need not be among `autopilot.tasks`.
    """
    percents = _percents(rings)
    _done(
        folder,
        lambda c: piloting.roll_out(c, task, version, rings=percents, now=present()),
        as_json=as_json,
    )


def _done(folder: Path, change: Callable[[Cockpit], Plan], *, as_json: bool) -> None:
    """Let a person change a plan, go on with it at once, and show it."""
    with cockpit(folder) as everything:
        plan = change(everything)
        try:
            with alone(folder):
                looked = look(everything, plan.task, now=present())
        except UnavailableError as error:
            say(f"the autopilot goes on with it at its next look: {error}")
        else:
            _tell(looked)
            plan = looked.plan or plan
    emit(plan, as_json=as_json, text=_text([plan]))


def _tell(looked: Looked) -> None:
    """Say on stderr where a task went, or why it could not be looked at."""
    if looked.trouble is not None:
        say(f"{looked.task}: {looked.trouble}")
    plan, path = looked.plan, looked.path
    if plan is not None and len(path) > 1:
        say(f"{looked.task}: {' -> '.join(path)}: {plan.why}")


def _text(plans: list[Plan] | tuple[Plan, ...]) -> str:
    header = ("task", "stage", "version", "percent", "since")
    rows = [(p.task, p.stage, *_course(p), p.since) for p in plans]
    words = [line for plan in plans for line in _words(plan)]
    return "\n".join([table(header, rows=rows), *words])


def _words(plan: Plan) -> Iterator[str]:
    """Yield why a task is where it is, and what it waits for."""
    if plan.why:
        yield f"{plan.task}: {plan.why}"
    if plan.waits:
        yield f"{plan.task}: waits: {plan.waits}"


def _course(plan: Plan) -> tuple[int | None, int | None]:
    course = plan.course
    return (None, None) if course is None else (course.version, course.percent)


def _percents(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() and 0 < int(part) <= EVERY_HOST for part in parts):
        raise click.UsageError(f"--rings: expected such as 1,10,100, got {text}")
    return tuple(map(int, parts))
