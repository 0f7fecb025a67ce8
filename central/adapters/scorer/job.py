"""What the scorer asks its child, and what that answers."""

import msgspec


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked.

    Attributes:
        input: Name of the model's input.
        output: Name of its output.
        rows: Features; None is a gap.
        answers: How many numbers are expected a row.
        is_event: Whether they are probabilities, so that two classes may come instead.
        memory_mb: What the model may take.
    """

    input: str
    output: str
    rows: tuple[tuple[float | None, ...], ...]
    answers: int
    is_event: bool
    memory_mb: float


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        scores: A row an input; None where it is no finite number.
        error: Why there are none.
    """

    scores: tuple[tuple[float | None, ...], ...] = ()
    error: str | None = None
