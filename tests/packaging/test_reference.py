"""The generated pages of docs/: made from the tables, and their examples work."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from agent.cli import COMMANDS, main
from agent.config import check
from agent.core import expression
from agent.core.manifest import parse_manifest
from agent.core.metrics import is_known
from agent.core.series import Series, parse_series
from agent.core.target import parse_condition
from agent.errors import ExpressionError
from central import cli as central
from docs import generate, starter_figures, starter_losses

REFERENCE = generate.DOCS / "reference"
CPU_UNUSUAL = starter_figures.STARTERS / "cpu-unusual" / "manifest.json"
RUN_IT = "run: python docs/generate.py"


def fences(page: str, language: str) -> list[str]:
    """Return the code of every fence of one language."""
    text = (REFERENCE / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def expressions() -> list[str]:
    pages = sorted(path.name for path in REFERENCE.glob("*.md"))
    return [
        line
        for page in pages
        for code in fences(page, "promql")
        for line in code.split("\n")
        if line
    ]


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_page_says_what_the_tables_say(name):
    text = (generate.DOCS / name).read_text()
    assert generate.page(name) == text, RUN_IT


@pytest.mark.parametrize("line", expressions())
def test_an_example_expression_can_be_parsed(line):
    parsed = expression.parse(line)
    assert expression.parse(expression.text(parsed)) == parsed
    assert all(is_known(series.name) for series in expression.series_of(parsed))


def test_every_function_has_its_words():
    assert set(generate.FUNCTION_WORDS) == set(expression.Function)


def test_a_refused_expression_is_refused_in_the_words_of_the_page():
    pairs = [code.splitlines() for code in fences("expressions.md", "text")]
    refused = [pair for pair in pairs if pair[-1].startswith("column ")]
    assert refused
    for text, message in refused:
        with pytest.raises(ExpressionError) as raised:
            expression.parse(text)
        assert str(raised.value) == message


def test_the_example_manifests_can_be_parsed():
    documents = [code for code in fences("manifest.md", "json") if "schema" in code]
    kinds = {parse_manifest(text.encode()).target.__class__ for text in documents}
    assert {kind.__name__ for kind in kinds} == {"EventTarget", "ValueTarget"}


def test_the_example_conditions_can_be_parsed():
    fragments = [json.loads(code) for code in fences("manifest.md", "json")]
    conditions = [part["condition"] for part in fragments if "condition" in part]
    assert [parse_condition(text).symbol for text in conditions] == [">"]


def test_the_example_series_are_in_the_catalogue():
    lines = "".join(fences("metrics.md", "text")).splitlines()
    series = [parse_series(line) for line in lines]
    assert series
    assert all(isinstance(each, Series) and is_known(each.name) for each in series)


def test_the_example_configuration_can_be_used(tmp_path: Path):
    for number, text in enumerate(fences("config.md", "toml")):
        file = tmp_path / f"{number}.toml"
        file.write_text(text)
        assert check(file).problems == ()


@pytest.mark.parametrize(
    ("program", "name"),
    [
        *(pytest.param(main, name, id=f"forewarn-{name}") for name in COMMANDS),
        *(pytest.param(central.main, n, id=f"central-{n}") for n in central.COMMANDS),
    ],
)
def test_the_page_shows_the_help_of_the_program(program, name, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    assert program([name, "--help"]) == 0
    page = (REFERENCE / "commands.md").read_text()
    assert f"```text\n{capsys.readouterr().out}```" in page, RUN_IT


def test_a_check_names_the_stale_page_and_changes_nothing(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "reference").mkdir()
    for name in generate.PAGES:
        text = (generate.DOCS / name).read_text()
        stale = text.replace("| `daemon_started` |", "| `daemon_began` |")
        (tmp_path / name).write_text(stale)
    monkeypatch.setattr(generate, "DOCS", tmp_path)
    before = (tmp_path / "reference" / "events.md").read_text()

    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().out == "docs/reference/events.md\n"
    assert (tmp_path / "reference" / "events.md").read_text() == before

    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0


def test_a_page_without_a_place_for_a_table_is_refused(tmp_path, monkeypatch):
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "metrics.md").write_text("# Metrics\n")
    monkeypatch.setattr(generate, "DOCS", tmp_path)
    with pytest.raises(ValueError, match="expected places for catalogue"):
        generate.page("reference/metrics.md")


def test_every_starter_has_its_line():
    page = (generate.DOCS / "starters.md").read_text()
    for card in starter_figures.STARTERS.glob("*/card.md"):
        assert f"| [{card.parent.name}](../agent/starters/{card.parent.name}/" in page


def test_no_host_on_which_a_rule_is_ahead_is_kept_quiet():
    lines = starter_losses.behind_on_hosts().splitlines()
    for event in starter_figures.shipped().compared:
        for host, found in event.release.hosts.items():
            if found is None:
                continue
            own, *others = found.average_precision.values()
            is_told = any(
                line.startswith(f"| {event.task} | {host} |") for line in lines
            )
            assert is_told == (max(others) > own or found.skill < 0)


def test_a_manifest_without_a_figure_of_the_page_is_refused(tmp_path):
    document = json.loads(CPU_UNUSUAL.read_text())
    heard = document["provenance"]["evaluation"]["comparison"]
    next(iter(heard.values())).pop("hosts")
    (tmp_path / "cpu-unusual").mkdir()
    (tmp_path / "cpu-unusual" / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(msgspec.ValidationError, match="missing required field `hosts`"):
        starter_figures.shipped(tmp_path)
