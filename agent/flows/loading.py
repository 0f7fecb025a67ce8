"""Loading: a model gets to work only if somebody vouches for its release right now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from agent.core.release import Release
from agent.errors import (
    ForewarnError,
    ModelError,
    StateError,
    TamperedError,
    UnavailableError,
)
from agent.ports import Model, Models, Voucher

_ASK_AGAIN: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What came of loading.

    Attributes:
        models: By digest; a survey has none.
        faults: Why there is none, by digest.
        broken: Of those, whose own fault it is.
    """

    models: Mapping[str, Model]
    faults: Mapping[str, str]
    broken: frozenset[str]


class Loading:
    """Loads what is new; a model once loaded stays as long as it is wanted."""

    def __init__(self, *, models: Models, voucher: Voucher) -> None:
        self._models = models
        self._voucher = voucher
        self._loaded: dict[str, Model] = {}
        self._asked_in_vain: tuple[datetime, str] | None = None
        self._tampered: dict[str, str] = {}
        self._broken: set[str] = set()

    def is_due(self, now: datetime) -> bool:
        """Return whether releases wait to be vouched for, and it is time to ask."""
        return self._asked_in_vain is not None and self._unanswered(now) is None

    def load(self, releases: Iterable[Release], *, now: datetime) -> Loaded:
        """Return the models of these releases; those of all others are let go."""
        wanted = {r.digest: r for r in releases if r.manifest.model is not None}
        self._loaded = {d: m for d, m in self._loaded.items() if d in wanted}
        new = [r for digest, r in wanted.items() if digest not in self._loaded]
        faults = dict(self._doubts(new, now))
        self._broken.clear()
        for release in new:
            if release.digest not in faults and (fault := self._fault(release)):
                faults[release.digest] = fault
        broken = frozenset(self._broken)
        return Loaded(models=self._loaded, faults=faults, broken=broken)

    def _doubts(self, releases: Sequence[Release], now: datetime) -> Mapping[str, str]:
        digests = [release.digest for release in releases]
        if not digests:
            self._asked_in_vain = None
            return {}
        reason = self._unanswered(now)
        if reason is None:
            try:
                doubts = self._voucher.doubts(digests)
            except UnavailableError as error:
                reason = f"nobody could vouch for it, asked again in a minute: {error}"
                self._asked_in_vain = now, reason
            else:
                self._asked_in_vain = None
                return doubts
        return dict.fromkeys(digests, reason)

    def _unanswered(self, now: datetime) -> str | None:
        """Return what was said when nobody answered less than a minute ago."""
        if self._asked_in_vain is None:
            return None
        asked_at, reason = self._asked_in_vain
        # Asked later than now: the clock went back.
        return reason if timedelta() <= now - asked_at < _ASK_AGAIN else None

    def _fault(self, release: Release) -> str | None:
        """Load a model that somebody vouched for; return why that cannot be."""
        try:
            self._loaded[release.digest] = self._models.load(release)
        except TamperedError as error:
            reason = f"{error}; {self._set_aside(release)}"
            # Afterwards the file is gone: what it was found to be tells more.
            return self._tampered.setdefault(release.digest, reason)
        except ModelError as error:
            self._broken.add(release.digest)
            return str(error)
        except ForewarnError as error:
            return str(error)
        self._tampered.pop(release.digest, None)
        return None

    def _set_aside(self, release: Release) -> str:
        try:
            self._models.set_aside(release)
        except StateError as error:
            return f"it cannot be set aside: {error}"
        return "what was there is now in models/aside, the next update fetches it again"
