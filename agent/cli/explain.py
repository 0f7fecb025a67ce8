"""`forewarn explain`: why a prediction is what it is."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Final

import click
import msgspec

from agent.cli.guard import SILENT, asks, evidence_text
from agent.cli.moments import document, outcome_text
from agent.cli.naming import NUMBER, check_moment, names_of
from agent.cli.options import config_option, json_option, state_dir_option
from agent.cli.output import cell_text, emit, instant_text, listing
from agent.cli.state import opened
from agent.cli.tasks import predicts
from agent.core.attribution import LEAST_KNOWN
from agent.core.event import EventName
from agent.core.evidence import Evidence
from agent.core.moment import BASELINE, Moment, Outcome, Role
from agent.core.recalibration import Calibration
from agent.core.trust import SignedRole
from agent.wiring.explaining import Answered, Drivers, Explanation, Rerun, explanation
from agent.wiring.reading import Archive

_DIFFERS_STATUS: Final = 3
_WIDTH: Final = 98
_POINTS: Final = 200
_OTHERWISE: Final = frozenset({Rerun.DIFFERS, Rerun.TAMPERED})


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """What a test of the guard had last come to before a prediction.

    Attributes:
        asks: The question in words.
        told: The evidence in words.
        evidence: Its figures.
    """

    asks: str
    told: str
    evidence: Evidence


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that `explain` says of a prediction.

    Attributes:
        voice: Who was acted upon, in words.
        why: Its releases asked again, and what moved them.
        guard: What the guard's tests had come to.
        chain: Who signed the release.
    """

    moment: Moment
    outcome: Outcome | None
    voice: str
    why: Explanation
    guard: list[Point]
    chain: tuple[SignedRole, ...]


@click.command("explain")
@click.argument("number", type=NUMBER, metavar="ID")
@config_option
@state_dir_option
@json_option
def explain(
    number: int, config_path: Path | None, state_dir: Path | None, as_json: bool
) -> int:
    """Show why prediction ID is what it is; `forewarn predictions` lists the numbers.

    Every release is asked again on the features that were kept, by the very file that
    was signed; nothing is written. "same" means to the last bit. Exit status 3 if an
    answer differs, or if the file is not the one that was signed.

    What drove a score: each feature in turn is put to its usual value here, and the
    effect is by how much the score was higher for it not being usual.

    Where this host calibrates a release, it says what the model itself said, and what
    the release's record here made of it.
    """
    with opened(config_path, state_dir) as (config, archive):
        found = _told(archive, number, state_dir=config.agent.state_dir)
        names = names_of(archive)
    emit(_document(found), as_json=as_json, text="\n\n".join(_parts(found, names)))
    is_otherwise = any(each.verdict in _OTHERWISE for each in found.why.answers)
    return _DIFFERS_STATUS if is_otherwise else 0


def _told(archive: Archive, number: int, *, state_dir: Path) -> Told:
    moment, outcome = check_moment(archive, number)
    why = explanation(archive, moment, state_dir=state_dir)
    names = names_of(archive)
    return Told(
        moment=moment,
        outcome=outcome,
        voice=_voice(archive, moment, names),
        why=why,
        guard=list(_points(archive, moment, names)),
        chain=() if why.digest is None else archive.chain_of(why.digest),
    )


def _voice(archive: Archive, moment: Moment, names: Mapping[str, str]) -> str:
    """Return who was acted upon at a moment."""
    active = moment.by(Role.ACTIVE)
    if active is None:
        return "the baseline: no active release predicted"
    name = names.get(active.digest, active.digest[:12])
    heard = archive.history(names={EventName.RELEASE_HEARD}, task=moment.task)
    about = (each for each in heard if each.at <= moment.at)
    if any(each.fields.get("digest") == active.digest[:12] for each in about):
        return f"{name}, the active release"
    return f"the baseline; {name} was silent: {SILENT}"


def _points(
    archive: Archive, moment: Moment, names: Mapping[str, str]
) -> Iterator[Point]:
    """Yield the last evidence before a moment on each question about who predicted."""
    spoke = {BASELINE, *(each.digest for each in moment.predictions)}
    newest: dict[object, Evidence] = {}
    for each in archive.evidence(task=moment.task, until=moment.at, limit=_POINTS):
        if {each.question.release, each.question.reference} <= spoke:
            newest.setdefault(each.question, each)
    for evidence in newest.values():
        yield Point(
            asks=asks(evidence.question, names),
            told=evidence_text(evidence, names),
            evidence=evidence,
        )


def _document(found: Told) -> dict[str, object]:
    """Return an explanation for a program."""
    manifest = found.why.manifest
    return {
        **document(found.moment, found.outcome),
        "origin": found.moment.origin,
        "title": manifest and manifest.title,
        "predicts": manifest and predicts(manifest),
        "voice": found.voice,
        "answers": found.why.answers,
        "drivers": found.why.drivers,
        "guard": found.guard,
        "chain": found.chain,
    }


def _parts(found: Told, names: Mapping[str, str]) -> Iterator[str]:
    """Yield an explanation for people, part by part."""
    yield _what(found)
    yield "\n".join(_answers(found.why.answers))
    yield "\n".join(_drivers(found.why.drivers, entity=found.moment.entity))
    yield "\n".join(_guard(found.guard))
    yield "\n".join(_chain(found, names))


def _what(found: Told) -> str:
    moment, manifest = found.moment, found.why.manifest
    title = manifest.title if manifest else "no release says what it is about"
    of = moment.entity
    limit = "" if moment.limit is None else f", limit {cell_text(moment.limit)}"
    facts = {
        "task": f"{moment.task}, {of}" if of else moment.task,
        "predicts": _filled(predicts(manifest) if manifest else "unknown", of),
        "at": f"{instant_text(moment.at)}, due {instant_text(moment.due_at)}",
        "was": f"{cell_text(moment.origin)}{limit}",
        "outcome": outcome_text(moment, found.outcome),
        "spoke": found.voice,
    }
    lines = [f"  {name:<9} {value}" for name, value in facts.items()]
    return "\n".join([f"prediction {moment.id}: {title}", *lines])


def _answers(answers: list[Answered]) -> Iterator[str]:
    rows = [
        (
            each.role,
            each.version,
            each.digest[:12],
            _scores(each.recorded),
            _now(each),
        )
        for each in answers
    ]
    yield listing(("role", "version", "release", "score", "asked again"), rows=rows)
    for each in answers:
        if each.calibration is not None:
            yield from _folded(f"{each.role}: {_made(each.calibration)}")
        if each.verdict in _OTHERWISE:
            words = (
                each.reason or f"{list(each.recorded)} then, {list(each.now or ())} now"
            )
            yield from _folded(f"! {each.role}: {words}")


def _made(calibration: Calibration) -> str:
    """Return what a host's record made of a model's own answer, in words."""
    outcomes = calibration.outcomes
    return (
        f"the model said {calibration.said:.6g}; this host's record "
        f"({outcomes:,} outcome{'s' * (outcomes != 1)}) made it "
        f"{calibration.answer:.6g}: log-odds times {calibration.a:g}, "
        f"{calibration.b:+g}"
    )


def _now(answered: Answered) -> str:
    if answered.verdict is Rerun.NOT_RUN:
        return f"not asked: {answered.reason}"
    if answered.verdict is Rerun.DIFFERS and answered.now is not None:
        return f"differs: {_scores(answered.now)}"
    return answered.verdict


def _scores(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.6g}" for value in values)


def _drivers(found: Drivers | None, *, entity: str) -> Iterator[str]:
    if found is None:
        yield "what drove it: unknown, no release could be asked again"
        return
    yield f"what drove version {found.version} ({found.role}), in {found.unit}:"
    rows = [
        (f"{d.effect:+.3g}", d.value, d.usual, _filled(d.feature, entity))
        for d in found.features
    ]
    table = listing(("effect", "value", "usual", "feature"), rows=rows)
    yield table or "nothing: no feature is known to be other than usual"
    yield from _folded(
        f"usual: the median {_usual_of(found.usual_of)}. Effects of features that move "
        "together do not add up."
    )


def _usual_of(known: int) -> str:
    if known >= LEAST_KNOWN:
        return f"of the newest {known} moments of this entity"
    return f"in the release's training, as only {known} moments of this entity are kept"


def _guard(points: list[Point]) -> Iterator[str]:
    if not points:
        yield "the guard had no evidence yet"
        return
    yield "what the guard had come to:"
    for each in points:
        yield f"  {each.asks} {'yes' if each.evidence.is_shown else 'not shown'}"
        yield from _folded(each.told, indent="    ")


def _chain(found: Told, names: Mapping[str, str]) -> Iterator[str]:
    name = names.get(found.why.digest or "", "the release")
    if not found.chain:
        yield f"who signed {name}: not noted"
        return
    yield f"who signed {name}, as it was taken in:"
    rows = [
        (
            role.name,
            role.version,
            f"{len(role.signed_by)} of {role.threshold}",
            role.expires,
        )
        for role in found.chain
    ]
    yield listing(("role", "version", "signed", "expires"), rows=rows)


def _filled(text: str, entity: str) -> str:
    """Return a text that speaks of this entity, not of each."""
    return text.replace("$entity", entity)


def _folded(words: str, *, indent: str = "  ") -> list[str]:
    return wrap(words, _WIDTH, initial_indent=indent, subsequent_indent=indent)
