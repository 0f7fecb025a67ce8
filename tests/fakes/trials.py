"""Trials whose verdict a test has chosen."""

from collections.abc import Mapping

from agent.core.manifest import parse_manifest
from agent.core.qualify import Verdict


class FixedTrial:
    """Says of each task's models what it was told to; else that they may run."""

    def __init__(self, verdicts: Mapping[str, Verdict] | None = None) -> None:
        self.verdicts = dict(verdicts or {})
        self.tried: list[str] = []

    def verdict(self, manifest: bytes) -> Verdict:
        task = parse_manifest(manifest).task
        self.tried.append(task)
        return self.verdicts.get(task, Verdict())
