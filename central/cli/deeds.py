"""How an entry of the log is shown to people."""

import json
import re
from typing import Final

from central.cli.output import instant_text
from central.core.log import Entry

# What stands in words already, or is of no use without the other.
_LEFT_OUT: Final = frozenset({"from_since"})
_DIGEST: Final = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")


def line(entry: Entry) -> str:
    """Return an entry in one line: when, who, what, to what, and on what evidence."""
    subject = entry.subject
    about = " ".join(
        str(each) for each in (subject.task, subject.version) if each is not None
    )
    facts = " ".join(
        f"{key}={_shown(value)}"
        for key, value in entry.evidence.items()
        if key not in _LEFT_OUT and value not in (None, [], "")
    )
    parts = (
        str(entry.number),
        instant_text(entry.at),
        who(entry),
        str(entry.action),
        about,
        facts,
    )
    # As everywhere that people read; --json has it all.
    return _DIGEST.sub(r"\1", "  ".join(part for part in parts if part))


def who(entry: Entry) -> str:
    """Return who did it: the user, who became that, and whose keys signed."""
    actor = entry.actor
    name = (
        actor.user if actor.sudo_user is None else f"{actor.sudo_user} as {actor.user}"
    )
    return f"{name} with {', '.join(actor.keys)}" if actor.keys else name


def _shown(value: object) -> str:
    """Return a fact in few words; what has parts of its own by how many it has."""
    match value:
        case dict():
            return f"({len(value)})"
        case list() if any(isinstance(each, dict | list) for each in value):
            return f"({len(value)})"
        case float():
            return f"{value:.4g}"
        case str() if value.isprintable() and " " not in value:
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)
