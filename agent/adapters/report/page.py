"""The page: a story and its figures in one template; every word of it escaped."""

from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from agent.adapters.report.figures import calibration_svg, evidence_svg, scores_svg
from agent.core.story import Page, TaskStory

_TEMPLATE = Path(__file__).with_name("page.html")


def page_html(page: Page) -> str:
    """Return the page as one HTML document that fetches nothing and runs nothing."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    tasks = [(story, _figures(story)) for story in page.tasks]
    return template.render(page=page, tasks=tasks)


def _figures(story: TaskStory) -> dict[str, Markup]:
    """Return the figures; an empty one where there is nothing to draw."""
    drawn = {
        "scores": scores_svg(story) if story.curves else "",
        "evidence": evidence_svg(story) if story.trails else "",
        "calibration": calibration_svg(story) if story.calibrations else "",
    }
    # Our own figures escape what they are made of.
    return {name: Markup(svg) for name, svg in drawn.items()}  # noqa: S704
