"""The page of a replay: what its ledger holds, gathered and put into words."""

from agent.cli.report.page import Asked, page_of

__all__ = ["Asked", "page_of"]
