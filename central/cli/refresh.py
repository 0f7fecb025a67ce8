"""`forewarn-central refresh`."""

from datetime import datetime
from pathlib import Path

import click

from central.cli.options import dir_option, json_option
from central.cli.output import FINDINGS, emit, instant_text, say, say_waiting
from central.core.roles import RoleState
from central.flows.refresh import refresh as refresh_roles
from central.wiring.repository import opened, present


@click.command()
@click.option(
    "--force", is_flag=True, help="Sign timestamp and snapshot even if not due."
)
@dir_option
@json_option
@click.pass_context
def refresh(ctx: click.Context, force: bool, folder: Path, as_json: bool) -> None:
    """Sign anew what soon expires, as far as the keys are at hand.

    For roles whose keys are elsewhere it makes what they are to sign, and says so.
    """
    now = present()
    with opened(folder, now=now) as desk:
        done = refresh_roles(desk, now=now, is_forced=force)
    text = "\n".join(f"published {role}" for role in done.published)
    emit(done, as_json=as_json, text=text)
    say_waiting(done.waiting)
    for state in done.expiring:
        say(_words(state, now=now))
    if done.waiting or done.expiring:
        ctx.exit(FINDINGS)


def _words(state: RoleState, *, now: datetime) -> str:
    if state.expires is None:
        return f"{state.role}: not published yet"
    names = ", ".join(map(str, state.holders))
    days = abs(state.expires - now).days
    at = instant_text(state.expires)
    is_over = state.expires <= now
    when = f"expired {at}, {days} d ago" if is_over else f"expires {at}, in {days} d"
    return f"{state.role}: {when}; to be signed by {state.threshold} of: {names}"
