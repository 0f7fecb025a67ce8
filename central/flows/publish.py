"""Publish: a manifest is completed, its model tried, and both are signed for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent import __version__
from agent.core.manifest import Golden, Manifest, parse_manifest
from agent.core.metrics import CATALOGUE
from agent.core.pointer import manifest_path, model_path
from agent.core.qualify import HostFacts, shortcomings
from agent.errors import ManifestError, ModelError, UnavailableError
from central.core.draft import Draft, Judgement, ModelFacts, Standing
from central.core.golden import golden_inputs, golden_vectors, unanswered
from central.core.roles import Waiting
from central.core.shelf import check_is_newer, check_task, issues, release_role
from central.ports import Desk, Qualifier, Scorer

_ANY_HOST: Final = HostFacts(
    agent=__version__, metrics=frozenset(metric.name for metric in CATALOGUE)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A release that an agent would take, complete but for its signatures.

    Attributes:
        manifest: As understood.
        document: The manifest's bytes, which are signed.
        model: Its file; None for a survey.
        golden_made: How many golden vectors were made, as none were given.
        judgement: What a trial came to; None for a survey.
    """

    manifest: Manifest
    document: bytes
    model: Path | None = None
    golden_made: int = 0
    judgement: Judgement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """A release that no agent would take, and every reason for it."""

    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What came of publishing.

    Attributes:
        digest: SHA-256 of the manifest, which names the release.
        model: SHA-256 of the model; None for a survey.
        golden_made: How many golden vectors were made, as none were given.
        latency_ms: Median processor time of one scoring in the trial.
        memory_mb: What loading and scoring added to the resident memory.
        waiting: Roles that still lack signatures; empty: the release is published.
    """

    task: str
    version: int
    digest: str
    model: str | None
    golden_made: int
    latency_ms: float | None
    memory_mb: float | None
    waiting: tuple[Waiting, ...]


def prepare(
    draft: Draft, *, model: Path | None, qualifier: Qualifier, scorer: Scorer
) -> Ready | Unfit:
    """Return the release that a draft and a model make, tried as an agent tries it.

    The model is read before anything is asked of it, and runs in children only.

    Raises:
        ManifestError: The draft cannot be understood, or contradicts the model.
        UnavailableError: The model could not be tried; nothing is known against it.
    """
    try:
        if model is None:
            return _survey(draft)
        return _release(draft, model=model, qualifier=qualifier, scorer=scorer)
    except _UnfitError as error:
        return Unfit(reasons=error.reasons)


def publish(desk: Desk, ready: Ready, *, bundle: bytes | None = None) -> Publication:
    """Sign for a release, with a provenance bundle if there is one.

    Raises:
        ConfigError: The repository does not know the task.
        TrustError: The version is not above every one that is signed for.
    """
    task, version = ready.manifest.task, ready.manifest.version
    check_task(task, known=desk.tasks())
    role = release_role(task)
    check_is_newer(
        version,
        than=issues(task, desk.targets(role)),
        task=task,
        is_pending=role in desk.pending(),
    )
    if ready.model is not None:
        desk.put(role, path=model_path(task, version), content=ready.model)
    if bundle is not None:
        desk.put(role, path=bundle_path(task, version), content=bundle)
    signed = desk.put(role, path=manifest_path(task, version), content=ready.document)
    pinned, judgement = ready.manifest.model, ready.judgement
    return Publication(
        task=task,
        version=version,
        digest=signed.sha256,
        model=pinned.sha256 if pinned else None,
        golden_made=ready.golden_made,
        latency_ms=judgement.latency_ms if judgement else None,
        memory_mb=judgement.memory_mb if judgement else None,
        waiting=desk.publish(),
    )


def bundle_path(task: str, version: int) -> str:
    """Return the target path of a model's provenance bundle."""
    return f"models/{task}/{version}/model.sig"


class _UnfitError(Exception):
    """No agent would take the release."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(*reasons)
        self.reasons = reasons


def _survey(draft: Draft) -> Ready:
    if draft.has_model:
        raise ManifestError("manifest: has a model, but its file was not given")
    document = draft.document()
    manifest = parse_manifest(document)
    if reasons := shortcomings(manifest, host=_ANY_HOST):
        raise _UnfitError(*reasons)
    return Ready(manifest=manifest, document=document)


def _release(
    draft: Draft, *, model: Path, qualifier: Qualifier, scorer: Scorer
) -> Ready:
    draft = draft.with_model(_facts(qualifier.judgement(model)))
    manifest = parse_manifest(draft.document())
    made: tuple[Golden, ...] = ()
    if not manifest.golden:
        made = _golden(manifest, model=model, scorer=scorer)
        draft = draft.with_golden(made)
    document = draft.document()
    return Ready(
        manifest=parse_manifest(document),
        document=document,
        model=model,
        golden_made=len(made),
        judgement=_passed(qualifier.judgement(model, manifest=document)),
    )


def _golden(manifest: Manifest, *, model: Path, scorer: Scorer) -> tuple[Golden, ...]:
    inputs = golden_inputs(manifest)
    try:
        scores = scorer.scores(model, manifest=manifest, inputs=inputs)
    except ModelError as error:
        raise _UnfitError(str(error)) from error
    if (reason := unanswered(inputs, scores)) is not None:
        raise _UnfitError(reason)
    return golden_vectors(inputs, scores, manifest=manifest)


def _facts(judgement: Judgement) -> ModelFacts:
    facts = _passed(judgement).facts
    if facts is None:
        raise UnavailableError("the agent said nothing of the model's file; try again")
    return facts


def _passed(judgement: Judgement) -> Judgement:
    """Return a judgement that has nothing against the model.

    Raises:
        _UnfitError: It has.
        UnavailableError: Something else stood in the way.
    """
    reasons = judgement.reasons
    match judgement.standing:
        case Standing.QUALIFIED:
            return judgement
        case Standing.REFUSED:
            raise _UnfitError(*reasons)
        case Standing.UNTRIED:
            raise UnavailableError(
                f"the model could not be tried: {'; '.join(reasons)}; try again"
            )
