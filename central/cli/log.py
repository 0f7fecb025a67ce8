"""`forewarn-central log`: who did what, and on what evidence."""

from pathlib import Path

import click

from central.cli.deeds import line
from central.cli.options import dir_option, json_option
from central.cli.output import FINDINGS, emit, printable, say
from central.core.log import Chain, of_task
from central.wiring.log import opened_log
from central.wiring.place import check_is_central


@click.command("log")
@click.option("--task", help="Only what was done to this task.")
@click.option(
    "--verify",
    "is_verifying",
    is_flag=True,
    help="Say whether each entry is as it was written, instead of listing them.",
)
@click.option(
    "--holds",
    metavar="HASH",
    help="With --verify: an entry's hash that you have noted elsewhere must be there.",
)
@dir_option
@json_option
@click.pass_context
def log(
    ctx: click.Context,
    *,
    task: str | None,
    is_verifying: bool,
    holds: str | None,
    folder: Path,
    as_json: bool,
) -> None:
    """Show who published, approved and withdrew what, with which keys, and why.

    Exit status 3, with --verify: a line is not as it was written; which one is told.
    """
    check_is_central(folder)
    chain = opened_log(folder).chain()
    if holds is not None and not is_verifying:
        raise click.UsageError("--holds goes with --verify")
    if is_verifying:
        _verify(ctx, chain, holds=holds, as_json=as_json)
        return
    entries = chain.entries if task is None else of_task(chain.entries, task)
    text = "\n".join(printable(line(entry)) for entry in entries)
    emit(entries, as_json=as_json, text=text)
    if chain.broken is not None:
        say(f"log.jsonl: {chain.broken}")


def _verify(
    ctx: click.Context, chain: Chain, *, holds: str | None, as_json: bool
) -> None:
    findings = [] if chain.broken is None else [chain.broken]
    if holds is not None and not any(e.hash.startswith(holds) for e in chain.entries):
        findings.append(f"expected an entry with hash {holds}, got none: some are gone")
    for finding in findings:
        say(f"log.jsonl: {finding}")
    for remark in chain.remarks():
        say(f"warning: log.jsonl: {remark}")
    last = chain.last
    told = {
        "entries": len(chain.entries),
        "hash": None if last is None else last.hash,
        "findings": findings,
        "warnings": chain.remarks(),
    }
    head = "" if last is None else f", the last one {last.hash}"
    words = "not as they were written" if findings else "as they were written"
    text = f"{len(chain.entries)} entries, {words}{head}"
    emit(told, as_json=as_json, text=text)
    if findings:
        ctx.exit(FINDINGS)
