"""`forewarn config`: whether the configuration is sound, and what is in effect."""

from pathlib import Path
from typing import Any

import click

from agent.cli.options import config_option, json_option
from agent.cli.output import emit, say
from agent.config import DEFAULT_PATH, Checked, Loaded, check, load, toml_key, toml_text
from agent.errors import ConfigError

_ORIGIN_COLUMN = 40


@click.group("config")
def config_group() -> None:
    """Check or show the configuration."""


@config_group.command("check")
@click.argument(
    "path", metavar="[FILE|DIR]", required=False, type=click.Path(path_type=Path)
)
@config_option
@json_option
@click.pass_context
def check_command(
    context: click.Context,
    *,
    path: Path | None,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Say whether FILE, with the conf.d beside it, can be used.

    DIR is a folder with config.toml, or one of conf.d's kind. Nothing else is looked
    at: no network, no state. By default: /etc/forewarn/config.toml.
    """
    if path is not None and config_path is not None:
        raise click.UsageError("expected FILE or --config FILE, got both")
    found = check(path or config_path)
    report = {
        "ok": not found.problems,
        "files": found.files,
        "problems": found.problems,
    }
    emit(report, as_json=as_json, text="" if found.problems else _ok(found))
    if found.problems:
        if not as_json:
            say("\n".join(found.problems))
        context.exit(ConfigError.exit_status)


@config_group.command("show")
@click.option(
    "--origin", "with_origin", is_flag=True, help="Say where each value is from."
)
@config_option
@json_option
def show_command(*, config_path: Path | None, with_origin: bool, as_json: bool) -> None:
    """Print the configuration in effect, as TOML.

    Secrets are not in it; it says where they are.
    """
    loaded = load(config_path)
    emit(
        _nested(loaded, with_origin=with_origin),
        as_json=as_json,
        text=_toml(loaded, with_origin=with_origin),
    )


def _ok(found: Checked) -> str:
    files = f"{len(found.files)} file{'' if len(found.files) == 1 else 's'}"
    if not found.files:
        return f"ok: {files}, no {DEFAULT_PATH}; every value is the default"
    return f"ok: {files}, values given: {found.given}, the others are defaults"


def _nested(loaded: Loaded, *, with_origin: bool) -> dict[str, Any]:
    """Return table -> key -> value, or value and origin."""
    tables: dict[str, Any] = {}
    for key, value in loaded.values().items():
        *outer, name = key.split(".", 2)
        content = tables
        for table in outer:
            content = content.setdefault(table, {})
        origin = loaded.origins[key]
        content[name] = {"value": value, "origin": origin} if with_origin else value
    return tables


def _toml(loaded: Loaded, *, with_origin: bool) -> str:
    """Return the configuration as a file that would give the same."""
    lines: list[str] = []
    for key, value in loaded.values().items():
        table, *names = key.split(".", 2)
        if f"[{table}]" not in lines:
            lines += ["", f"[{table}]"]
        name = ".".join(map(toml_key, names))
        line = f"{name} = {toml_text(value)}"
        if value is None:
            line = f"# {name} is not set"
        elif with_origin:
            line = f"{line:<{_ORIGIN_COLUMN}}  # {loaded.origins[key]}"
        lines.append(line)
    return "\n".join(lines[1:])
