"""The courier as the commands start it: a child, whose last word is an answer."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent.errors import UnavailableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the courier said.

    Attributes:
        status: Its exit status.
        document: The one line that it printed, as JSON.
    """

    status: int
    document: dict[str, Any]

    @property
    def result(self) -> dict[str, Any] | None:
        """What came of the job; None: `document["error"]` says why nothing did."""
        return self.document.get("result")


def answer_of(command: Sequence[str]) -> Answer:
    """Return what the courier says once it is back.

    Raises:
        UnavailableError: It died; gives its own last words.
    """
    done = subprocess.run(  # noqa: S603 - our own program
        command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if not done.stdout:
        words = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise UnavailableError(
            f"the courier died with status {done.returncode}: {words}"
        )
    return Answer(status=done.returncode, document=json.loads(done.stdout))
