"""The pages of a replay and of a backtest: one HTML file each, drawn by matplotlib."""

from agent.adapters.report.page import page_html, proof_html

__all__ = ["page_html", "proof_html"]
