"""The filters that the listings of the ledger share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any

import click

from agent.core.quantity import duration_s
from agent.wiring.scoring import clock

_LIMIT = 50
_MOST = 1_000_000


class Since(click.ParamType[datetime]):
    """An instant in ISO 8601, or how long ago: `30m`, `2h`, `7d`."""

    name = "since"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the instant that the text means; aware, UTC."""
        text = str(value)
        at = _ago(text) or _instant(text)
        if at is None:
            self.fail(
                "expected an instant such as 2024-05-01T12:00 or a duration such as "
                f'2h, got "{text}"'
            )
        return at


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which moments are listed, the newest first."""

    task: str | None
    entity: str | None
    since: datetime | None
    limit: int

    @property
    def is_any(self) -> bool:
        """Whether anything is left out but what is over the limit."""
        return any((self.task, self.entity, self.since))


def filtered(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--task --entity --since --limit`, as one argument `filters`."""

    @wraps(command)
    def with_filters(
        task: str | None,
        entity: str | None,
        since: datetime | None,
        limit: int,
        **others: object,
    ) -> object:
        filters = Filters(task=task, entity=entity, since=since, limit=limit)
        return command(filters=filters, **others)

    options = (
        click.option("--task", metavar="TASK", help="Only this task."),
        click.option(
            "--entity", metavar="NAME", help="Only this entity, such as /var."
        ),
        click.option(
            "--since",
            type=Since(),
            metavar="WHEN",
            help="From then on: 2h ago as 2h, or an instant, UTC if it names no zone.",
        ),
        click.option(
            "--limit",
            type=click.IntRange(min=1, max=_MOST),
            default=_LIMIT,
            show_default=True,
            help="At most so many, the newest.",
        ),
    )
    for option in reversed(options):
        with_filters = option(with_filters)
    return with_filters


def _ago(text: str) -> datetime | None:
    """Return the instant so long ago; the oldest there is for what is longer."""
    try:
        return clock().now() - timedelta(seconds=duration_s(text))
    except ValueError:
        return None
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
