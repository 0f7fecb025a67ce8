"""The pages: a story or a proof in its template, with figures; every word escaped."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from agent.adapters.report.figures import calibration_svg, evidence_svg, scores_svg
from agent.adapters.report.proof_figures import (
    day_svg,
    hosts_svg,
    ranking_svg,
    reliability_svg,
)
from agent.core.proof import Proof, TaskProof
from agent.core.story import Page, TaskStory


def page_html(page: Page) -> str:
    """Return a replay's page, one HTML document that fetches and runs nothing."""
    tasks = [(story, _figures(story)) for story in page.tasks]
    return _template("page.html").render(page=page, tasks=tasks)


def proof_html(page: Proof) -> str:
    """Return a backtest's page, one HTML document that fetches and runs nothing."""
    tasks = [(proof, _proof_figures(proof)) for proof in page.tasks]
    return _template("proof.html").render(page=page, tasks=tasks)


def _template(name: str) -> Template:
    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)


def _figures(story: TaskStory) -> dict[str, Markup]:
    """Return the figures; an empty one where there is nothing to draw."""
    return _marked(
        {
            "scores": scores_svg(story) if story.curves else "",
            "evidence": evidence_svg(story) if story.trails else "",
            "calibration": calibration_svg(story) if story.calibrations else "",
        }
    )


def _proof_figures(proof: TaskProof) -> dict[str, Markup]:
    return _marked(
        {
            "ranking": ranking_svg(proof) if proof.lines else "",
            "reliability": reliability_svg(proof) if proof.calibrations else "",
            "hosts": hosts_svg(proof),
            "day": day_svg(proof),
        }
    )


def _marked(drawn: dict[str, str]) -> dict[str, Markup]:
    # Our own figures escape what they are made of.
    return {name: Markup(svg) for name, svg in drawn.items()}  # noqa: S704
