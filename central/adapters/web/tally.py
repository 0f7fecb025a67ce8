"""What is counted of the web, in the text format of Prometheus."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from central.core.answer import Verdict

_BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Tally:
    """Counts since the server started; of one event loop.

    Attributes:
        hosts: How many hosts there are, by how they stand.
    """

    def __init__(self) -> None:
        self.hosts: Mapping[str, int] = {}
        self._reports: Counter[str] = Counter({str(each): 0 for each in Verdict})
        self._enrolments: Counter[str] = Counter()
        self._length = 0
        self._seconds = 0.0
        self._spans = [0] * (len(_BOUNDS_S) + 1)

    def report(self, verdict: Verdict, *, length: int, seconds: float) -> None:
        """Count an answer to a report."""
        self._reports[str(verdict)] += 1
        self._length += length
        self._seconds += seconds
        self._spans[bisect_left(_BOUNDS_S, seconds)] += 1

    def enrolment(self, verdict: Verdict) -> None:
        """Count an answer to a host that asked for a token."""
        self._enrolments[str(verdict)] += 1

    def text(self, *, waiting_bytes: int) -> str:
        """Return everything that is counted, each with a line of help."""
        parts = (
            _part(
                "reports_total",
                "counter",
                "Answers to reports.",
                _labelled("answer", self._reports),
            ),
            _part(
                "report_bytes_total",
                "counter",
                "Bytes of reports, as they came.",
                [("", self._length)],
            ),
            _part(
                "report_seconds",
                "histogram",
                "From request to answer.",
                self._histogram(),
            ),
            _part(
                "waiting_bytes",
                "gauge",
                "Of reports that are not stored yet.",
                [("", waiting_bytes)],
            ),
            _part(
                "enrolments_total",
                "counter",
                "Answers to hosts without a token.",
                _labelled("answer", self._enrolments),
            ),
            _part(
                "hosts",
                "gauge",
                "Hosts by how they stand.",
                _labelled("state", self.hosts),
            ),
        )
        return "".join(parts)

    def _histogram(self) -> list[tuple[str, float]]:
        below, rows = 0, list[tuple[str, float]]()
        for bound, count in zip((*_BOUNDS_S, "+Inf"), self._spans, strict=True):
            below += count
            rows.append((f'_bucket{{le="{bound}"}}', below))
        return [*rows, ("_sum", round(self._seconds, 6)), ("_count", below)]


def _labelled(label: str, counts: Mapping[str, int]) -> list[tuple[str, float]]:
    return [(f'{{{label}="{value}"}}', count) for value, count in counts.items()]


def _part(name: str, kind: str, words: str, rows: Iterable[tuple[str, float]]) -> str:
    full = f"forewarn_central_{name}"
    lines = [f"# HELP {full} {words}", f"# TYPE {full} {kind}"]
    lines += [f"{full}{rest} {value}" for rest, value in rows]
    return "\n".join(lines) + "\n"
