"""Write the generated parts of docs/ from the tables in the code and the manifests.

`python docs/generate.py` rewrites them, `--check` names the pages that differ and ends
with status 1. A generated part stands between `<!-- begin: NAME -->` and
`<!-- end: NAME -->`; all other words of a page are written by hand and left alone.
"""

import ast
import dataclasses
import inspect
import re
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, get_args, get_origin

import click
import msgspec

from agent.cli import forewarn
from agent.config import Config, Duration, Size, toml_text
from agent.config.laws import laws
from agent.config.tables import KINDS
from agent.config.value import (
    Address,
    Listen,
    Regex,
    SecretReference,
    SharingLevel,
    WhenFull,
    written,
)
from agent.core import expression, manifest
from agent.core.event import EVENTS
from agent.core.expression import Function
from agent.core.manifest import Formula, Manifest
from agent.core.metrics import CATALOGUE
from agent.core.policy import Policy
from agent.core.quantity import duration_text
from agent.core.release import LIVES, ReleaseEvent, ReleaseState
from agent.core.scan import MEANINGS, OPERATORS, ScanPolicy
from agent.core.strike import STRIKES
from agent.core.target import ValueMeaning
from agent.core.verdict import ON_PROBATION, RULES
from agent.errors import ExpressionError
from central.cli import forewarn_central
from docs import starter_demands, starter_losses, starter_tables
from docs.markdown import table as _table

ROOT: Final = Path(__file__).resolve().parents[1]
DOCS: Final = ROOT / "docs"
PROGRAMS: Final[Mapping[str, click.Group]] = {
    "forewarn": forewarn,
    "forewarn-central": forewarn_central,
}
# What click leaves of a terminal of 80 columns.
HELP_WIDTH: Final = 78

# What a key of the configuration means, where its class does not say.
CONFIG_WORDS: Final[Mapping[str, str]] = {
    "agent.state_dir": "Folder of the ledger and the models.",
    "agent.labels": "What this host is for, as central is told.",
    "central.url": "The repository and the endpoint of the reports: an address, or "
    "the folder of a mirror. Not set: this host is not enrolled.",
    "central.token": "Where the bearer token is kept.",
    "central.ca_file": "Certificates to check central's against, instead of the "
    "system's.",
    "central.client_cert": "Certificate by which central knows this host; with "
    "`client_key` or not at all.",
    "central.client_key": "Its key; with `client_cert` or not at all.",
    "central.proxy": "The way to central, where there is no direct one.",
    "central.update_every": "Between two looks for new releases.",
    "central.report_every": "Between two reports.",
    "sharing.level": "`nothing`; `summaries`, which hold no raw data; `samples`, "
    "labelled features too.",
    "sharing.labelled_bytes_per_day": "How much of labelled samples may leave in a "
    "day.",
    "sharing.host_name": "Whether the host's name goes along.",
    "tasks.allow": "Tasks that may run.",
    "tasks.deny": "Tasks that may not, even if allowed.",
    "store.max_size": "Of the ledger on disk; the oldest rows go first.",
    "store.keep": "How long rows are kept.",
    "spool.max_size": "Of what waits to be sent.",
    "spool.max_age": "Of what waits to be sent.",
    "spool.when_full": "What gives way.",
    "limits.cpu_percent": "Processor time, in percent of one core.",
    "limits.memory": "Resident memory.",
    "alerts.enabled": "Whether alerts are raised.",
    "endpoint.listen": "Where the page is served. Not set: nowhere.",
    "collect.exclude_mountpoints": "Mount points that are left out: those in whose "
    "name it finds something. Not set: what is built in, namely what containers and "
    "the kernel mount.",
    "collect.exclude_filesystems": "The same for types of file systems; built in are "
    "virtual and remote ones.",
    "collect.exclude_devices": "The same for disks; built in are partitions and what "
    "lives in memory or in a file.",
    "collect.exclude_interfaces": "The same for network interfaces; built in are "
    "loopback and containers' ends of wires.",
    "collect.temperature": "Read the temperature sensors, once a minute.",
}

# What a key of the manifest means, where its class does not say.
MANIFEST_WORDS: Final[Mapping[str, str]] = {
    "Manifest.schema": "The version of this format.",
    "Manifest.task": "Which task this is a release of.",
    "Manifest.version": "Only grows within a task; one version is one digest for ever.",
    "Manifest.title": "What is predicted, in words.",
    "Manifest.target": "What is predicted.",
    "Manifest.entity": "What the task speaks of: `host`, or the attribute that "
    "`$entity` stands for.",
    "Manifest.score_every": "Between two predictions for an entity.",
    "Manifest.model": "The model; without it the release is a survey.",
    "Manifest.decision": "When a probability becomes an alert; an event with a model "
    "needs one, a value has none.",
    "Manifest.golden": "Signed inputs with their expected scores; a release with a "
    "model needs at least one to be taken in.",
    "Manifest.limits": "What one scoring may cost.",
    "Manifest.requires": "What the host must have.",
    "Manifest.reference": "Quantiles of the features in training, for drift.",
    "Manifest.guard": "How this release wants to be guarded.",
    "EventText.series": "What is compared.",
    "EventText.condition": "`>=`, `<=`, `>` or `<` and a limit: a number, or an "
    "expression over the past, evaluated at the moment and frozen for it.",
    "EventText.within": "The horizon: the outcome is read from `(t, t + within]`.",
    "EventText.sustained": "For how long the condition must hold without a break.",
    "EventText.onset": "Whether moments at which it already holds are left out.",
    "ValueText.expression": "What is forecast.",
    "ValueText.ahead": "The horizon: the value at `t + ahead`.",
    "ValueText.quantiles": "Which ones the model answers, ascending; `[0.5]`: one "
    "number.",
    "ValueText.as": "The level itself, or its change since the moment.",
    "ModelFile.format": "The only format there is.",
    "Decision.threshold": "The probability from which there is an alert.",
    "Decision.clear": "The probability below which it is over; not above the "
    "threshold.",
    "Golden.features": "One number a feature; `null` is a gap.",
    "Golden.score": "One number an output.",
    "Golden.tolerance": "How far off a score may be, absolutely.",
    "Limits.latency_ms": "Processor time of one scoring, the median of many.",
    "Limits.memory_mb": "What loading and scoring add to the resident memory.",
    "Requires.agent": 'Comparisons with the agent\'s version: `">=1.2, <2"`.',
    "Requires.metrics": "Names that the catalogue must have, beside those that "
    "features and target read.",
    "Reference.quantiles": "One row a feature, evenly spaced from the minimum to the "
    "maximum.",
    "Reference.rows": "Of how many rows.",
    "GuardPolicy.margin": "How much worse than its fallback it may be.",
    "GuardPolicy.block": "Length of the blocks in which it counts; absent: the guard's "
    "own.",
}

FUNCTION_WORDS: Final[Mapping[Function, str]] = {
    Function.LAST: "The newest value.",
    Function.AVG: "The mean.",
    Function.MIN: "The smallest.",
    Function.MAX: "The largest.",
    Function.SUM: "The sum.",
    Function.STDDEV: "The standard deviation of the population.",
    Function.COUNT: "How many points are present.",
    Function.QUANTILE: "The quantile `q`, 0..1, interpolated linearly.",
    Function.DERIV: "The slope per second of the least-squares line.",
    Function.DELTA: "The last value less the first, stretched to the ends of the span.",
    Function.CHANGES: "How often the value differs from the one before.",
    Function.PREDICT_LINEAR: "The least-squares line, so many seconds after the "
    "moment.",
    Function.SHARE_ABOVE: "The share of the points above the limit, 0..1.",
    Function.SEASONAL_SHARE_ABOVE: "The same, of the points at most 15 min from this "
    "time of day, on each day of the span.",
    Function.HOUR_SIN: "Sine of the time of day, a full turn a day.",
    Function.HOUR_COS: "Its cosine.",
    Function.WEEKDAY_SIN: "Sine of the time of the week, a full turn from Monday to "
    "Monday.",
    Function.WEEKDAY_COS: "Its cosine.",
}


class ErrorClass(NamedTuple):
    """One class of the tree of errors, as the source has it.

    Attributes:
        parent: None for the root.
        exit_status: Its own or its parent's.
        actor: Who must act.
    """

    name: str
    parent: str | None
    exit_status: int
    actor: str
    meaning: str


def help_of_commands() -> str:
    """Return the help of every command, the groups before what is in them."""
    parts: list[str] = []
    for name, program in PROGRAMS.items():
        settings = {**program.context_settings, "terminal_width": HELP_WIDTH}
        root = click.Context(program, info_name=name, **settings)
        parts += _helps(program, root)
    return "\n\n".join(parts)


def table_of_config() -> str:
    """Return every table of the configuration with its keys."""
    parts = []
    for table in msgspec.structs.fields(Config):
        rows = [_key_row(table.name, k) for k in msgspec.structs.fields(table.type)]
        parts += [
            f"### `[{table.name}]`",
            _without_none(_description(table.type)),
            _table(("key", "type", "default", "must be", "meaning"), rows),
        ]
    return "\n\n".join(parts)


def table_of_metrics() -> str:
    """Return the catalogue."""
    rows = [
        (
            f"`{row.name}`",
            f"`{row.unit}`",
            str(row.kind),
            ", ".join(f"`{attribute}`" for attribute in row.attributes),
            row.help,
        )
        for row in CATALOGUE
    ]
    return _table(("metric", "unit", "kind", "attributes", "meaning"), rows)


def table_of_events() -> str:
    """Return the events of the journal."""
    rows = [
        (f"`{name}`", level.upper(), meaning)
        for name, (level, meaning) in EVENTS.items()
    ]
    return _table(("event", "level", "meaning"), rows)


def diagram_of_lives() -> str:
    """Return the life of a release as a Mermaid state diagram."""
    sources = {state for state, _ in LIVES}
    lines = ["[*] --> staged: verified"]
    lines += [f"{state} --> {to}: {event}" for (state, event), to in LIVES.items()]
    lines += [f"{state} --> [*]" for state in ReleaseState if state not in sources]
    indented = "\n".join(f"    {line}" for line in lines)
    return f"```mermaid\nstateDiagram-v2\n{indented}\n```"


def table_of_lives() -> str:
    """Return the life of a release, one row a state and one column an event."""
    rows = [
        (f"`{state}`", *(_cell_of_life(state, event) for event in ReleaseEvent))
        for state in ReleaseState
    ]
    return _table(("from", *(f"`{event}`" for event in ReleaseEvent)), rows)


def table_of_verdicts() -> str:
    """Return what the guard asks, and what follows where it is shown."""
    rows = [
        (
            f"the {rule.release}",
            f"{rule.thesis.replace('_', ' ')} than the {rule.reference}",
            "it is heard" if rule.move is None else f"`{rule.move}`",
        )
        for rule in (*RULES, ON_PROBATION)
    ]
    rows[-1] = (rows[-1][0], f"not shown to be {rows[-1][1]}", rows[-1][2])
    return _table(("release", "thesis", "then"), rows)


def table_of_faults() -> str:
    """Return what is never a host's fault."""
    rows = [(f"`{strike}`", str(limit)) for strike, limit in STRIKES.items()]
    return _table(("fault", "times in a row"), rows)


def table_of_policy() -> str:
    """Return what decides where neither site nor manifest says otherwise."""
    said = _attributes(Policy)
    rows = [
        (
            f"`{each.name}`",
            "-" if each.default is None else f"{each.default:g}",
            _without_none(said[each.name]),
        )
        for each in dataclasses.fields(Policy)
    ]
    return _table(("name", "default", "meaning"), rows)


def tree_of_errors() -> str:
    """Return the classes of errors, each below its parent, with the exit status."""
    found = error_classes()
    lines = list(_branches(found, None, 0))
    width = max(map(len, (name for name, _ in lines)))
    drawn = "\n".join(f"{name:<{width}}  {status:>2}" for name, status in lines)
    return f"```text\n{drawn}\n```"


def table_of_errors() -> str:
    """Return the classes of errors with who acts and what they mean."""
    rows = [
        (f"`{each.name}`", str(each.exit_status), each.actor, each.meaning)
        for each in error_classes()
    ]
    return _table(("error", "exit status", "who acts", "meaning"), rows)


def table_of_functions() -> str:
    """Return the functions of expressions with what each takes."""
    rows = [(f"`{signature(f)}`", FUNCTION_WORDS[f]) for f in Function]
    return _table(("function", "value"), rows)


def table_of_bounds() -> str:
    """Return what bounds an expression and a manifest."""
    rows = [
        ("characters of an expression", str(expression.MAX_CHARACTERS)),
        ("parentheses in one another", str(expression.MAX_DEPTH)),
        ("numbers, calls and operators", str(expression.MAX_NODES)),
        ("span and offset together", duration_text(expression.MAX_LOOKBACK_S)),
    ]
    return _table(("what", "at most"), rows)


def table_of_manifest() -> str:
    """Return every table of the manifest with its keys."""
    parts = []
    for kind, place in _manifest_parts():
        rows = [_manifest_row(kind, field) for field in msgspec.structs.fields(kind)]
        tag = kind.__struct_config__.tag
        if tag:
            rows.insert(0, ("`kind`", f'`"{tag}"`', "required", "Names the variant."))
        parts += [
            f"### {place}",
            _description(kind),
            _table(("key", "type", "default", "meaning"), rows),
        ]
    return "\n\n".join(parts)


def table_of_rules() -> str:
    """Return what the scan of a model may find."""
    rows = [(f"`{rule}`", meaning) for rule, meaning in MEANINGS.items()]
    return _table(("rule", "meaning"), rows)


def table_of_operators() -> str:
    """Return the operators that a model may use, those of each domain in a row."""
    domains: dict[str, list[str]] = {}
    for name in sorted(OPERATORS):
        domain, _, kind = name.rpartition(".")
        domains.setdefault(domain, []).append(f"`{kind}`")
    rows = [
        (f"`{domain}`" if domain else "the default", " ".join(kinds))
        for domain, kinds in domains.items()
    ]
    return _table(("domain", "operators"), rows)


def table_of_sizes() -> str:
    """Return the operators that take sizes from inputs, and from which."""
    rows = [
        (f"`{name}`", ", ".join(str(place + 1) for place in operator.sizes))
        for name, operator in sorted(OPERATORS.items())
        if operator.sizes
    ]
    return _table(("operator", "inputs that are sizes, counts or axes"), rows)


def table_of_scan_bounds() -> str:
    """Return the bounds of a scan, unless a site sets others."""
    said = _attributes(ScanPolicy)
    rows = [
        (said[each.name], str(each.default))
        for each in dataclasses.fields(ScanPolicy)
        if isinstance(each.default, int)
    ]
    return _table(("what", "at most"), rows)


@cache
def error_classes() -> tuple[ErrorClass, ...]:
    """Return every class of errors in agent/ and central/, parents first.

    From the source: which classes Python knows hangs on what was imported before.
    """
    errors = ROOT / "agent" / "errors.py"
    others = sorted({*ROOT.glob("agent/**/*.py"), *ROOT.glob("central/**/*.py")})
    trees = [ast.parse(p.read_bytes()) for p in (errors, *others) if p.is_file()]
    drawn = re.findall(r"(\w+Error)\b *([^:\n]*)", ast.get_docstring(trees[0]) or "")
    actors = {name: actor.strip() for name, actor in drawn}
    found: dict[str, ErrorClass] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name not in found:
                _take_error(node, found, actors)
    return tuple(found.values())


def signature(function: Function) -> str:
    """Return how a function is called, found out by what the parser takes."""
    shapes = {
        "()": "()",
        "(s[1m])": "(series[span])",
        "(0.5, s[1m])": "(q, series[span])",
        "(s[1m], $limit)": "(series[span], limit)",
        "(s[1m], 60)": "(series[span], seconds)",
    }
    return next(
        f"{function}{shown}" for s, shown in shapes.items() if _parses(f"{function}{s}")
    )


Block = Callable[[], str]
PAGES: Final[Mapping[str, Mapping[str, Block]]] = {
    "reference/commands.md": {"help": help_of_commands},
    "reference/config.md": {"tables": table_of_config},
    "reference/metrics.md": {"catalogue": table_of_metrics},
    "reference/events.md": {
        "events": table_of_events,
        "diagram": diagram_of_lives,
        "lives": table_of_lives,
    },
    "reference/errors.md": {"tree": tree_of_errors, "table": table_of_errors},
    "reference/expressions.md": {
        "functions": table_of_functions,
        "bounds": table_of_bounds,
    },
    "reference/manifest.md": {"tables": table_of_manifest},
    "reference/scan.md": {
        "rules": table_of_rules,
        "operators": table_of_operators,
        "sizes": table_of_sizes,
        "bounds": table_of_scan_bounds,
    },
    "reference/guard.md": {
        "verdicts": table_of_verdicts,
        "faults": table_of_faults,
        "policy": table_of_policy,
    },
    "starters.md": {
        "ships": starter_tables.what_ships,
        "asked": starter_demands.asked_and_found,
        "tasks": starter_demands.task_by_task,
        "precision": starter_tables.precision_of_all,
        "hosts": starter_tables.precision_a_host,
        "lead": starter_tables.lead_over_the_best,
        "skill": starter_tables.worth_of_probabilities,
        "calibration": starter_tables.truth_of_probabilities,
        "alarms": starter_tables.alarms,
        "right": starter_tables.put_right,
        "values": starter_tables.values,
        "absolute": starter_tables.absolute,
        "behind": starter_losses.behind_together,
        "behind_hosts": starter_losses.behind_on_hosts,
        "behind_values": starter_losses.values_behind_on_hosts,
        "off": starter_losses.off_in_level,
        "lost": starter_losses.lost_by_being_put_right,
        "silent": starter_losses.too_few_events,
    },
}


def page(name: str) -> str:
    """Return what a page should say: its words, its generated parts made anew.

    Raises:
        ValueError: The page has not exactly one place for each generated part.
    """
    text = (DOCS / name).read_text(encoding="utf-8")
    places = re.findall(r"<!-- begin: (\w+) -->", text)
    if sorted(places) != sorted(PAGES[name]):
        expected = ", ".join(PAGES[name])
        raise ValueError(f"{name}: expected places for {expected}, got {places}")
    for place, block in PAGES[name].items():
        text = _filled(text, place, block())
    return text


def main(arguments: Sequence[str]) -> int:
    """Rewrite the pages, or with `--check` name those that differ; return the status.

    Raises:
        ValueError: A page has not exactly one place for each generated part.
    """
    texts = {name: page(name) for name in PAGES}
    stale = [name for name, text in texts.items() if (DOCS / name).read_text() != text]
    for name in stale:
        click.echo(f"docs/{name}")
        if "--check" not in arguments:
            (DOCS / name).write_text(texts[name], encoding="utf-8")
    return 1 if stale and "--check" in arguments else 0


def _filled(text: str, place: str, content: str) -> str:
    begin, end = f"<!-- begin: {place} -->", f"<!-- end: {place} -->"
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f'expected "{end}" after "{begin}"')
    return f"{before}{begin}\n\n{content}\n\n{end}{after}"


def _helps(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"### `{context.command_path}`\n\n```text\n{_help(context)}\n```"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                settings = inner.context_settings
                own = click.Context(inner, context, info_name=name, **settings)
                yield from _helps(inner, own)


def _help(context: click.Context) -> str:
    return "\n".join(line.rstrip() for line in context.get_help().splitlines())


def _key_row(table: str, field: msgspec.structs.FieldInfo) -> tuple[str, ...]:
    key = f"{table}.{field.name}"
    bounds = [law.expected for law in laws(Config()) if law.key == key]
    default = written(getattr(getattr(Config(), table), field.name))
    return (
        f"`{key}`",
        _config_type(KINDS[key]),
        "not set" if default is None else f"`{toml_text(default)}`",
        "; ".join(bounds),
        _config_meaning(key),
    )


def _config_meaning(key: str) -> str:
    table, _, name = key.partition(".")
    said = _attributes(type(getattr(Config(), table))).get(name)
    if key not in CONFIG_WORDS and said is None:
        raise ValueError(f"{key}: expected its meaning under Attributes: of its table")
    return CONFIG_WORDS.get(key) or _without_none(said or "")


def _config_type(kind: object) -> str:
    if isinstance(kind, type) and issubclass(kind, SharingLevel | WhenFull):
        return " or ".join(f'`"{choice}"`' for choice in kind)
    return _CONFIG_TYPES[kind]


_CONFIG_TYPES: Final[Mapping[Any, str]] = {
    Path: "path",
    Duration: "duration",
    Size: "size",
    Address: "address",
    Listen: "`HOST:PORT`",
    Regex: "regular expression, or a list of them",
    SecretReference: "secret",
    bool: "true or false",
    float: "number",
    int: "whole number",
    tuple[str, ...]: "list of strings",
    Mapping[str, str]: "table of strings",
}


def _manifest_parts() -> list[tuple[type[msgspec.Struct], str]]:
    """Return every table of a manifest with the words that lead to it."""
    parts: list[tuple[type[msgspec.Struct], str]] = [(Manifest, "The manifest")]
    for field in msgspec.structs.fields(Manifest):
        for kind in _structs(field.type):
            tag = kind.__struct_config__.tag
            variant = f", {tag}" if tag else ""
            parts.append((kind, f"`{field.encode_name}`{variant}"))
    return parts


def _structs(kind: object) -> list[type[msgspec.Struct]]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [kind]
    return [found for inner in get_args(kind) for found in _structs(inner)]


def _manifest_row(
    kind: type[msgspec.Struct], field: msgspec.structs.FieldInfo
) -> tuple[str, ...]:
    name = f"{kind.__name__}.{field.encode_name}"
    said = _attributes(kind).get(field.encode_name)
    if name not in MANIFEST_WORDS and said is None:
        raise ValueError(f"{name}: expected its meaning under Attributes: of its class")
    return (
        f"`{field.encode_name}`",
        _manifest_type(field.type),
        _default(field),
        MANIFEST_WORDS.get(name) or _without_none(said or ""),
    )


def _manifest_type(kind: Any) -> str:  # noqa: ANN401 - an annotation is anything
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _bounded(*inner)
    if origin is tuple:
        return f"list: {_manifest_type(inner[0])}"
    if origin is types.UnionType:
        named = [_manifest_type(one) for one in inner if one is not types.NoneType]
        is_open = types.NoneType in inner and not _structs(kind)
        return " or ".join([*dict.fromkeys(named), *["null"] * is_open])
    if isinstance(kind, type) and issubclass(kind, ValueMeaning):
        return " or ".join(f'`"{choice}"`' for choice in kind)
    return "table" if _structs(kind) else _MANIFEST_TYPES.get(kind, "table")


_MANIFEST_TYPES: Final[Mapping[Any, str]] = {
    str: "string",
    int: "whole number",
    float: "number",
    bool: "true or false",
    manifest.Duration: "duration",
    Formula: "expression",
}


def _bounded(kind: object, bounds: msgspec.Meta) -> str:
    words = _MANIFEST_TYPES[kind]
    if bounds.pattern is not None:
        choices = re.fullmatch(r"\^\(?([a-z|]+)\)?\$", bounds.pattern)
        if choices:
            return " or ".join(f'`"{c}"`' for c in choices[1].split("|"))
        return f"{words} `{bounds.pattern}`"
    if bounds.le is not None:
        return f"{words} {bounds.ge}..{bounds.le}"
    if bounds.max_length is not None:
        return f"{words} of at most {bounds.max_length} characters"
    over = f"above {bounds.gt}" if bounds.gt is not None else f"at least {bounds.ge}"
    return f"{words} {over}"


def _default(field: msgspec.structs.FieldInfo) -> str:
    default = field.default
    if default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT:
        return "required"
    if default is msgspec.NODEFAULT:
        default = field.default_factory()
    if isinstance(default, msgspec.Struct):
        return "as below"
    if isinstance(default, manifest.Duration):
        return f'`"{default:g}s"`'
    return "absent" if default is None else f"`{msgspec.json.encode(default).decode()}`"


def _cell_of_life(state: ReleaseState, event: ReleaseEvent) -> str:
    to = LIVES.get((state, event))
    return "" if to is None else f"`{to}`"


def _take_error(
    node: ast.ClassDef, found: dict[str, ErrorClass], actors: Mapping[str, str]
) -> None:
    bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
    parent = next((found[base] for base in bases if base in found), None)
    if parent is None and node.name != "ForewarnError":
        return
    given = [
        statement.value.value
        for statement in node.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        and "exit_status" in ast.unparse(statement)
        and isinstance(statement.value, ast.Constant)
    ]
    found[node.name] = ErrorClass(
        name=node.name,
        parent=parent.name if parent else None,
        exit_status=int(str(given[0])) if given or parent is None else parent[2],
        actor=actors.get(node.name) or (parent.actor if parent else ""),
        meaning=(ast.get_docstring(node) or "").partition("\n\n")[0],
    )


def _branches(
    found: Sequence[ErrorClass], parent: str | None, depth: int
) -> Iterator[tuple[str, int]]:
    for each in found:
        if each.parent == parent:
            yield f"{'    ' * depth}{each.name}", each.exit_status
            yield from _branches(found, each.name, depth + 1)


def _parses(text: str) -> bool:
    try:
        expression.parse(text)
    except ExpressionError:
        return False
    return True


def _description(kind: type) -> str:
    """Return a docstring up to its sections."""
    return inspect.cleandoc(kind.__doc__ or "").partition("\n\nAttributes:")[0]


def _attributes(kind: type) -> dict[str, str]:
    """Return what a docstring says under `Attributes:`, by name."""
    section = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")[2]
    found = re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", section, re.MULTILINE)
    return {name: " ".join(words.split()) for name, words in found}


def _without_none(words: str) -> str:
    """Return a docstring's words as the writer of a file would say them."""
    return words.replace("None:", "not set:").replace("(None)", "(not set)")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
