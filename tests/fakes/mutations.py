"""Models that are almost fair: one to four changes, by bytes or by what they mean."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import AttributeProto, ModelProto, NodeProto

from agent.core.scan import OPERATORS

Chance = np.random.Generator

_EXTREMES: Final = (0, 1, -1, 2, 3, 7, 255, -(2**31), 2**31 - 1, 2**40, 2**63 - 1)
_FLOATS: Final = (0.0, -1.0, 1e-45, 3e38, float("nan"), float("inf"), -float("inf"))
_TEXTS: Final = (b"", b"NONE", b"SOFTMAX", b"LEAF", b"BRANCH_EQ", b"RBF", b"\xff\0")
_SHARE_BY_BYTES: Final = 0.25
_SHARE_SPLICED: Final = 0.05
_MOST_CHANGES: Final = 4
_LONGEST_PIECE: Final = 40


def mutant(chance: Chance, documents: Sequence[bytes]) -> bytes:
    """Return one of the models with some changes, which may undo what it means."""
    document, kind = _any(chance, documents), chance.random()
    for _ in range(chance.integers(1, _MOST_CHANGES + 1)):
        if kind < _SHARE_BY_BYTES:
            document = _any(chance, _BY_BYTES)(chance, document)
        else:
            document = _edited(chance, document, _any(chance, documents))
    if kind < _SHARE_SPLICED:
        document = _spliced(chance, document, _any(chance, documents))
    return document


def _flipped(chance: Chance, document: bytes) -> bytes:
    changed = bytearray(document)
    for place in chance.integers(0, len(document), size=chance.integers(1, 4)):
        changed[place] ^= 1 << int(chance.integers(8))
    return bytes(changed)


def _without(chance: Chance, document: bytes) -> bytes:
    start, end = _piece(chance, document)
    return document[:start] + document[end:] or document


def _with_noise(chance: Chance, document: bytes) -> bytes:
    start, end = _piece(chance, document)
    return document[:start] + chance.bytes(end - start) + document[start:]


def _repeated(chance: Chance, document: bytes) -> bytes:
    start, end = _piece(chance, document)
    return document[:end] + document[start:]


def _spliced(chance: Chance, document: bytes, other: bytes) -> bytes:
    start, end = _piece(chance, other)
    place = int(chance.integers(len(document)))
    return document[:place] + other[start:end] + document[place:]


def _piece(chance: Chance, document: bytes) -> tuple[int, int]:
    start = int(chance.integers(len(document)))
    length = int(chance.integers(1, _LONGEST_PIECE))
    return start, min(start + length, len(document))


def _edited(chance: Chance, document: bytes, other: bytes) -> bytes:
    """Return a model after a change of what it means, if it means anything."""
    proto, source = ModelProto(), onnx.load_model_from_string(other)
    try:
        proto.ParseFromString(document)
        _any(chance, _BY_MEANING)(chance, proto, source)
        return bytes(proto.SerializeToString()) or document
    except (DecodeError, IndexError, ValueError, TypeError):
        return document


def _change_attribute(chance: Chance, proto: ModelProto, _: ModelProto) -> None:
    attribute = _any(chance, _any(chance, proto.graph.node).attribute)
    place = chance.random()
    for numbers, values in (
        (attribute.ints, _EXTREMES),
        (attribute.floats, _FLOATS),
        (attribute.strings, _TEXTS),
    ):
        if len(numbers):
            numbers[int(place * len(numbers))] = _any(chance, values)
    if attribute.type == AttributeProto.INT:
        attribute.i = _any(chance, _EXTREMES)
    elif attribute.type == AttributeProto.FLOAT:
        attribute.f = _any(chance, _FLOATS)
    elif attribute.type == AttributeProto.STRING:
        attribute.s = _any(chance, _TEXTS)


def _change_length(chance: Chance, proto: ModelProto, _: ModelProto) -> None:
    attribute = _any(chance, _any(chance, proto.graph.node).attribute)
    for numbers in (attribute.ints, attribute.floats, attribute.strings):
        if len(numbers):
            place = int(chance.integers(len(numbers)))
            if chance.random() < 0.5:
                del numbers[place]
            else:
                numbers.insert(place, numbers[place])


def _move_attribute(chance: Chance, proto: ModelProto, source: ModelProto) -> None:
    node = _any(chance, proto.graph.node)
    if chance.random() < 0.4:
        del node.attribute[int(chance.integers(len(node.attribute)))]
    else:
        node.attribute.append(_any(chance, _any(chance, source.graph.node).attribute))


def _change_tensor(chance: Chance, proto: ModelProto, _: ModelProto) -> None:
    tensor = _any(chance, proto.graph.initializer)
    kind = chance.integers(4)
    if kind == 0 and len(tensor.dims):
        tensor.dims[int(chance.integers(len(tensor.dims)))] = _any(chance, _EXTREMES)
    elif kind == 1:
        tensor.data_type = int(chance.integers(0, 20))
    elif kind == 2:
        # Other dimensions for as much data.
        tensor.dims.insert(int(chance.integers(len(tensor.dims) + 1)), 1)
    else:
        tensor.raw_data = _numbers(chance, len(tensor.raw_data))


def _numbers(chance: Chance, length: int) -> bytes:
    """Return so many bytes of whole or floating numbers that are seldom met."""
    values: Any = np.array(_EXTREMES, dtype=np.int64)
    if chance.random() < 0.5:
        values = np.array(_FLOATS, dtype=np.float32)
    return bytes(chance.choice(values, size=length).tobytes()[:length])


def _change_operator(chance: Chance, proto: ModelProto, _: ModelProto) -> None:
    domain, _dot, kind = _any(chance, list(OPERATORS)).rpartition(".")
    node = _any(chance, proto.graph.node)
    node.op_type, node.domain = kind, domain
    if domain and all(o.domain != domain for o in proto.opset_import):
        proto.opset_import.add(domain=domain, version=3)


def _change_names(chance: Chance, proto: ModelProto, _: ModelProto) -> None:
    node = _any(chance, proto.graph.node)
    kind = chance.integers(4)
    if kind == 0:
        node.input.insert(int(chance.integers(len(node.input) + 1)), "")
    elif kind == 1:
        del node.input[int(chance.integers(len(node.input)))]
    elif kind == 2:
        node.input.append(_any(chance, _values(proto)))
    else:
        place = int(chance.integers(len(node.input)))
        node.input[place] = _any(chance, _values(proto))


def _values(proto: ModelProto) -> list[str]:
    given = [name for node in proto.graph.node for name in node.output]
    return ["features", *given, *(tensor.name for tensor in proto.graph.initializer)]


def _change_nodes(chance: Chance, proto: ModelProto, source: ModelProto) -> None:
    kind = chance.integers(3)
    place = int(chance.integers(len(proto.graph.node)))
    if kind == 0:
        del proto.graph.node[place]
        return
    extra = NodeProto()
    extra.CopyFrom(_any(chance, source.graph.node if kind == 1 else proto.graph.node))
    after = f"again{chance.integers(1000)}"
    extra.input[int(chance.integers(len(extra.input)))] = _any(chance, _values(proto))
    extra.output[0] = after
    proto.graph.node.insert(place, extra)
    proto.graph.initializer.extend(source.graph.initializer if kind == 1 else [])
    taker = _any(chance, proto.graph.node)
    taker.input[int(chance.integers(len(taker.input)))] = after


def _change_versions(chance: Chance, proto: ModelProto, _: ModelProto) -> None:
    _any(chance, proto.opset_import).version = int(chance.integers(1, 28))


def _any(chance: Chance, among: Sequence[Any]) -> Any:
    return among[int(chance.integers(len(among)))]


_BY_BYTES: Final[Sequence[Callable[[Chance, bytes], bytes]]] = (
    _flipped,
    _without,
    _with_noise,
    _repeated,
)
_BY_MEANING: Final[Sequence[Callable[[Chance, ModelProto, ModelProto], None]]] = (
    _change_attribute,
    _change_attribute,
    _change_length,
    _move_attribute,
    _change_tensor,
    _change_tensor,
    _change_operator,
    _change_names,
    _change_nodes,
    _change_versions,
)
