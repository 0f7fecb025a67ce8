"""The page of a replay: figures by matplotlib, HTML by Jinja2, nothing to fetch."""

from agent.adapters.report.page import page_html

__all__ = ["page_html"]
