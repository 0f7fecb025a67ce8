"""What explains a prediction: its releases asked again, and what moved their answer."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import count, takewhile
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from agent.adapters.runtime import OnnxModels
from agent.adapters.store.archive import Archive
from agent.core.attribution import drivers, substituted, usual_values
from agent.core.event import EventName
from agent.core.manifest import Manifest, parse_manifest
from agent.core.moment import BASELINE, Moment, Prediction, Role
from agent.core.recalibration import Calibration
from agent.core.release import Release, ReleaseState
from agent.core.target import EventTarget
from agent.errors import ForewarnError, ManifestError, ModelError, TamperedError
from agent.ports import Model
from agent.wiring.places import models_folder

Vector = npt.NDArray[np.float32]
_USUAL_OF: Final = 200
_ORDER: Final = tuple(Role)


class Rerun(StrEnum):
    """What came of asking a release again."""

    SAME = "same"  # to the last bit
    DIFFERS = "differs"  # another answer, or none
    TAMPERED = "tampered"  # its file is not the one that was signed
    NOT_RUN = "not_run"


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What was said at a moment, and what is said now to the same features.

    Attributes:
        recorded: The scores as they were kept.
        now: The scores of today; None: there are none.
        calibration: What this host made of the model's own answer; None: nothing.
        verdict: How the two compare.
        reason: Why they differ, or why it was not asked.
    """

    role: Role
    version: int | None
    digest: str
    recorded: tuple[float, ...]
    verdict: Rerun
    calibration: Calibration | None
    now: tuple[float, ...] | None = None
    reason: str | None = None


class Driven(msgspec.Struct, frozen=True, kw_only=True):
    """What one feature did to a score; as `attribution.Driver` tells."""

    feature: str
    value: float
    usual: float
    effect: float


class Drivers(msgspec.Struct, frozen=True, kw_only=True):
    """What moved a release's score.

    Attributes:
        unit: Of the effects.
        usual_of: From how many of the newest moments the usual values are; a feature
            that too few of them knew is told by the release's training.
        features: The strongest first.
    """

    role: Role
    version: int
    unit: str
    usual_of: int
    features: list[Driven]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a prediction is what it is.

    Attributes:
        manifest: Of the release that it is told by; None: only the baseline spoke.
        digest: That release.
        answers: One a prediction: active, standby, shadow, baseline.
        drivers: Of the first of them that could be asked again; None: none could.
    """

    manifest: Manifest | None
    digest: str | None
    answers: list[Answered]
    drivers: Drivers | None


class _NotRunError(Exception):
    """A release is not asked again; says why."""


class _Asker:
    """Asks the releases of one moment again, exactly as they were asked then."""

    def __init__(self, archive: Archive, moment: Moment, *, state_dir: Path) -> None:
        self._archive = archive
        self._moment = moment
        self._folder = models_folder(state_dir)
        self._states = {each.digest: each.state for each in archive.releases()}
        crashes = archive.history(names={EventName.RELEASE_CRASHED})
        self._deadly = {each.fields.get("digest") for each in crashes}
        self.models: dict[str, tuple[Manifest, Model]] = {}

    def answered(self, said: Prediction) -> Answered:
        """Return what a release says now."""
        manifest = self.manifest(said.digest)
        answered = Answered(
            role=said.role,
            version=manifest.version if manifest else None,
            digest=said.digest,
            recorded=said.values,
            calibration=said.calibration,
            verdict=Rerun.NOT_RUN,
        )
        try:
            own = self._scores(said.digest)
        except (_NotRunError, ForewarnError) as error:
            return msgspec.structs.replace(
                answered, verdict=_verdict_on(error), reason=str(error)
            )
        now, why = said.made_of(own), _another(said, own)
        is_same = why is None and now == said.values
        verdict = Rerun.SAME if is_same else Rerun.DIFFERS
        return msgspec.structs.replace(answered, now=now, verdict=verdict, reason=why)

    def manifest(self, digest: str) -> Manifest | None:
        """Return what was signed about a release; None: this program cannot read it."""
        if digest not in self._states:
            return None
        try:
            return parse_manifest(self._archive.manifest_of(digest))
        except ManifestError:
            return None

    def _scores(self, digest: str) -> tuple[float, ...]:
        _, model = self._load(digest)
        # In one batch with the other entities, as then: a sum may be rounded otherwise
        # in another one.
        together = [m for m in self._together() if _said(m, digest)]
        scores = model.score(np.stack([given(m, digest) for m in together]))
        place = [m.id for m in together].index(self._moment.id)
        return tuple(scores[place].tolist())

    def _load(self, digest: str) -> tuple[Manifest, Model]:
        if digest == BASELINE:
            raise _NotRunError("it has learnt since")
        state = self._states.get(digest)
        if state is None:
            raise _NotRunError("no such release here")
        if state is ReleaseState.WITHDRAWN:
            raise _NotRunError("it was withdrawn")
        if digest[:12] in self._deadly:
            raise _NotRunError("a daemon died of it")
        document = self._archive.manifest_of(digest)
        if (got := hashlib.sha256(document).hexdigest()) != digest:
            raise TamperedError(
                f"its manifest: expected sha256 {digest[:12]}, got {got[:12]}"
            )
        manifest = parse_manifest(document)
        pinned = manifest.model
        if pinned and not (self._folder / f"{pinned.sha256}.onnx").exists():
            raise _NotRunError(f"its model is no longer kept, it is {state}")
        release = Release(digest=digest, manifest=manifest, state=state)
        model = OnnxModels(self._folder).load(release)
        self.models[digest] = (manifest, model)
        return manifest, model

    def _together(self) -> list[Moment]:
        """Return the moments of this task and instant, in the order of their scoring.

        They are numbered one by one.
        """
        before = self._alike(count(self._moment.id - 1, -1))
        return [*reversed(list(before)), *self._alike(count(self._moment.id))]

    def _alike(self, numbers: Iterable[int]) -> Iterator[Moment]:
        found = takewhile(
            lambda row: row is not None, map(self._archive.moment, numbers)
        )
        mine = (self._moment.task, self._moment.at)
        moments = (row[0] for row in found if row is not None)
        return takewhile(lambda m: (m.task, m.at) == mine, moments)


def explanation(archive: Archive, moment: Moment, *, state_dir: Path) -> Explanation:
    """Return why a prediction is what it is; nothing is written.

    Args:
        archive: The ledger.
        moment: The prediction.
        state_dir: Where the models are.
    """
    asker = _Asker(archive, moment, state_dir=state_dir)
    said = sorted(moment.predictions, key=lambda each: _ORDER.index(each.role))
    releases = [each.digest for each in said if each.digest != BASELINE]
    defined = archive.definition(moment.task)
    digest = next(iter(releases), defined)
    answers = [asker.answered(each) for each in said]
    asked = [each for each in answers if each.now is not None]
    return Explanation(
        manifest=None if digest is None else asker.manifest(digest),
        digest=digest,
        answers=answers,
        drivers=_drivers(archive, moment, asked[0], asker.models) if asked else None,
    )


def given(moment: Moment, digest: str) -> Vector:
    """Return the features that a release was given at a moment."""
    own = _said(moment, digest)
    return moment.features if own is None or own.features is None else own.features


def _drivers(
    archive: Archive,
    moment: Moment,
    answered: Answered,
    models: Mapping[str, tuple[Manifest, Model]],
) -> Drivers:
    """Return what moved a release's score, against what is usual on this host."""
    digest = answered.digest
    manifest, model = models[digest]
    features = given(moment, digest)
    lately = archive.moments(task=moment.task, entity=moment.entity, limit=_USUAL_OF)
    # Only what this very release was given means the same as what it was given then.
    known = [given(m, digest) for m, _ in lately if _said(m, digest)]
    usual = usual_values(
        np.array(known, dtype=np.float32).reshape(-1, len(features)),
        reference=manifest.reference.quantiles if manifest.reference else (),
    )
    is_event = isinstance(manifest.target, EventTarget)
    own = model.score(substituted(features, usual=usual))[:, _column(manifest)]
    made = answered.calibration
    found = drivers(
        features,
        usual=usual,
        scores=own if made is None else np.array([made.of(p).answer for p in own]),
        is_probability=is_event,
    )
    return Drivers(
        role=answered.role,
        version=manifest.version,
        unit="log-odds" if is_event else "the predicted value",
        usual_of=len(known),
        features=[
            Driven(
                feature=manifest.features[each.place].text,
                value=each.value,
                usual=each.usual,
                effect=each.effect,
            )
            for each in found
        ],
    )


def _column(manifest: Manifest) -> int:
    """Return which of the scores is explained: the quantile nearest to the median."""
    target = manifest.target
    if isinstance(target, EventTarget):
        return 0
    levels = target.quantiles
    return min(range(len(levels)), key=lambda place: abs(levels[place] - 0.5))


def _said(moment: Moment, digest: str) -> Prediction | None:
    return next((each for each in moment.predictions if each.digest == digest), None)


def _another(said: Prediction, own: tuple[float, ...]) -> str | None:
    """Return which answer of the model itself, not of this host, is another one."""
    if said.calibration is None or own == said.said:
        return None
    return f"the model itself said {list(said.said)} then, {list(own)} now"


def _verdict_on(error: Exception) -> Rerun:
    """Return what it means that a release gave no answer."""
    if isinstance(error, TamperedError):
        return Rerun.TAMPERED
    return Rerun.DIFFERS if isinstance(error, ModelError) else Rerun.NOT_RUN
