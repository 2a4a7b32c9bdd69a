"""The untyped tree the parser gives. Spans are character offsets into the text and do not count for equality."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal as Of

Span = tuple[int, int]

ARITHMETIC = ("+", "-", "*", "/", "**")
COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Base of all tree nodes."""

    span: Span = field(default=(0, 0), compare=False)
    depth: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A number, string, boolean or null."""

    value: Decimal | str | bool | None


@dataclass(frozen=True, slots=True)
class AtLiteral(Node):
    """`@"2026-11-02"`: a date, time, date and time or duration by its text."""

    text: str


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A name, of one word or several; `?` is the value a unary test is about."""

    name: str


@dataclass(frozen=True, slots=True)
class Path(Node):
    """`base.name`."""

    base: Node
    name: str
    name_span: Span = field(default=(0, 0), compare=False)


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """An arithmetic or comparison operator between two expressions."""

    op: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Logic(Node):
    """`and` or `or` over two or more operands, flat."""

    op: Of["and", "or"]
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Negative(Node):
    """`-operand`."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Between(Node):
    """`value between low and high`."""

    value: Node
    low: Node
    high: Node


@dataclass(frozen=True, slots=True)
class In(Node):
    """`value in test` or `value in (test, test)`."""

    value: Node
    tests: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Test(Node):
    """A comparison that lacks its left side: `>= 5`. As a value, `(>= 5)`, it is a range."""

    op: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Interval(Node):
    """`[low..high)`."""

    low: Node
    high: Node
    low_closed: bool
    high_closed: bool


@dataclass(frozen=True, slots=True)
class If(Node):
    """`if condition then yes else no`."""

    condition: Node
    yes: Node
    no: Node


@dataclass(frozen=True, slots=True)
class Iteration(Node):
    """`name in domain` of a `for`, `some` or `every`; `end` is set in `name in domain..end`."""

    name: str
    domain: Node
    end: Node | None = None


@dataclass(frozen=True, slots=True)
class For(Node):
    """`for x in xs return result`."""

    iterations: tuple[Iteration, ...]
    result: Node


@dataclass(frozen=True, slots=True)
class Quantified(Node):
    """`some x in xs satisfies condition`, or `every`."""

    kind: Of["some", "every"]
    iterations: tuple[Iteration, ...]
    condition: Node


@dataclass(frozen=True, slots=True)
class TypeName(Node):
    """A type as written: a name, or one of list, range, context, function with its parts."""

    name: str
    parts: tuple[TypeName, ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parameter(Node):
    """A formal parameter."""

    name: str
    type: TypeName | None = None


@dataclass(frozen=True, slots=True)
class FunctionDefinition(Node):
    """`function(a, b: number) body`, or `external` with a context body."""

    parameters: tuple[Parameter, ...]
    body: Node
    external: bool = False


@dataclass(frozen=True, slots=True)
class Invocation(Node):
    """`callee(a, b)` or `callee(name: a)`; `names` is empty for positional arguments."""

    callee: Node
    arguments: tuple[Node, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter(Node):
    """`base[predicate]`."""

    base: Node
    predicate: Node


@dataclass(frozen=True, slots=True)
class ListLiteral(Node):
    """`[a, b]`."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Entry(Node):
    """`key: value` of a context."""

    key: str
    value: Node


@dataclass(frozen=True, slots=True)
class ContextLiteral(Node):
    """`{key: value}`."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class InstanceOf(Node):
    """`value instance of type`."""

    value: Node
    type: TypeName


@dataclass(frozen=True, slots=True)
class UnaryTests(Node):
    """A decision table's cell. No tests means `-`: any value."""

    tests: tuple[Node, ...]
    negated: bool = False
