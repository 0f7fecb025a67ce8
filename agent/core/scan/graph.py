"""Whether a graph, with those in its nodes, holds only what a forecast needs."""

from collections.abc import Iterator
from typing import Final

from agent.core.scan import layout
from agent.core.scan.node import Node, node
from agent.core.scan.operators import Answer
from agent.core.scan.policy import ScanPolicy
from agent.core.scan.rule import Finding, FindingError, Rule
from agent.core.scan.tensor import tensor
from agent.core.scan.wire import Span, Wire

_PARTS: Final = {
    layout.GRAPH_NODE: "nodes",
    layout.GRAPH_INITIALIZER: "initializers",
    layout.GRAPH_SPARSE: "sparse initializers",
    layout.GRAPH_INPUT: "inputs",
    layout.GRAPH_OUTPUT: "outputs",
    layout.GRAPH_VALUE: "described values",
}


class Graphs:
    """The graphs of one model; a graph within a node is looked at after its own.

    Args:
        wire: The model.
        policy: What the site allows.

    Attributes:
        domains: Those of the operators met so far.
    """

    def __init__(self, wire: Wire, *, policy: ScanPolicy) -> None:
        self.domains: set[str] = set()
        self._wire = wire
        self._policy = policy
        self._left = dict.fromkeys(_PARTS, policy.max_nodes)
        self._waiting: list[tuple[Span, int]] = []

    def findings(self, span: Span) -> Iterator[Finding]:
        """Yield what is wrong with the outermost graph and all in it.

        Raises:
            FindingError: There is no sense in reading on.
        """
        self._waiting = [(span, 1)]
        while self._waiting:
            graph, depth = self._waiting.pop()
            if depth > self._policy.max_nesting:
                yield Finding(
                    Rule.NESTING,
                    f"expected graphs at most {self._policy.max_nesting} deep, "
                    "got more",
                )
            else:
                yield from self._graph(graph, depth=depth)

    def _graph(self, span: Span, *, depth: int) -> Iterator[Finding]:
        parts = self._parts(span)
        values = Values()
        for initializer in parts[layout.GRAPH_INITIALIZER]:
            found = tensor(self._wire, initializer)
            yield from found.findings()
            yield from values.write(found.name)
            values.constant.add(found.name)
        for _ in parts[layout.GRAPH_SPARSE]:
            yield Finding(Rule.SPARSE, "the graph has a sparse initializer")
        for kind in (layout.GRAPH_INPUT, layout.GRAPH_OUTPUT, layout.GRAPH_VALUE):
            for value in parts[kind]:
                self._check_value(value)
        for each in parts[layout.GRAPH_NODE]:
            yield from self._node(each, values, depth=depth)

    def _parts(self, span: Span) -> dict[int, list[Span]]:
        """Return where the parts of a graph stand, by kind."""
        parts: dict[int, list[Span]] = {kind: [] for kind in _PARTS}
        for number, first, end in self._wire.fields(span, of=layout.GRAPH):
            if number == layout.GRAPH_NAME:
                self._wire.name(first, end)
                continue
            self._count(number)
            parts[number].append((first, end))
        return parts

    def _count(self, kind: int) -> None:
        """Take note of a part, or of a graph or tensor in a node: all cost time."""
        self._left[kind] -= 1
        if self._left[kind] < 0:
            raise FindingError(
                Rule.TOO_MANY_NODES,
                f"expected at most {self._policy.max_nodes} {_PARTS[kind]}, got more",
            )

    def _check_value(self, span: Span) -> None:
        for number, first, end in self._wire.fields(span, of=layout.VALUE):
            if number == layout.VALUE_NAME:
                self._wire.name(first, end)

    def _node(self, span: Span, values: "Values", *, depth: int) -> Iterator[Finding]:
        found = node(self._wire, span)
        self.domains.add(found.domain)
        yield from found.findings(extra_ops=self._policy.extra_ops)
        yield from values.after(found)
        for attribute in found.attributes:
            yield from self._attribute(attribute, depth=depth)

    def _attribute(self, span: Span, *, depth: int) -> Iterator[Finding]:
        for number, first, end in self._wire.fields(span, of=layout.ATTRIBUTE):
            if number == layout.ATTRIBUTE_NAME:
                self._wire.name(first, end)
            elif number in layout.ATTRIBUTE_TENSORS:
                self._count(layout.GRAPH_INITIALIZER)
                yield from tensor(self._wire, (first, end)).findings()
            elif number in layout.ATTRIBUTE_GRAPHS:
                self._count(layout.GRAPH_NODE)
                self._waiting.append(((first, end), depth + 1))
            elif number in layout.ATTRIBUTE_SPARSE:
                yield Finding(Rule.SPARSE, "an attribute is a sparse tensor")


class Values:
    """The values of one graph by what is known of them before it runs.

    A graph within a node knows nothing of those around it: what it takes from there
    counts as computed.

    Attributes:
        constant: Names of those that are the same at every run.
    """

    def __init__(self) -> None:
        self.constant: set[str] = set()
        self._sizes: set[str] = set()
        self._written: set[str] = set()

    def write(self, name: str) -> Iterator[Finding]:
        """Take note of a name; yield a finding if it stands for two values."""
        if name in self._written:
            yield Finding(Rule.DUPLICATE_NAME, f'"{name}" is written twice')
        self._written.add(name)

    def after(self, node: Node) -> Iterator[Finding]:
        """Take note of what a node gives; yield where it takes a size from values."""
        operator = node.operator
        for place in operator.sizes if operator else ():
            name = node.inputs[place] if place < len(node.inputs) else ""
            if name and not self._is_settled(name):
                yield Finding(
                    Rule.SHAPE_FROM_VALUES,
                    f'operator "{node.kind}" takes a size from "{name}"',
                )
        # Before its outputs are known: a node may not feed itself.
        is_size = self._gives_sizes(node)
        for name in filter(None, node.outputs):
            yield from self.write(name)
            if operator and operator.answer is Answer.CONSTANT:
                self.constant.add(name)
            elif is_size:
                self._sizes.add(name)

    def _gives_sizes(self, node: Node) -> bool:
        match node.operator.answer if node.operator else Answer.COMPUTED:
            case Answer.SHAPE:
                return True
            case Answer.JOINED:
                return all(map(self._is_settled, node.inputs))
            case Answer.PICKED:
                # With indices that are sizes, a table could turn one number of rows
                # into a size that no trial meets.
                first, *others = node.inputs or ("",)
                return self._is_settled(first) and self.constant.issuperset(others)
            case _:
                return False

    def _is_settled(self, name: str) -> bool:
        return name in self.constant or name in self._sizes
