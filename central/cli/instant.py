"""An instant on the command line."""

from datetime import UTC, datetime

import click


class Instant(click.ParamType[datetime]):
    """ISO 8601; UTC unless it says otherwise."""

    name = "instant"

    def convert(
        self,
        value: str | datetime,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> datetime:
        """Return the instant, in UTC."""
        if isinstance(value, datetime):
            return value
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f'expected such as "2026-11-24T06:00:00Z", got "{value}"')
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
