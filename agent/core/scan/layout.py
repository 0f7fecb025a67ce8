"""How an ONNX file is laid out: its messages, by the numbers of their fields.

What is not listed a model must not have: the parts for many devices, and the insides
of what the scan refuses unseen.
"""

from typing import Final

from agent.core.scan.wire import (
    EIGHT_BYTES,
    FOUR_BYTES,
    LENGTH,
    WHOLE,
    Message,
    message,
)

_PARTS: Final = (LENGTH,)

MODEL: Final[Message] = message(
    "model",
    once={1: WHOLE, 2: LENGTH, 3: LENGTH, 4: LENGTH, 5: WHOLE, 6: LENGTH, 7: LENGTH},
    many=dict.fromkeys((8, 14, 20, 25), _PARTS),
    words=(2, 3, 4, 6),
)
MODEL_IR, MODEL_GRAPH, MODEL_OPSET, MODEL_METADATA = 1, 7, 8, 14
MODEL_TRAINING, MODEL_FUNCTION = 20, 25

OPSET: Final[Message] = message("operator set", once={1: LENGTH, 2: WHOLE}, many={})
OPSET_DOMAIN = 1

ENTRY: Final[Message] = message(
    "metadata entry", once={1: LENGTH, 2: LENGTH}, many={}, words=(2,)
)

GRAPH: Final[Message] = message(
    "graph",
    once={2: LENGTH, 10: LENGTH},
    many=dict.fromkeys((1, 5, 11, 12, 13, 14, 15, 16), _PARTS),
    words=(10, 14, 16),
)
GRAPH_NODE, GRAPH_NAME, GRAPH_INITIALIZER, GRAPH_SPARSE = 1, 2, 5, 15
GRAPH_INPUT, GRAPH_OUTPUT, GRAPH_VALUE = 11, 12, 13

VALUE: Final[Message] = message(
    "value", once={1: LENGTH, 2: LENGTH, 3: LENGTH}, many={4: _PARTS}, words=(3, 4)
)
VALUE_NAME = 1

NODE: Final[Message] = message(
    "node",
    once={3: LENGTH, 4: LENGTH, 6: LENGTH, 7: LENGTH, 8: LENGTH},
    many=dict.fromkeys((1, 2, 5, 9), _PARTS),
    words=(6, 9),
)
NODE_INPUT, NODE_OUTPUT, NODE_KIND, NODE_ATTRIBUTE, NODE_DOMAIN = 1, 2, 4, 5, 7

ATTRIBUTE: Final[Message] = message(
    "attribute",
    once={
        **dict.fromkeys((1, 4, 5, 6, 13, 14, 21, 22), LENGTH),
        2: FOUR_BYTES,
        3: WHOLE,
        20: WHOLE,
    },
    many={
        7: (LENGTH, FOUR_BYTES),
        8: (LENGTH, WHOLE),
        **dict.fromkeys((9, 10, 11, 15, 23), _PARTS),
    },
    words=(13,),
    runs=(7, 8),
)
ATTRIBUTE_NAME = 1
ATTRIBUTE_TENSORS, ATTRIBUTE_GRAPHS = frozenset({5, 10}), frozenset({6, 11})
ATTRIBUTE_SPARSE = frozenset({22, 23})

TENSOR: Final[Message] = message(
    "tensor",
    once={2: WHOLE, 8: LENGTH, 9: LENGTH, 12: LENGTH, 14: WHOLE},
    many={
        1: (LENGTH, WHOLE),
        4: (LENGTH, FOUR_BYTES),
        5: (LENGTH, WHOLE),
        6: _PARTS,
        7: (LENGTH, WHOLE),
        10: (LENGTH, EIGHT_BYTES),
        11: (LENGTH, WHOLE),
        13: _PARTS,
        16: _PARTS,
    },
    words=(12, 16),
)
TENSOR_DIMS, TENSOR_KIND, TENSOR_NAME, TENSOR_RAW = 1, 2, 8, 9
TENSOR_ELSEWHERE = frozenset({13, 14})
