"""A model's answers, got in a child process: no model runs in central's own."""

from central.adapters.scorer.scorer import ChildScorer

__all__ = ["ChildScorer"]
