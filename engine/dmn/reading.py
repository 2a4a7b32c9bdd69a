"""XML to a model: DMN 1.1 to 1.5. What is unknown, such as diagrams and extensions of tools, is passed over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from engine.dmn.model import (
    AGGREGATIONS,
    HIT_POLICIES,
    Boxed,
    Conditional,
    ContextEntry,
    ContextExpression,
    Decision,
    DecisionService,
    DecisionTable,
    Definitions,
    FilterExpression,
    FunctionExpression,
    Import,
    InputClause,
    InputData,
    Invocation,
    ItemDefinition,
    Iterator,
    KnowledgeModel,
    ListExpression,
    LiteralExpression,
    Node,
    OutputClause,
    Reference,
    Relation,
    Rule,
)
from engine.dmn.xml_tree import Element, read_xml
from engine.problems import InvalidError, Place, Problem

MAX_EXPRESSION_CHARACTERS: Final = 4_000_000
"""Characters of all expressions and cells of a file: read and compiled, each may take a quarter of a kilobyte."""

VERSIONS: Final[Mapping[str, str]] = {
    "http://www.omg.org/spec/DMN/20151101/dmn.xsd": "1.1",
    "http://www.omg.org/spec/DMN/20180521/MODEL/": "1.2",
    "https://www.omg.org/spec/DMN/20191111/MODEL/": "1.3",
    "https://www.omg.org/spec/DMN/20211108/MODEL/": "1.4",
    "https://www.omg.org/spec/DMN/20230324/MODEL/": "1.5",
}
"""The namespace of each version of the standard."""


def read_definitions(document: bytes, source: str = "") -> Definitions:
    """A model from its file. Raises `InvalidError` with `dmn.*` codes: all problems of the file."""
    root = read_xml(document, source)
    version = VERSIONS.get(root.namespace)
    if root.name != "definitions" or version is None:
        raise InvalidError(
            Problem(
                "dmn.not_a_model",
                "the file is not a DMN model",
                Place(source, root.line, root.column),
                f"its root must be `definitions` of DMN {', '.join(VERSIONS.values())}",
            )
        )
    return _Reader(root, source).definitions(version)


class _Reader:
    """One file."""

    def __init__(self, root: Element, source: str) -> None:
        self.root = root
        self.source = source
        self.namespace = root.get("namespace")
        self.problems: list[Problem] = []
        self.characters = 0

    def place(self, element: Element) -> Place:
        return Place(self.source, element.line, element.column)

    def refuse(self, element: Element, code: str, message: str, help: str = "") -> None:
        self.problems.append(Problem(code, message, self.place(element), help))

    def definitions(self, version: str) -> Definitions:
        root = self.root
        imports = tuple(
            Import(each.get("name"), each.get("namespace"), self.place(each))
            for each in root.all("import")
            if each.get("importType") in VERSIONS or not each.get("importType")
        )
        types = {each.get("name"): self.item(each) for each in root.all("itemDefinition")}
        nodes: dict[str, Node] = {}
        makers: Mapping[str, Callable[[Element], Node]] = {
            "inputData": self.input_data,
            "decision": self.decision,
            "businessKnowledgeModel": self.knowledge_model,
            "decisionService": self.service,
        }
        for each in root.own():
            make = makers.get(each.name)
            if make is None:
                continue
            node = make(each)
            key = node.id or f"\n{len(nodes)}"  # nothing can refer to an element without an id
            if key in nodes:
                self.refuse(each, "dmn.duplicate_id", f"two elements have the id `{key}`")
            nodes[key] = node
        if self.problems:
            raise InvalidError(self.problems)
        return Definitions(root.get("name"), self.namespace, version, imports, types, nodes, self.source)

    # -- elements of the requirements graph

    def references(self, element: Element, name: str) -> tuple[Reference, ...]:
        return tuple(self.reference(each) for each in element.all(name))

    def reference(self, element: Element) -> Reference:
        namespace, found, identifier = element.get("href").rpartition("#")
        if not found:
            namespace, identifier = "", element.get("href")
        return Reference(namespace or self.namespace, identifier)

    def required(self, element: Element, requirement: str, *names: str) -> tuple[Reference, ...]:
        return tuple(
            reference
            for each in element.all(requirement)
            for name in names
            for reference in self.references(each, name)
        )

    def variable(self, element: Element) -> tuple[str, str]:
        variable = element.first("variable")
        if variable is None:
            return element.get("name"), ""
        return variable.get("name") or element.get("name"), _type_ref(variable)

    def input_data(self, element: Element) -> InputData:
        name, type_ref = self.variable(element)
        return InputData(element.get("id"), name, type_ref, self.place(element))

    def decision(self, element: Element) -> Decision:
        name, type_ref = self.variable(element)
        return Decision(
            element.get("id"),
            element.get("name"),
            name,
            type_ref,
            self.only_expression(element),
            self.required(element, "informationRequirement", "requiredDecision", "requiredInput"),
            self.required(element, "knowledgeRequirement", "requiredKnowledge"),
            self.place(element),
        )

    def knowledge_model(self, element: Element) -> KnowledgeModel:
        name, type_ref = self.variable(element)
        logic = element.first("encapsulatedLogic")
        return KnowledgeModel(
            element.get("id"),
            element.get("name"),
            name,
            type_ref,
            None if logic is None else self.function(logic),
            self.required(element, "knowledgeRequirement", "requiredKnowledge"),
            self.place(element),
        )

    def service(self, element: Element) -> DecisionService:
        name, type_ref = self.variable(element)
        return DecisionService(
            element.get("id"),
            element.get("name"),
            name,
            type_ref,
            self.references(element, "outputDecision"),
            self.references(element, "encapsulatedDecision"),
            self.references(element, "inputDecision"),
            self.references(element, "inputData"),
            self.place(element),
        )

    # -- types

    def item(self, element: Element) -> ItemDefinition:
        function = element.first("functionItem")
        return ItemDefinition(
            element.get("name"),
            element.text_of("typeRef").strip() or element.get("typeRef"),
            tuple(self.item(each) for each in element.all("itemComponent")),
            element.get("isCollection") == "true",
            _tests(element, "allowedValues"),
            _tests(element, "typeConstraint"),
            None
            if function is None
            else (tuple(_type_ref(each) for each in function.all("parameters")), function.get("outputTypeRef")),
        )

    # -- expressions

    def only_expression(self, element: Element) -> Boxed | None:
        """The first expression among an element's children."""
        for child in element.own():
            if child.name in _EXPRESSIONS:
                return self.expression(child)
        return None

    def expression(self, element: Element) -> Boxed:
        return _EXPRESSIONS[element.name](self, element)

    def within(self, element: Element, name: str) -> Boxed:
        """The expression in a named part; an absent one is an empty literal, which is null."""
        part = element.first(name)
        found = None if part is None else self.only_expression(part)
        return found or LiteralExpression("", place=self.place(element))

    def literal(self, element: Element) -> LiteralExpression:
        text = element.first("text")
        place = self.place(element if text is None else text)
        before, self.characters = self.characters, self.characters + len(element.text_of("text"))
        if before <= MAX_EXPRESSION_CHARACTERS < self.characters:
            message = f"the expressions of the model have more than {MAX_EXPRESSION_CHARACTERS:,} characters"
            self.refuse(element, "dmn.too_large", message, "split the model")
        return LiteralExpression(element.text_of("text"), type_ref=_type_ref(element), place=place)

    def context(self, element: Element) -> ContextExpression:
        entries = []
        for each in element.all("contextEntry"):
            variable = each.first("variable")
            name, type_ref = ("", "") if variable is None else (variable.get("name"), _type_ref(variable))
            entries.append(ContextEntry(name, type_ref, self.only_expression(each)))
        return ContextExpression(tuple(entries), type_ref=_type_ref(element), place=self.place(element))

    def list(self, element: Element) -> ListExpression:
        items = tuple(self.expression(each) for each in element.own() if each.name in _EXPRESSIONS)
        return ListExpression(items, type_ref=_type_ref(element), place=self.place(element))

    def relation(self, element: Element) -> Relation:
        columns = tuple((each.get("name"), _type_ref(each)) for each in element.all("column"))
        rows = tuple(
            tuple(self.expression(cell) for cell in row.own() if cell.name in _EXPRESSIONS)
            for row in element.all("row")
        )
        return Relation(columns, rows, type_ref=_type_ref(element), place=self.place(element))

    def invocation(self, element: Element) -> Invocation:
        bindings = []
        for each in element.all("binding"):
            parameter = each.first("parameter")
            bindings.append(("" if parameter is None else parameter.get("name"), self.only_expression(each)))
        callee = self.only_expression(element) or LiteralExpression("", place=self.place(element))
        return Invocation(callee, tuple(bindings), type_ref=_type_ref(element), place=self.place(element))

    def function(self, element: Element) -> FunctionExpression:
        parameters = tuple((each.get("name"), _type_ref(each)) for each in element.all("formalParameter"))
        return FunctionExpression(
            parameters,
            self.only_expression(element),
            element.get("kind") or "FEEL",
            type_ref=_type_ref(element),
            place=self.place(element),
        )

    def conditional(self, element: Element) -> Conditional:
        parts = (self.within(element, "if"), self.within(element, "then"), self.within(element, "else"))
        return Conditional(*parts, type_ref=_type_ref(element), place=self.place(element))

    def for_(self, element: Element) -> Iterator:
        return self.iterator(element, "return")

    def quantified(self, element: Element) -> Iterator:
        return self.iterator(element, "satisfies")

    def iterator(self, element: Element, body: str) -> Iterator:
        kind = element.name
        assert kind in {"for", "some", "every"}
        return Iterator(
            kind,  # type: ignore[arg-type]  # one of the three
            element.get("iteratorVariable"),
            self.within(element, "in"),
            self.within(element, body),
            type_ref=_type_ref(element),
            place=self.place(element),
        )

    def filter(self, element: Element) -> FilterExpression:
        parts = (self.within(element, "in"), self.within(element, "match"))
        return FilterExpression(*parts, type_ref=_type_ref(element), place=self.place(element))

    # -- tables

    def table(self, element: Element) -> DecisionTable:
        policy = element.get("hitPolicy") or "UNIQUE"
        aggregation = element.get("aggregation")
        if policy not in HIT_POLICIES:
            self.refuse(
                element, "dmn.bad_table", f"`{policy}` is not a hit policy", f"known are {_listed(HIT_POLICIES)}"
            )
        if aggregation not in AGGREGATIONS:
            self.refuse(element, "dmn.bad_table", f"`{aggregation}` is not an aggregation")
        inputs = tuple(self.input_clause(each) for each in element.all("input"))
        outputs = tuple(self.output_clause(each) for each in element.all("output"))
        return DecisionTable(
            inputs,
            outputs,
            tuple(self.rule(each, len(inputs), len(outputs)) for each in element.all("rule")),
            policy,
            aggregation,
            type_ref=_type_ref(element),
            place=self.place(element),
        )

    def input_clause(self, element: Element) -> InputClause:
        expression = element.first("inputExpression")
        literal = LiteralExpression("", place=self.place(element)) if expression is None else self.literal(expression)
        return InputClause(literal, _tests(element, "inputValues"))

    def output_clause(self, element: Element) -> OutputClause:
        default = element.first("defaultOutputEntry")
        return OutputClause(
            element.get("name"),
            _type_ref(element),
            _tests(element, "outputValues"),
            None if default is None else self.literal(default),
        )

    def rule(self, element: Element, inputs: int, outputs: int) -> Rule:
        tests = tuple(self.literal(each) for each in element.all("inputEntry"))
        entries = tuple(self.literal(each) for each in element.all("outputEntry"))
        if len(tests) != inputs or len(entries) != outputs:
            self.refuse(
                element,
                "dmn.bad_table",
                f"the rule has {len(tests)} input and {len(entries)} output entries",
                f"the table has {inputs} inputs and {outputs} outputs",
            )
        return Rule(tests, entries)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names)


def _type_ref(element: Element) -> str:
    """The type that an element names: an attribute, in early versions with a prefix such as `feel:`, or a child."""
    return element.get("typeRef") or element.text_of("typeRef").strip()


def _tests(element: Element, name: str) -> str:
    found = element.first(name)
    return "" if found is None else found.text_of("text").strip()


_EXPRESSIONS: Final[Mapping[str, Callable[[_Reader, Element], Boxed]]] = {
    "literalExpression": _Reader.literal,
    "context": _Reader.context,
    "list": _Reader.list,
    "relation": _Reader.relation,
    "invocation": _Reader.invocation,
    "functionDefinition": _Reader.function,
    "conditional": _Reader.conditional,
    "for": _Reader.for_,
    "some": _Reader.quantified,
    "every": _Reader.quantified,
    "filter": _Reader.filter,
    "decisionTable": _Reader.table,
}
