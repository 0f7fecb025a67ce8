"""What the card of a survey tells beside its figures: its origin, and what it lacks."""

from typing import Final

from central.core.surveys import Survey

_SERVERS: Final = (
    "Learnt from 11 servers of a large Internet company, 33 days at one sample a "
    "minute: the Server Machine Dataset (Y. Su et al., KDD 2019; MIT licence). None of "
    "its samples is in this folder."
)
_MACHINES: Final = (
    "Learnt from 60 virtual machines of a public cloud, 28 days with the average and "
    "the highest reading of every 5 minutes: the Azure VM trace V1 (Microsoft, "
    "CC-BY-4.0; E. Cortez et al., SOSP 2017). None of its samples is in this folder."
)
_OF_FOLDER: Final = {"smd": _SERVERS, "azure": _MACHINES}
_RELATIVE: Final = (
    (
        "The limit is this host's own: what the last 2 days stayed below for 99 % of "
        "the time. It says that something is *unusual here*, not that it is dangerous, "
        "and what is usual grows with what happens. Before 1.6 days of samples are "
        "there it says nothing; what it knows of a week it knows after 5.6 days."
    ),
    (
        "The hosts were recorded once a minute, and a live host is sampled every 10 s. "
        "Averages and shares mean the same on both; a maximum of 10-second samples is "
        "somewhat higher, and a limit must be exceeded by six of them in a row. Each "
        "host puts the level right by its own outcomes."
    ),
)
_HEARS: Final = (
    (
        "Moments of the other tasks of this kind taught it, too, at a tenth of the "
        "weight: eleven hosts are few, and what runs up to a limit looks alike in most "
        "series."
    ),
)
_PEAKS: Final = (
    (
        "The average and the highest reading of 5 minutes were two columns there; on a "
        "live host both are read from the same samples. How often those readings were "
        "taken is not known: on a host sampled every 10 s a peak may be rarer or more "
        "frequent. What a host says is not put right by its own outcomes: that would "
        "gain on the mean of hosts, but cost one of them more than it may."
    ),
    (
        "There a moment counted only if no reading of the last 5 minutes was at 90 %; "
        "a live host is asked as soon as the newest sample is below."
    ),
)
_LIMITS: Final = (
    "A sudden jump without a rhythm is missed: nothing in the past tells of it.",
    (
        "It knows nothing of incidents: it says that a limit will be crossed, not that "
        "anybody will suffer."
    ),
)


def notes(survey: Survey) -> tuple[str, ...]:
    """Return what the card says first, for people."""
    return (
        _OF_FOLDER[survey.folder],
        *(_RELATIVE if survey.is_relative else _PEAKS),
        *(_HEARS if survey.hears else ()),
        *_LIMITS,
    )


def split(survey: Survey) -> str:
    """Return how it was tested, in words."""
    held = "twins kept together" if survey.is_relative else "six folds"
    return (
        "Tested on the last 30 % of the time of hosts that the judging model never "
        f"saw, {held}; it learnt from the first 60 % of the others' time."
    )
