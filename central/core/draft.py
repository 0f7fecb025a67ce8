"""A manifest as its author wrote it, completed and written down for signing."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec

from agent.core.manifest import Golden
from agent.errors import ManifestError

# What a file shows of itself; its author need not write it.
_SHOWN: Final = ("sha256", "length", "opset", "ir")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What a model's file shows of itself.

    Attributes:
        sha256: Of its bytes.
        length: Bytes.
        opset: Of the default ONNX domain; None if it cannot be read.
        ir: ONNX file format version; None if it cannot be read.
    """

    sha256: str
    length: int
    opset: int | None
    ir: int | None


class Standing(StrEnum):
    """What the agent says of a model, in its own words."""

    QUALIFIED = "qualified"
    REFUSED = "refused"
    UNTRIED = "untried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What came of looking at a model as an agent does.

    Attributes:
        standing: `untried` where something else than the model stood in the way.
        reasons: Why it is not qualified.
        facts: None where the file was not read.
        latency_ms: Median processor time of one scoring; None where it never scored.
        memory_mb: What loading and scoring added to the resident memory.
    """

    standing: Standing
    reasons: tuple[str, ...] = ()
    facts: ModelFacts | None = None
    latency_ms: float | None = None
    memory_mb: float | None = None


class Draft:
    """The content of a manifest, not yet understood; `document` is what is signed."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = content

    @property
    def has_model(self) -> bool:
        """Whether the author speaks of a model; else it is a survey."""
        return "model" in self._content

    def with_model(self, facts: ModelFacts) -> "Draft":
        """Return the draft with what the file shows filled in.

        Raises:
            ManifestError: The author says something else, or what nobody can say.
        """
        table = self._content.get("model", {})
        if not isinstance(table, dict):
            raise ManifestError(f"manifest: model: expected an object, got {table!r}")
        shown = {key: getattr(facts, key) for key in _SHOWN}
        for key, value in shown.items():
            said = table.get(key, value)
            if said is None:
                raise ManifestError(f"manifest: model.{key}: the file does not show it")
            if value is not None and said != value:
                raise ManifestError(
                    f"manifest: model.{key}: expected {value}, as the file shows, "
                    f"got {said}"
                )
        found = {key: value for key, value in shown.items() if value is not None}
        return Draft({**self._content, "model": {**table, **found}})

    def with_golden(self, vectors: tuple[Golden, ...]) -> "Draft":
        """Return the draft with golden vectors in place of those it had."""
        return Draft({**self._content, "golden": msgspec.to_builtins(vectors)})

    def document(self) -> bytes:
        """Return the JSON that is signed: one line, keys sorted, the same for ever.

        Whatever order, space and spelling the author chose, the same content is the
        same bytes, and so has the same digest.
        """
        text = json.dumps(
            self._content, sort_keys=True, separators=(",", ":"), allow_nan=False
        )
        return f"{text}\n".encode()


def parse_draft(document: bytes) -> Draft:
    """Return the draft that a JSON document holds.

    Raises:
        ManifestError: It is no JSON object, or says something twice.
    """
    try:
        content = json.loads(
            document,
            object_pairs_hook=_once,
            parse_constant=_finite,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"manifest: {error}") from error
    if not isinstance(content, dict):
        raise ManifestError(
            f"manifest: expected a JSON object, got {type(content).__name__}"
        )
    return Draft(content)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; a key that stands twice would be read by each in its way."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f'the key "{twice}" stands twice')
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"expected a finite number, got {text}")
    return number
