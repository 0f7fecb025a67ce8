"""Writes what waits for a commit, table by table, inside one transaction."""

import sqlite3
from collections.abc import Iterator

from agent.adapters.store import rollups, rows, statements
from agent.adapters.store.backlog import Backlog


class Writer:
    """Writes through one connection, and remembers the numbers of texts it has met."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._layouts: dict[tuple[str, ...], int] = {}
        self._digests: dict[str, int] = {}

    def forget(self) -> None:
        """Forget all numbers: a rollback or a trim may have taken their rows."""
        self._layouts.clear()
        self._digests.clear()

    def write(self, backlog: Backlog) -> None:
        """Write all that waits; the transaction is the caller's.

        A moment's number that is taken already is refused (IntegrityError): to write
        over another moment would be to lose it without a word. An outcome without its
        moment is left out: the moment was given up while the disk was full.
        """
        many = self._connection.executemany
        many(_SAMPLE, self._sample_rows(backlog))
        many(rollups.INSERT, self._rollup_rows(backlog))
        many(_MOMENT, map(rows.moment_row, backlog.moments()))
        many(_PREDICTION, self._prediction_rows(backlog))
        many(
            _OUTCOME,
            (rows.outcome_row(outcome, moment=n) for n, outcome in backlog.outcomes()),
        )
        many(
            _CORRECTION,
            (
                rows.outcome_row(outcome, moment=n)
                for n, outcome in backlog.corrections.items()
            ),
        )
        many(
            _CARD,
            (
                (key.day.isoformat(), key.task, key.digest, key.role.value, text)
                for key, card in backlog.cards.items()
                for text in [rows.card_text(card)]
            ),
        )
        many(_MEMORY, backlog.memories.items())
        many(_EVIDENCE, map(rows.evidence_row, backlog.evidence()))
        many(statements.EVENT, map(rows.event_row, backlog.events()))
        many(_ANSWER, ((rows.text(each), each.request) for each in backlog.answers))

    def _sample_rows(self, backlog: Backlog) -> Iterator[rows.Row]:
        for sample in backlog.samples():
            yield rows.sample_row(sample, layout=self._layout(sample.layout))

    def _rollup_rows(self, backlog: Backlog) -> Iterator[rows.Row]:
        for rollup in backlog.rollups():
            yield rollups.row(rollup, layout=self._layout(rollup.layout))

    def _layout(self, layout: tuple[str, ...]) -> int:
        number = self._layouts.get(layout)
        if number is None:
            number = self._number(_LAYOUT, rows.layout_text(layout))
            self._layouts[layout] = number
        return number

    def _prediction_rows(self, backlog: Backlog) -> Iterator[rows.Row]:
        for moment in backlog.moments():
            for prediction in moment.predictions:
                number = self._digests.get(prediction.digest)
                if number is None:
                    number = self._number(_DIGEST, prediction.digest)
                    self._digests[prediction.digest] = number
                yield rows.prediction_row(prediction, moment=moment.id, digest=number)

    def _number(self, statements: tuple[str, str], text: str) -> int:
        insert, select = statements
        self._connection.execute(insert, (text,))
        number: int = self._connection.execute(select, (text,)).fetchone()[0]
        return number


_LAYOUT = (
    "insert into layouts (series) values (?) on conflict (series) do nothing",
    "select id from layouts where series = ?",
)
_DIGEST = (
    "insert into digests (digest) values (?) on conflict (digest) do nothing",
    "select id from digests where digest = ?",
)
# A clock that went back, or a trace replayed twice, may bring the same instant again.
_SAMPLE = (
    "insert into samples (at, layout, row) values (?, ?, ?)"
    " on conflict (at) do update set layout = excluded.layout, row = excluded.row"
)
_MOMENT = "insert into moments values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PREDICTION = "insert into predictions values (?, ?, ?, ?, ?, ?)"
_FOUND = (
    "insert into outcomes select ?1, ?2, ?3, ?4, ?5, ?6"
    " where exists (select 1 from moments where id = ?1)"
)
# The first outcome stands: it is what the scorecards counted. Only an operator knows
# better, and then they count it anew.
_OUTCOME = f"{_FOUND} on conflict (moment) do nothing"
_CORRECTION = (
    f"{_FOUND} on conflict (moment) do update set kind = excluded.kind,"
    " resolved_at = excluded.resolved_at, value = excluded.value,"
    " happened_at = excluded.happened_at, void = excluded.void"
)
_CARD = (
    "insert into scorecards (day, task, digest, role, card) values (?, ?, ?, ?, ?)"
    " on conflict (day, task, digest, role) do update set card = excluded.card"
)
_MEMORY = (
    "insert into memories (task, record) values (?, ?)"
    " on conflict (task) do update set record = excluded.record"
)
_EVIDENCE = "insert into evidence (at, task, document) values (?, ?, ?)"
_ANSWER = "update requests set answer = ? where id = ? and answer is null"
