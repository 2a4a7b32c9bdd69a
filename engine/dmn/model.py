"""A decision model as it is written: one value for each element of the DMN standard that has a meaning when run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal as Of

from engine.problems import NOWHERE, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Boxed:
    """Base of all expressions. `type_ref` is the type that the result must have; empty for any."""

    type_ref: str = ""
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class LiteralExpression(Boxed):
    """FEEL text."""

    text: str


@dataclass(frozen=True, slots=True)
class ContextEntry:
    """An entry of a boxed context; without a name it is the context's result."""

    name: str
    type_ref: str
    value: Boxed | None


@dataclass(frozen=True, slots=True)
class ContextExpression(Boxed):
    """Entries, each of which sees those before it."""

    entries: tuple[ContextEntry, ...]


@dataclass(frozen=True, slots=True)
class ListExpression(Boxed):
    """Items."""

    items: tuple[Boxed, ...]


@dataclass(frozen=True, slots=True)
class Relation(Boxed):
    """A list of contexts: columns of (name, type), and rows of one expression a column."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Boxed, ...], ...]


@dataclass(frozen=True, slots=True)
class Invocation(Boxed):
    """A function called with named arguments."""

    callee: Boxed
    bindings: tuple[tuple[str, Boxed | None], ...]


@dataclass(frozen=True, slots=True)
class FunctionExpression(Boxed):
    """A function: parameters of (name, type) and a body; `kind` is FEEL, Java or PMML."""

    parameters: tuple[tuple[str, str], ...]
    body: Boxed | None
    kind: str = "FEEL"


@dataclass(frozen=True, slots=True)
class Conditional(Boxed):
    """If, then, else."""

    condition: Boxed
    yes: Boxed
    no: Boxed


@dataclass(frozen=True, slots=True)
class Iterator(Boxed):
    """`for`, `some` or `every`."""

    kind: Of["for", "some", "every"]
    variable: str
    domain: Boxed
    body: Boxed


@dataclass(frozen=True, slots=True)
class FilterExpression(Boxed):
    """The items of a list that match."""

    domain: Boxed
    match: Boxed


@dataclass(frozen=True, slots=True)
class InputClause:
    """A table's input column: its expression and the tests that say which values it may have."""

    expression: LiteralExpression
    allowed: str = ""


@dataclass(frozen=True, slots=True)
class OutputClause:
    """A table's output column. `allowed` lists its values from the highest priority to the lowest."""

    name: str
    type_ref: str = ""
    allowed: str = ""
    default: LiteralExpression | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A row: a cell of unary tests for each input, an expression for each output."""

    tests: tuple[LiteralExpression, ...]
    outputs: tuple[LiteralExpression, ...]


HIT_POLICIES = ("UNIQUE", "ANY", "PRIORITY", "FIRST", "COLLECT", "RULE ORDER", "OUTPUT ORDER")
AGGREGATIONS = ("", "SUM", "COUNT", "MIN", "MAX")


@dataclass(frozen=True, slots=True)
class DecisionTable(Boxed):
    """A decision table."""

    inputs: tuple[InputClause, ...]
    outputs: tuple[OutputClause, ...]
    rules: tuple[Rule, ...]
    hit_policy: str = "UNIQUE"
    aggregation: str = ""


@dataclass(frozen=True, slots=True)
class ItemDefinition:
    """A named type, or a component of one."""

    name: str
    type_ref: str = ""
    components: tuple[ItemDefinition, ...] = ()
    is_collection: bool = False
    allowed: str = ""
    constraint: str = ""
    function: tuple[tuple[str, ...], str] | None = None
    """For a function type: its parameters' types and its result's."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A link to another element: the namespace of its model and its id."""

    namespace: str
    id: str


@dataclass(frozen=True, slots=True)
class InputData:
    """A value from outside."""

    id: str
    name: str
    type_ref: str = ""
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision. `requires` are decisions and inputs, `knows` functions."""

    id: str
    name: str
    variable: str
    type_ref: str
    logic: Boxed | None
    requires: tuple[Reference, ...] = ()
    knows: tuple[Reference, ...] = ()
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class KnowledgeModel:
    """A business knowledge model: a function that decisions may call."""

    id: str
    name: str
    variable: str
    type_ref: str
    logic: FunctionExpression | None
    knows: tuple[Reference, ...] = ()
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class DecisionService:
    """Decisions offered as one function of some inputs and of other decisions' results."""

    id: str
    name: str
    variable: str
    type_ref: str
    outputs: tuple[Reference, ...]
    encapsulated: tuple[Reference, ...] = ()
    input_decisions: tuple[Reference, ...] = ()
    input_data: tuple[Reference, ...] = ()
    place: Place = field(default=NOWHERE, compare=False)


Node = InputData | Decision | KnowledgeModel | DecisionService


@dataclass(frozen=True, slots=True)
class Import:
    """Another model, known here under a name; an empty name makes its elements known by their own."""

    name: str
    namespace: str
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Definitions:
    """One file: a model."""

    name: str
    namespace: str
    version: str
    imports: tuple[Import, ...]
    types: Mapping[str, ItemDefinition]
    nodes: Mapping[str, Node]
    """By id."""
    source: str = ""

    def named(self, name: str) -> Node | None:
        """The first element of a name: a decision before a service, a knowledge model, an input."""
        for kind in (Decision, DecisionService, KnowledgeModel, InputData):
            for node in self.nodes.values():
                if isinstance(node, kind) and node.name == name:
                    return node
        return None
