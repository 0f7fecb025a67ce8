"""Everything that can go wrong, sorted by who must act.

    ForewarnError
    +-- ConfigError            the operator: a file or option says what cannot be
    |   +-- NotEnrolledError   the operator: no central and no release yet
    +-- StateError             the operator: disk, rights, a damaged state folder
    +-- TraceError             whoever recorded the trace
    +-- TrustError             the publisher: what was signed is not what came
    |   +-- TamperedError      the operator: a file was changed after it was verified
    |   +-- ManifestError      the publisher: the manifest cannot be understood
    |   |   +-- ExpressionError
    |   +-- ModelError         the publisher: the model does not do what it says
    |       +-- AnswerError    the publisher: it answered what cannot be
    +-- ReportError            whoever sent it: a report cannot be understood
    |   +-- ConflictError      whoever sent it: its number is another report's
    +-- UnavailableError       nobody, wait: central or a lock is not to be had now
    +-- DemoError              whoever runs it: this host is no place for the demo
    +-- IllegalTransitionError us

`exit_status` is what a command ends with, as in docs/reference/commands.md.
"""

from typing import ClassVar


class ForewarnError(Exception):
    """The root: whatever this program raises on purpose."""

    exit_status: ClassVar[int] = 1


class ConfigError(ForewarnError):
    """The configuration says what cannot be; the operator must act."""

    exit_status = 78


class NotEnrolledError(ConfigError):
    """This host has neither a central nor a release; the operator must enrol it."""

    exit_status = 4


class StateError(ForewarnError):
    """The state folder cannot be used: rights, space or damage; the operator acts."""


class TraceError(ForewarnError):
    """A recorded trace cannot be read as one; whoever recorded it must act."""


class TrustError(ForewarnError):
    """What was signed is not what came; the publisher must act."""


class TamperedError(TrustError):
    """A file on this host was changed after it was verified; the operator must act."""


class ManifestError(TrustError):
    """A manifest cannot be understood; the publisher must act."""


class ExpressionError(ManifestError):
    """An expression cannot be parsed or computed; names the column."""


class ModelError(TrustError):
    """A model raised, or answered what its manifest rules out."""


class AnswerError(ModelError):
    """A model answered what its manifest rules out: a number, a shape or a type."""


class ReportError(ForewarnError):
    """A report cannot be understood, or not be taken; whoever sent it must act."""


class ConflictError(ReportError):
    """A report bears the number of another one; its host must number it anew.

    Attributes:
        received_through: Highest number that is stored of this host.
    """

    def __init__(self, words: str, *, received_through: int) -> None:
        super().__init__(words)
        self.received_through = received_through


class UnavailableError(ForewarnError):
    """Something is not to be had right now; trying again is enough."""

    exit_status = 75


class DemoError(ForewarnError):
    """A step of the demo did not come to what it is to show; says which, and why."""


class IllegalTransitionError(ForewarnError):
    """A release was asked to live a life that the table does not know; our bug."""
