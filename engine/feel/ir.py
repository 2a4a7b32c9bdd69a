"""The one intermediate form: a small typed tree that the checker gives and every executor reads.

Each node knows its type, whether it can be null, and the span of text it came from. What the surface has in several
spellings (`between`, `in`, unary tests) is here in one: comparisons under `and`, `or` and `let`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from functools import cache
from operator import is_
from typing import Literal as Of
from typing import cast

from engine.feel.functions.signature import Signature
from engine.feel.types import BOOLEAN, EnumValue, Type
from engine.feel.values import Value

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Node:
    """Base: `type` of the value, `nullable` if null is possible, `span` of the text."""

    type: Type
    nullable: bool = False
    span: Span = field(default=(0, 0))


@dataclass(frozen=True, slots=True, eq=False)
class Const(Node):
    """A value known when the rule is loaded."""

    value: Value


@dataclass(frozen=True, slots=True, eq=False)
class Fact(Node):
    """A fact, by its path through contexts; `enum` is what it is limited to."""

    path: tuple[str, ...]
    enum: tuple[EnumValue, ...] | None = None

    @property
    def name(self) -> str:
        """The dotted path."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True, eq=False)
class Local(Node):
    """A variable of a loop, filter, function, context or `let`. Names are unique within an expression."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Member(Node):
    """`base.name` where the base is computed."""

    base: Node
    name: str
    enum: tuple[EnumValue, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Arithmetic(Node):
    """`+ - * / **`. `repeated` as in `Call`."""

    op: str
    left: Node
    right: Node
    repeated: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Negate(Node):
    """`-operand`."""

    operand: Node


@dataclass(frozen=True, slots=True, eq=False)
class Compare(Node):
    """`= != < <= > >=`. `repeated` as in `Call`."""

    op: str
    left: Node
    right: Node
    repeated: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class And(Node):
    """Three-valued and, left to right, stopping at the first false."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Or(Node):
    """Three-valued or, left to right, stopping at the first true."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Not(Node):
    """Three-valued not."""

    operand: Node


@dataclass(frozen=True, slots=True, eq=False)
class If(Node):
    """`no` unless the condition is true."""

    condition: Node
    yes: Node
    no: Node


@dataclass(frozen=True, slots=True, eq=False)
class Let(Node):
    """`body` with `local` bound to `value`, computed once."""

    local: Local
    value: Node
    body: Node


@dataclass(frozen=True, slots=True, eq=False)
class Belongs(Node):
    """`value in test`, where the test is a range, list or value only known at run time. `repeated` as in `Call`."""

    value: Node
    test: Node
    repeated: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Require(Node):
    """The value, which at run time must be null or of this node's type."""

    value: Node


@dataclass(frozen=True, slots=True, eq=False)
class ListOf(Node):
    """A list."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RangeOf(Node):
    """A range as a value. An end that is a constant null is open to that side without end."""

    low: Node
    high: Node
    low_closed: bool
    high_closed: bool


@dataclass(frozen=True, slots=True, eq=False)
class ContextOf(Node):
    """A context; each entry is bound to its local, which later entries may read."""

    keys: tuple[str, ...]
    locals: tuple[Local, ...]
    values: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Index(Node):
    """`base[position]`."""

    base: Node
    position: Node


@dataclass(frozen=True, slots=True, eq=False)
class Select(Node):
    """`base[condition]`: the items for which the condition is true, each bound to `local`."""

    base: Node
    local: Local
    condition: Node


@dataclass(frozen=True, slots=True, eq=False)
class Count(Node):
    """`start..end` as what a loop goes over."""

    start: Node
    end: Node


@dataclass(frozen=True, slots=True, eq=False)
class Loop(Node):
    """`for`: the results as a list; `partial` is the list so far, where the result reads it."""

    locals: tuple[Local, ...]
    domains: tuple[Node, ...]
    result: Node
    partial: Local | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Quantified(Node):
    """`some` or `every`, three-valued, stopping when decided."""

    kind: Of["some", "every"]
    locals: tuple[Local, ...]
    domains: tuple[Node, ...]
    condition: Node


@dataclass(frozen=True, slots=True, eq=False)
class Call(Node):
    """A built-in function. With more than one signature the arguments decide at run time.

    `repeated`: stands where it may run many times, so that looking through texts and lists, and building them, takes
    steps.
    """

    name: str
    signatures: tuple[Signature, ...]
    arguments: tuple[Node, ...]
    repeated: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Function(Node):
    """A function as a value."""

    parameters: tuple[Local, ...]
    body: Node


@dataclass(frozen=True, slots=True, eq=False)
class Invoke(Node):
    """A call of a function value."""

    function: Node
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class InstanceOf(Node):
    """`value instance of tested`."""

    value: Node
    tested: Type


def _child_fields(kind: type[Node]) -> tuple[str, ...]:
    own = {
        "type",
        "nullable",
        "span",
        "name",
        "enum",
        "op",
        "kind",
        "path",
        "tested",
        "keys",
        "signatures",
        "local",
        "locals",
    }
    own |= {"low_closed", "high_closed", "parameters", "partial", "repeated"}
    names = tuple(f.name for f in fields(kind) if f.name not in own)
    return () if kind is Const else names


_parts = cast("Callable[[type[Node]], tuple[str, ...]]", cache(_child_fields))


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below, in evaluation order; variables that a node binds are not among them."""
    for name in _parts(type(node)):
        part = getattr(node, name)
        if isinstance(part, tuple):
            yield from part
        else:
            yield part


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        for name in reversed(_parts(type(node))):
            part = getattr(node, name)
            if isinstance(part, tuple):
                pending.extend(reversed(part))
            else:
                pending.append(part)


def depth(node: Node) -> int:
    """Levels of nodes."""
    return 1 + max((depth(child) for child in children(node)), default=0)


def facts_of(node: Node) -> tuple[Fact, ...]:
    """The facts a node reads, one for each path, in order of reading."""
    return tuple({n.path: n for n in walk(node) if isinstance(n, Fact)}.values())


def substitute(node: Node, path: tuple[str, ...], fact: Fact) -> Node:
    """The node with the fact at `path` replaced by another one of the same type; what does not read it is kept."""
    if isinstance(node, Const):
        return node
    if isinstance(node, Fact):
        if node.path != path:
            return node
        return Fact(fact.path, fact.enum, type=fact.type, nullable=fact.nullable, span=node.span)
    if isinstance(node, Compare):  # what large tables are made of
        left, right = substitute(node.left, path, fact), substitute(node.right, path, fact)
        if left is node.left and right is node.right:
            return node
        return Compare(node.op, left, right, node.repeated, type=node.type, nullable=node.nullable, span=node.span)
    changed: dict[str, object] = {}
    for name in _parts(type(node)):
        part = getattr(node, name)
        made: object
        if isinstance(part, tuple):
            made = tuple([substitute(child, path, fact) for child in part])
            is_kept = all(map(is_, made, part))
        else:
            made = substitute(part, path, fact)
            is_kept = made is part
        if not is_kept:
            changed[name] = made
    return replace(node, **changed) if changed else node  # type: ignore[arg-type]  # the node's own parts


def truth(value: Value, span: Span = (0, 0)) -> Const:
    """A boolean constant."""
    return Const(value, type=BOOLEAN, span=span)
