"""The page of a replay: it stands alone, tells what it was given, and obeys nobody."""

import html
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from agent.adapters.report import page_html
from agent.cli import main
from agent.core.story import (
    Calibration,
    Curve,
    Mark,
    Page,
    Sheet,
    TaskStory,
    Tenure,
    Trail,
)
from tests.fakes.commands import ROOT, trace_file

DAY_S = 86_400.0
HOSTILE = '"><script>alert(1)</script>&$\\frac{$'
# What a page could fetch with, or run.
FETCHES = re.compile(
    r"<(script|img|link|iframe|object|embed|base|form|video|audio)\b"
    r"|\s(src|href|action|on\w+)\s*=\s*[\"'](?!#)|url\((?!#)|@import",
    re.IGNORECASE,
)


def curve(label, *, level):
    at_s = np.linspace(0, 10 * DAY_S, 50)
    mean = level * (1 + np.sin(np.arange(50) / 3)) / 2
    return Curve(label=label, at_s=at_s, mean=mean, highest=mean * 1.2)


def tenure(role, label, begins, ends):
    return Tenure(
        role=role,
        digest=label * 32,
        label=label,
        begins_s=begins * DAY_S,
        ends_s=ends * DAY_S,
    )


STORY = TaskStory(
    name="disk-full",
    title="A file system fills up",
    headline="In the end v1 is active; v2 was rolled back: e-value 1.03e+03 >= 1000",
    is_event=True,
    begins_s=0.0,
    ends_s=10 * DAY_S,
    curves=(curve("v1", level=0.8), curve("baseline", level=0.5)),
    came=(2 * DAY_S, 5 * DAY_S),
    tenures=(tenure("active", "v1", 0, 10), tenure("shadow", "v2", 2, 6)),
    trails=(
        Trail(
            thesis="worse",
            release="v2",
            reference="v1",
            threshold=1_000.0,
            at_s=np.array([2.0, 4.0, 6.0]) * DAY_S,
            e_values=np.array([1e-9, 30.0, 1e19]),
        ),
    ),
    marks=(
        Mark(at_s=2 * DAY_S, label="v2 promoted"),
        Mark(at_s=2.01 * DAY_S, label="v2 pinned"),
        Mark(at_s=6 * DAY_S, label="v2 rolled back"),
    ),
    calibrations=(
        Calibration(label="v1", said=(0.05, 1.0), came=(0.1, 0.6), counts=(900, 20)),
    ),
    scorecards=Sheet(header=("release", "resolved"), rows=(("v1", "920"),)),
)
PAGE = Page(
    title="Replay of host.parquet",
    facts=(("rows", "47,405"),),
    releases=Sheet(header=("task", "release"), rows=(("disk-full", "v1"),)),
    tasks=(STORY,),
    history=Sheet(header=("at", "why"), rows=(("2026-03-02", "it was worse"),)),
    command="forewarn replay host.parquet --report page.html",
    version="0.1.0",
)
EMPTY = replace(
    STORY,
    curves=(),
    came=(),
    tenures=(),
    trails=(),
    marks=(),
    calibrations=(),
    scorecards=Sheet(header=("release",), rows=()),
)
VALUES = replace(
    STORY, is_event=False, curves=(*STORY.curves, curve("what came", level=3))
)
RARE = replace(STORY, curves=(curve("v1", level=0.001),))


class Reader(HTMLParser):
    """Takes a page apart: what is open, which names there are, what is said."""

    VOID = ("meta", "br", "hr", "img", "link", "input")

    def __init__(self):
        super().__init__()
        self.open, self.names, self.words = [], [], []

    def handle_starttag(self, tag, attrs):
        self.names += [value for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.names += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def read(text):
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


@pytest.mark.parametrize("story", [STORY, EMPTY, VALUES, RARE])
def test_a_page_stands_alone(story):
    text = page_html(replace(PAGE, tasks=(story, replace(story, name="other"))))
    assert FETCHES.search(text) is None
    assert set(re.findall(r"https?://[\w./]+", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    reader = read(text)
    assert len(reader.names) == len(set(reader.names))


@pytest.mark.parametrize("story", [STORY, EMPTY, VALUES, RARE])
def test_the_same_story_makes_the_same_page(story):
    page = replace(PAGE, tasks=(story,))
    assert page_html(page) == page_html(page)


def test_everything_that_is_told_is_on_the_page_as_text():
    words = " ".join(" ".join(read(page_html(PAGE)).words).split())
    told = [
        *(PAGE.title, PAGE.command, PAGE.version, STORY.title, STORY.headline),
        *("47,405", "920", "it was worse", "v2 worse than v1", "came true"),
        *("v2 promoted, v2 pinned", "v2 rolled back", "active", "shadow", "1000"),
    ]
    assert [each for each in told if each not in words] == []


def test_no_word_of_others_becomes_markup():
    hostile = Sheet(header=(HOSTILE,), rows=((HOSTILE,),))
    story = replace(
        STORY,
        name=HOSTILE,
        title=HOSTILE,
        headline=HOSTILE,
        curves=(curve(HOSTILE, level=0.9),),
        tenures=(tenure("active", HOSTILE, 0, 10),),
        marks=(Mark(at_s=DAY_S, label=HOSTILE),),
        scorecards=hostile,
    )
    page = replace(
        PAGE,
        title=HOSTILE,
        facts=((HOSTILE, HOSTILE),),
        releases=hostile,
        tasks=(story,),
        history=hostile,
        command=HOSTILE,
    )
    text = page_html(page)
    assert FETCHES.search(text) is None
    assert text.count(html.escape(HOSTILE, quote=False)[2:]) > 0
    read(text)


def test_a_page_with_nothing_to_tell_says_so():
    nothing = Sheet(header=("at",), rows=())
    page = replace(PAGE, tasks=(EMPTY,), history=nothing, releases=nothing)
    words = " ".join(read(page_html(page)).words)
    for each in (
        "No release was offered.",
        "Nothing was forecast.",
        "The guard had no evidence to weigh",
        "No outcome yet.",
        "Nothing befell a release.",
    ):
        assert each in words


# --- the command


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the text of a page that the command has made, and its folder."""
    folder = tmp_path_factory.mktemp("made")
    trace = trace_file(folder / "host.csv")
    pages = [folder / "page.html", folder / "again" / "page.html"]
    pages[1].parent.mkdir()
    for page in pages:
        assert main(["replay", str(trace), "--report", str(page)]) == 0
    first, second = (page.read_text(encoding="utf-8") for page in pages)
    assert first == second
    return first, folder


def test_a_replay_makes_a_page_that_names_no_folder_of_this_machine(made):
    text, folder = made
    words = " ".join(read(text).words)
    assert str(folder) not in text
    assert "forewarn replay host.csv --report page.html" in words
    assert FETCHES.search(text) is None


def test_a_page_tells_of_every_task(made):
    words = " ".join(read(made[0]).words)
    for task in ("cpu-saturation", "filesystem-full", "memory-pressure"):
        assert f"{task}  In the end v1 is active" in words.replace("\n", " ")
    assert "release admitted" in words


def test_a_page_of_a_trace_without_a_single_outcome_makes_sense(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trace_file(Path("t.csv"), rows=3)
    assert main(["replay", "t.csv", "--report", "p.html"]) == 0
    words = " ".join(read(Path("p.html").read_text(encoding="utf-8")).words)
    assert "No outcome yet." in words


def test_a_page_that_cannot_be_written_is_refused_before_the_replay(tmp_path, capsys):
    trace = trace_file(tmp_path / "t.csv", rows=10)
    for report in (tmp_path / "no" / "p.html", tmp_path):
        assert main(["replay", str(trace), "--report", str(report)]) == 78
        assert capsys.readouterr().err == (
            f"forewarn: --report: expected a file in a folder that is there, got "
            f"{report}\n"
        )


@pytest.mark.parametrize("missing", ["matplotlib", "jinja2"])
def test_without_what_draws_it_the_page_is_refused_with_the_remedy(missing, tmp_path):
    trace = trace_file(tmp_path / "t.csv", rows=10)
    program = (
        f"import sys; sys.modules[{missing!r}] = None; "
        "from agent.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program, "replay", str(trace), "--report", "p.html"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (
        78,
        (
            "forewarn: --report: expected matplotlib and jinja2, which are not "
            "installed: install forewarn[report] or `make trace`\n"
        ),
    )


def test_a_replay_without_a_page_loads_nothing_that_draws(tmp_path):
    trace = trace_file(tmp_path / "t.csv", rows=10)
    program = (
        "import sys; from agent.cli import main; main(sys.argv[1:]); "
        "sys.exit(bool({'matplotlib', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program, "replay", str(trace)],
        capture_output=True,
        check=False,
        timeout=60,
        cwd=ROOT,
    )
    assert done.returncode == 0
