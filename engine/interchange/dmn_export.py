"""A decision of ours as a DMN model that other engines read: one decision, its inputs, their types, a diagram.

What a model has no place for (the rule set's name, number and days, the columns' ids) stands in attributes and an
element of a namespace of our own, which other engines pass over and `engine.interchange.dmn_import` reads.
Element order follows the standard's XML schema (OMG dtc/23-05-02), so that strict readers accept it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from engine import feel
from engine.feel import types
from engine.interchange.xml_text import Tag, xml
from engine.kinds.decision.expression import ExpressionBody
from engine.kinds.decision.table import TableBody
from engine.problems import InvalidError, Place, Problem
from engine.rulefile import FactField, RuleSet, yaml_reader
from engine.rulefile.nodes import Node
from engine.tables import HitPolicy, Output, TableModel

VERSIONS: Final = {
    "1.3": "https://www.omg.org/spec/DMN/20191111/",
    "1.4": "https://www.omg.org/spec/DMN/20211108/",
    "1.5": "https://www.omg.org/spec/DMN/20230324/",
}
"""Versions of the standard that can be written, and what their namespaces begin with. The elements are the same."""

BOUNDS: Final = "http://www.omg.org/spec/DMN/20180521/DC/"
EDGES: Final = "http://www.omg.org/spec/DMN/20180521/DI/"
OURS: Final = "urn:bylaw:dmn"
"""The namespace of what only we read."""

RULE: Final = "rule_"
"""Before a row's id, since an XML id does not begin with a digit."""

_POLICIES: Final = {
    HitPolicy.COLLECT_SUM: ("COLLECT", "SUM"),
    HitPolicy.COLLECT_MIN: ("COLLECT", "MIN"),
    HitPolicy.COLLECT_MAX: ("COLLECT", "MAX"),
    HitPolicy.COLLECT_COUNT: ("COLLECT", "COUNT"),
}
_FORMS: Final = {
    "integer": "number",
    "date-time": "date and time",
    "duration": "days and time duration",
    "year-month-duration": "years and months duration",
    "object": "Any",
    "array": "Any",
    "any": "Any",
}


def to_dmn(rule_set: RuleSet, version: str = "1.5") -> str:
    """The model's XML, in a version of `VERSIONS`.

    Raises `InvalidError` (`dmn.not_exportable`) for a rule set that is no decision.
    """
    body = rule_set.body
    if not isinstance(body, TableBody | ExpressionBody):
        message = f"`{rule_set.name}` is of kind `{rule_set.kind}`; only decisions become DMN models"
        raise InvalidError(Problem("dmn.not_exportable", message, Place(rule_set.source)))
    return xml(_Export(rule_set, body).definitions(VERSIONS[version]))


class _Export:
    """One rule set."""

    def __init__(self, rule_set: RuleSet, body: TableBody | ExpressionBody) -> None:
        self.rule_set, self.body = rule_set, body
        read = {path.partition(".")[0] for path in body.reads}
        self.facts = [each for each in rule_set.facts.fields if each.name in read]
        name = rule_set.head.name.replace("-", "_")
        # Names of a model are one space: a decision that is called like an input would hide it.
        self.name = f"{name}_decision" if any(fact.name == name for fact in self.facts) else name
        self.items: list[Tag] = []
        self.tree = yaml_reader.read(rule_set.text.encode(), rule_set.source)

    def definitions(self, namespace: str) -> Tag:
        inputs = tuple(self.input(each) for each in self.facts)
        decision = self.decision()
        attributes = {
            "xmlns": f"{namespace}MODEL/",
            "xmlns:dmndi": f"{namespace}DMNDI/",
            "xmlns:dc": BOUNDS,
            "xmlns:di": EDGES,
            "xmlns:bylaw": OURS,
            "id": f"definitions_{self.name}",
            "name": self.rule_set.name,
            "namespace": f"urn:bylaw:rule-set:{self.rule_set.name}@{self.rule_set.version}",
            "exporter": "Bylaw",
        }
        return Tag("definitions", attributes, (*self.items, *inputs, decision, self.diagram()))

    # -- inputs and types

    def input(self, fact: FactField) -> Tag:
        item = self.item(fact, "itemDefinition", f"t_{fact.name}")
        type_ref = _simple(fact)
        if item.children[0].name != "typeRef" or len(item.children) > 1 or item.attributes.get("isCollection"):
            self.items.append(item)
            type_ref = f"t_{fact.name}"
        variable = Tag("variable", {"id": f"variable_{fact.name}", "name": fact.name, "typeRef": type_ref})
        described = (Tag("description", text=fact.description),) if fact.description else ()
        return Tag("inputData", {"id": f"input_{fact.name}", "name": fact.name}, (*described, variable))

    def item(self, fact: FactField, tag: str, name: str) -> Tag:
        """The type of a fact, and of what it is made of."""
        attributes = {"id": f"item_{name}" if tag == "itemDefinition" else "", "name": name}
        if fact.item is not None:
            inner = self.item(fact.item, tag, name)
            if inner.attributes.get("isCollection"):  # a list of lists has no form without a type of its own
                return Tag(tag, attributes, (Tag("typeRef", text="Any"),))
            return Tag(tag, {**attributes, "isCollection": "true"}, inner.children)
        if fact.fields:
            parts = tuple(self.item(each, "itemComponent", each.name) for each in fact.fields)
            return Tag(tag, attributes, parts)
        allowed = _allowed(fact)
        constrained = (_texts("allowedValues", allowed),) if allowed else ()
        return Tag(tag, attributes, (Tag("typeRef", text=_simple(fact)), *constrained))

    # -- the decision

    def decision(self) -> Tag:
        head, body = self.rule_set.head, self.body
        ours = {
            "name": head.name,
            "version": str(head.version),
            "title": head.title,
            "from": head.effective.from_.isoformat(),
            "to": head.effective.to.isoformat() if head.effective.to else "",
            "zone": head.zone_name,
            "facts": head.facts,
        }
        logic = self.table(body) if isinstance(body, TableBody) else self.literal(body)
        if isinstance(body, ExpressionBody):
            ours["because"] = body.because
        requirements = (
            Tag(
                "informationRequirement",
                {"id": f"requires_{fact.name}"},
                (Tag("requiredInput", {"href": f"#input_{fact.name}"}),),
            )
            for fact in self.facts
        )
        return Tag(
            "decision",
            {"id": f"decision_{self.name}", "name": self.name, "label": head.title},
            (
                Tag("extensionElements", {}, (Tag("bylaw:ruleSet", ours),)),
                Tag("variable", {"id": "result", "name": self.name, "typeRef": self.result_type()}),
                *requirements,
                logic,
            ),
        )

    def literal(self, body: ExpressionBody) -> Tag:
        attributes = {"id": "expression", "typeRef": _type_name(body.expression.type)}
        return Tag("literalExpression", attributes, (Tag("text", text=body.expression.text.strip()),))

    def result_type(self) -> str:
        """The type of the decision's value: an output's, or one made for a list or several outputs."""
        if isinstance(self.body, ExpressionBody):
            return _type_name(self.body.expression.type)
        model = self.body.table.model
        policy, outputs = model.hit_policy, model.outputs
        if policy.aggregates:
            return "number" if policy is HitPolicy.COLLECT_COUNT else _type_name(outputs[0].type)
        if len(outputs) == 1 and policy.is_single:
            return _type_name(outputs[0].type)
        if all(output.default is None for output in outputs) or policy.is_single:
            collection = "" if policy.is_single else "true"
            type_ref = (Tag("typeRef", text=_type_name(outputs[0].type)),)
            parts = tuple(
                Tag("itemComponent", {"name": each.name}, (Tag("typeRef", text=_type_name(each.type)),))
                for each in outputs
            )
            attributes = {"id": "item_t_result", "name": "t_result", "isCollection": collection}
            self.items.append(Tag("itemDefinition", attributes, parts if len(outputs) > 1 else type_ref))
            return "t_result"
        return "Any"  # a list, or the defaults alone

    def table(self, body: TableBody) -> Tag:
        model = body.table.model
        policy, aggregation = _POLICIES.get(model.hit_policy, (model.hit_policy.value, ""))
        columns = self.tree["columns"]
        attributes = {
            "id": "table",
            "hitPolicy": policy,
            "aggregation": aggregation,
            "preferredOrientation": "Rule-as-Row",
            "outputLabel": self.rule_set.title if len(model.outputs) == 1 else "",
        }
        parts = (
            *self.inputs(body, columns.list_of("inputs")),
            *self.outputs(model, columns.list_of("outputs")),
            Tag("annotation", {"name": "because"}),
            *self.rules(model),
        )
        return Tag("decisionTable", attributes, parts)

    def inputs(self, body: TableBody, nodes: Sequence[Node]) -> Iterator[Tag]:
        for given, checked, node in zip(body.table.model.inputs, body.table.inputs, nodes, strict=True):
            identifier = node.text_of("id")
            type_ref = _type_name(checked.type) if checked is not None else "Any"
            expression = Tag(
                "inputExpression",
                {"id": f"expression_{identifier}", "typeRef": type_ref},
                (Tag("text", text=given.expression.text.strip()),),
            )
            attributes = {
                "id": f"in_{identifier}",
                "label": given.label,
                "bylaw:id": identifier,
                "bylaw:title": node.text_of("title"),
            }
            yield Tag("input", attributes, (expression,))

    def outputs(self, model: TableModel, nodes: Sequence[Node]) -> Iterator[Tag]:
        for output, node in zip(model.outputs, nodes, strict=True):
            attributes = {"id": f"out_{output.name}", "label": node.text_of("title") or output.name}
            if len(model.outputs) > 1:  # a single output is named by the decision
                attributes |= {"name": output.name, "typeRef": _type_name(output.type)}
            attributes |= {
                "bylaw:id": output.name,
                "bylaw:title": node.text_of("title"),
                "bylaw:type": node.text_of("type"),
            }
            yield Tag("output", attributes, tuple(self.output_parts(output)))

    @staticmethod
    def output_parts(output: Output) -> Iterator[Tag]:
        if output.allowed:
            yield _texts("outputValues", ", ".join(map(feel.literal, output.allowed)))
        if output.default is not None:
            yield _texts("defaultOutputEntry", output.default.text.strip())

    @staticmethod
    def rules(model: TableModel) -> Iterator[Tag]:
        for number, row in enumerate(model.rows):
            cells = [("inputEntry", text.text.strip() or "-") for text in row.inputs]
            cells += [("outputEntry", text.text.strip()) for text in row.outputs]
            entries = [
                Tag(name, {"id": f"entry_{number}_{at}"}, (Tag("text", text=text),))
                for at, (name, text) in enumerate(cells)
            ]
            entries.append(_texts("annotationEntry", row.because))
            yield Tag("rule", {"id": f"{RULE}{row.id}"}, tuple(entries))

    # -- the diagram

    def diagram(self) -> Tag:
        """The decision above its inputs, side by side."""
        width, height, gap = 180, 60, 40
        total = max(1, len(self.facts)) * (width + gap) - gap
        middle = 100 + (total - width) // 2

        def shape(element: str, x: int, y: int) -> Tag:
            bounds = {"x": str(x), "y": str(y), "width": str(width), "height": str(height)}
            return Tag(
                "dmndi:DMNShape", {"id": f"shape_{element}", "dmnElementRef": element}, (Tag("dc:Bounds", bounds),)
            )

        def edge(at: int, fact: FactField) -> Tag:
            start = {"x": str(100 + at * (width + gap) + width // 2), "y": "240"}
            end = {"x": str(middle + width // 2), "y": "160"}
            attributes = {"id": f"edge_{fact.name}", "dmnElementRef": f"requires_{fact.name}"}
            return Tag("dmndi:DMNEdge", attributes, (Tag("di:waypoint", start), Tag("di:waypoint", end)))

        parts = (
            shape(f"decision_{self.name}", middle, 100),
            *(shape(f"input_{fact.name}", 100 + at * (width + gap), 240) for at, fact in enumerate(self.facts)),
            *(edge(at, fact) for at, fact in enumerate(self.facts)),
        )
        return Tag("dmndi:DMNDI", {}, (Tag("dmndi:DMNDiagram", {"id": "diagram"}, parts),))


def _texts(name: str, text: str) -> Tag:
    return Tag(name, {}, (Tag("text", text=text),))


def _simple(fact: FactField) -> str:
    return _FORMS.get(fact.form, fact.form)


def _allowed(fact: FactField) -> str:
    """A fact's limits as unary tests; empty if it has none."""
    if fact.enum is not None:
        return ", ".join(map(feel.literal, fact.enum))
    low, high = fact.minimum, fact.maximum
    if low is not None and high is not None:
        return f"[{feel.literal(low)}..{feel.literal(high)}]"
    if low is not None:
        return f">= {feel.literal(low)}"
    return f"<= {feel.literal(high)}" if high is not None else ""


def _type_name(type_: types.Type) -> str:
    """A type by the name that a reference may use; what has none is `Any`."""
    known = isinstance(type_, types.SimpleType) and type_ != types.NULL
    return str(type_) if known else "Any"
