"""A node of a graph: what it does, to which values, and what its attributes hold."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from agent.core.scan import layout
from agent.core.scan.operators import (
    DEFAULT_DOMAINS,
    ML_DOMAIN,
    OPERATORS,
    Operator,
    full_name,
)
from agent.core.scan.rule import Finding, FindingError, Rule
from agent.core.scan.wire import Span, Wire

_MAX_ATTRIBUTES: Final = 128
_DOMAINS: Final = DEFAULT_DOMAINS | {ML_DOMAIN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node as read.

    Attributes:
        kind: Its operator, as the list names it.
        domain: The operator's domain.
        inputs: Names of the values that it takes; empty where it goes without.
        outputs: Names of the values that it gives; empty where nobody wants it.
        attributes: Where its attributes stand.
    """

    kind: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: tuple[Span, ...]

    @property
    def operator(self) -> Operator | None:
        """How its operator treats its inputs; None: it is not on the list."""
        return OPERATORS.get(self.kind)

    def findings(self, *, extra_ops: frozenset[str]) -> Iterator[Finding]:
        """Yield what is wrong with its operator and the number of its inputs."""
        if self.operator is None and self.kind not in extra_ops:
            rule = Rule.OP if self.domain in _DOMAINS else Rule.DOMAIN
            yield Finding(rule, f'operator "{self.kind}" is not on the list')
        if self.operator is not None and not self._gaps <= set(self.operator.optional):
            yield Finding(Rule.EMPTY_INPUT, f'operator "{self.kind}" lacks an input')

    @property
    def _gaps(self) -> set[int]:
        """Places of the inputs that it goes without."""
        return {place for place, name in enumerate(self.inputs) if not name}


def node(wire: Wire, span: Span) -> Node:
    """Return the node in these bytes.

    Raises:
        FindingError: They are no node.
    """
    names: dict[int, list[str]] = {layout.NODE_INPUT: [], layout.NODE_OUTPUT: []}
    words = {layout.NODE_KIND: "", layout.NODE_DOMAIN: ""}
    attributes: list[Span] = []
    for number, first, end in wire.fields(span, of=layout.NODE):
        if number == layout.NODE_ATTRIBUTE:
            attributes.append((first, end))
        elif number in names:
            names[number].append(wire.name(first, end))
        else:
            words[number] = wire.name(first, end)
        if len(attributes) > _MAX_ATTRIBUTES:
            raise FindingError(
                Rule.TOO_MANY_NODES,
                f"expected at most {_MAX_ATTRIBUTES} attributes of a node, got more",
            )
    domain = words[layout.NODE_DOMAIN]
    return Node(
        kind=full_name(domain, words[layout.NODE_KIND]),
        domain=domain,
        inputs=tuple(names[layout.NODE_INPUT]),
        outputs=tuple(names[layout.NODE_OUTPUT]),
        attributes=tuple(attributes),
    )
