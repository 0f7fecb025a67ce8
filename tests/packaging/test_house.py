"""The house itself: sizes, names, documents, and what no file may say."""

import ast
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from agent.cli import COMMANDS, forewarn
from agent.config.tables import KINDS
from agent.core.event import EVENTS
from agent.core.metrics import CATALOGUE
from agent.core.release import LIVES, ReleaseState
from docs import generate

ROOT = Path(__file__).resolve().parents[2]
MODULE_LINES = 300
MODULE_LINES_WITH_A_REASON = 400
FUNCTION_LINES = 40
NOT_OURS = re.compile(r"\.(?!ci$).*|__pycache__|.*\.egg-info")  # folders, at any depth
MADE_HERE = ("var", "dist")
# Put together here, so that this file does not hold what it looks for.
HOSTS = (
    "pypi" + ".org",
    "files.python" + "hosted",
    "registry." + "npmjs",
    "deb." + "debian",
)
FOLDERS = tuple(f"/{name}" + "/" for name in ("work", "farm", "root"))


def files() -> list[Path]:
    """Return the files of the repository; where git is not, of the folder."""
    # Coverage leaves its own beside the code while this very test runs.
    return [
        path
        for path in listed_by_git() or walked()
        if path.is_file() and not path.name.startswith(".coverage")
    ]


def listed_by_git() -> list[Path]:
    """Return what is committed or may be; nothing where git or its folder is not."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return []
    command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)  # noqa: S603
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


def walked() -> Iterator[Path]:
    """Yield every file but what tools and runs leave behind."""
    for folder, folders, names in os.walk(ROOT):
        left_behind = MADE_HERE if Path(folder) == ROOT else ()
        folders[:] = [
            name
            for name in folders
            if name not in left_behind and not NOT_OURS.fullmatch(name)
        ]
        yield from (Path(folder, name) for name in names)


def modules() -> list[Path]:
    return sorted(
        chain((ROOT / "agent").rglob("*.py"), (ROOT / "central").rglob("*.py"))
    )


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def length(path: Path) -> int:
    return len(path.read_bytes().splitlines())


def long_functions(source: bytes) -> Iterator[tuple[str, int]]:
    """Yield each function over the limit with its lines, docstring not counted."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.end_lineno - node.lineno + 1
            if ast.get_docstring(node) is not None:
                docstring = node.body[0]
                lines -= docstring.end_lineno - docstring.lineno + 1
            if lines > FUNCTION_LINES:
                yield node.name, lines


def forbidden_in(content: bytes) -> list[str]:
    """Return the hosts and the folders of a machine that a file speaks of."""
    found = [host for host in HOSTS if host.encode() in content.lower()]
    # A word before the first slash: a longer path, which starts elsewhere.
    return found + [
        folder
        for folder in FOLDERS
        if re.search(rb"(?<![\w~.}-])" + folder.encode(), content)
    ]


def unhashed(text: str) -> list[str]:
    """Return the entries of a list of requirements that no hash or version pins."""
    entries = [
        line.strip()
        for line in re.sub(r"\\\n", " ", text).splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    return [
        entry
        for entry in entries
        if not re.match(r"[A-Za-z0-9_.\[\]-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", entry)
        or "://" in entry
    ]


def reference(name: str) -> str:
    return (ROOT / "docs" / "reference" / name).read_text()


def test_no_module_is_too_long_without_a_reason():
    reasons = "".join(p.read_text() for p in (ROOT / "docs" / "adr").glob("*.md"))
    too_long = {
        named(path): length(path)
        for path in modules()
        if length(path) > MODULE_LINES
        and (named(path) not in reasons or length(path) > MODULE_LINES_WITH_A_REASON)
    }
    assert too_long == {}


def test_no_function_is_too_long():
    too_long = [
        f"{named(path)}: {name}: {lines}"
        for path in modules()
        for name, lines in long_functions(path.read_bytes())
    ]
    assert too_long == []


@pytest.mark.parametrize(
    ("docstring", "statements", "found"),
    [
        pytest.param(0, 39, [], id="just_short_enough"),
        pytest.param(0, 40, [("f", 41)], id="one_line_too_long"),
        pytest.param(30, 39, [], id="a_docstring_does_not_count"),
        pytest.param(30, 40, [("f", 41)], id="a_docstring_hides_nothing"),
    ],
)
def test_a_function_is_measured_without_its_docstring(docstring, statements, found):
    words = '    """Words.' + "\n" * docstring + '    """\n' if docstring else ""
    source = f"def f():\n{words}" + "    pass\n" * statements
    assert list(long_functions(source.encode())) == found


@pytest.mark.parametrize("folder", ["packaging", "systemd"])
def test_a_folder_beside_the_code_is_no_package(folder):
    assert list((ROOT / folder).rglob("__init__.py")) == []


def test_every_metric_is_in_the_reference():
    page = reference("metrics.md")
    assert [row.name for row in CATALOGUE if f"| `{row.name}` |" not in page] == []


def test_every_event_is_in_the_reference():
    page = reference("events.md")
    assert [name for name in EVENTS if f"| `{name}` |" not in page] == []


def test_every_life_of_a_release_is_in_the_reference():
    page = reference("events.md")
    arrows = [f"{state} --> {to}: {event}\n" for (state, event), to in LIVES.items()]
    assert [arrow for arrow in arrows if arrow not in page] == []
    assert [state for state in ReleaseState if f"| `{state}` |" not in page] == []


def test_every_error_is_in_the_reference():
    page = reference("errors.md")
    names = [each.name for each in generate.error_classes()]
    assert "ConfigError" in names
    assert [name for name in names if f"| `{name}` |" not in page] == []


def test_every_error_says_who_acts_and_what_it_means():
    classes = [each for each in generate.error_classes() if each.parent]
    assert [e.name for e in classes if not e.actor or not e.meaning] == []


def test_every_exit_status_of_an_error_is_explained():
    page = reference("commands.md")
    statuses = {each.exit_status for each in generate.error_classes()} | {0, 1, 2, 3}
    assert [status for status in statuses if f"\n| {status} | " not in page] == []


def test_every_command_is_in_the_reference():
    page = reference("commands.md")
    assert list(COMMANDS) == forewarn.list_commands(None)
    assert [name for name in COMMANDS if f"### `forewarn {name}`" not in page] == []


def test_every_key_of_the_configuration_is_in_the_reference():
    page = reference("config.md")
    assert [key for key in KINDS if f"| `{key}` |" not in page] == []


def test_no_file_names_a_registry_or_a_folder_of_one_machine():
    found = {named(path): forbidden_in(path.read_bytes()) for path in files()}
    assert [f"{name}: {words}" for name, words in found.items() if words] == []


@pytest.mark.parametrize("word", [*HOSTS, *FOLDERS])
def test_what_no_file_may_say_is_found(word):
    assert forbidden_in(f'where = "{word}x"'.encode()) == [word]


def test_a_path_inside_another_is_no_folder_of_a_machine():
    inside = "".join(f"tmp{folder} ~{folder} {{here}}{folder}" for folder in FOLDERS)
    assert forbidden_in(inside.encode()) == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name
)
def test_the_requirements_are_pinned_by_hash_and_name_no_index(path):
    assert unhashed(path.read_text()) == []


@pytest.mark.parametrize(
    "entry",
    [
        "numpy==2.4.1",
        f"numpy>=2 \\\n    --hash=sha256:{'0' * 64}",
        "--index-url https://index.example",
        "-i index.example",
        f"numpy @ https://index.example/numpy.whl --hash=sha256:{'0' * 64}",
    ],
)
def test_a_requirement_that_nothing_pins_is_found(entry):
    assert len(unhashed(f"# a comment\n{entry}\n")) == 1


@pytest.mark.parametrize("command", ["make run", "make test"])
def test_the_readme_says_how_to_run_and_to_test(command):
    assert command in (ROOT / "README.md").read_text()


def test_the_gate_runs_what_the_readme_names():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert "make test" in lines


def test_the_files_are_found_without_git(monkeypatch):
    listed = {path for path in files() if path.suffix == ".md"}
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert listed <= set(files())
    assert ROOT / ".ci" / "run" in files()
    assert not any(".venv" in path.parts for path in files())


def test_a_test_file_is_found_by_its_name():
    strangers = [
        named(path)
        for path in files()
        if path.suffix == ".py"
        and path.is_relative_to(ROOT / "tests")
        and {"fakes", "golden"}.isdisjoint(path.parts)
        and not path.name.startswith("test_")
        and not path.stem.endswith("_child")
        and path.name != "conftest.py"
    ]
    assert strangers == []
