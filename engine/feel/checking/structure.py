"""Literals, names and parts; lists, contexts, filters and loops."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from engine.feel import habits, ir, syntax
from engine.feel.builtins import BY_NAME
from engine.feel.checking.base import CheckerBase
from engine.feel.checking.operator_types import NULLABLE_PARTS, PROPERTIES, RANGE_PROPERTIES
from engine.feel.checking.wording import a_type, shown_names
from engine.feel.conform import type_of
from engine.feel.suggest import closest
from engine.feel.temporal import temporal_from
from engine.feel.text import number_text
from engine.feel.types import (
    ANY,
    BOOLEAN,
    DATE,
    NUMBER,
    ContextType,
    Field,
    ListType,
    RangeType,
    Type,
    common,
    fits,
)
from engine.feel.values import Fault

_GROUP: Final = re.compile(r"0[0-9]{2}(?![0-9])")
_GROUPS_BEFORE: Final = re.compile(r"\b[0-9]{1,3}(?:,[0-9]{3})*,\Z")
"""`1,000`: nobody writes a number with zeros before it as the next of several."""
_LOOPS: Final = "for instance `in [1..5]`, `in 1..5` or a list"


class StructureChecks(CheckerBase):
    """Checks what values are made of and taken from."""

    def literal(self, tree: syntax.Literal) -> ir.Node:
        """A number, text, boolean or null."""
        written = self.places.text[tree.span[0] : tree.span[1]]
        before = _GROUPS_BEFORE.search(self.places.text[: tree.span[0]]) if _GROUP.match(written) else None
        if before is not None:
            help_ = f"digits are not grouped: `{before.group().replace(',', '')}{written}`"
            self.problem(
                "feel.syntax", f"the number `{before.group()}{written}` would be read as several", tree.span, help_
            )
            return self.broken(tree.span)
        return ir.Const(tree.value, type=type_of(tree.value), nullable=tree.value is None, span=tree.span)

    def at_literal(self, tree: syntax.AtLiteral) -> ir.Node:
        """`@"..."`, read now."""
        try:
            value = temporal_from(tree.text)
        except Fault as fault:
            self.problem(fault.code, fault.message, tree.span, fault.help)
            return self.broken(tree.span)
        return ir.Const(value, type=type_of(value), span=tree.span)

    def name(self, tree: syntax.Name) -> ir.Node:
        """A fact or variable."""
        found = self.lookup(tree.name, tree.span)
        if found is not None:
            return found
        if tree.name in BY_NAME or tree.name == "not":
            self.problem(
                "feel.unknown_name",
                f"`{tree.name}` is a function and must be called",
                tree.span,
                f"write `{tree.name}()`" if tree.name in {"now", "today"} else f"write `{tree.name}(...)`",
            )
        else:
            self.problem(
                "feel.unknown_name", f"there is no fact named `{tree.name[:60]}`", tree.span, self.meant(tree.name)
            )
        return self.broken(tree.span)

    def path(self, tree: syntax.Path) -> ir.Node:
        """`base.name`: an entry, a part, or the same of every item of a list."""
        base = self.check(tree.base)
        type_ = base.type
        if isinstance(type_, ContextType):
            return self.field(base, type_, tree)
        if isinstance(type_, ListType):
            item = type_.item
            if isinstance(item, ContextType) and tree.name in item.fields:
                found = item.fields[tree.name].type
                return ir.Member(base, tree.name, type=ListType(found), nullable=base.nullable, span=tree.span)
            if tree.name in PROPERTIES.get(item, ()):
                found = PROPERTIES[item][tree.name]
                return self.fold(
                    ir.Member(base, tree.name, type=ListType(found), nullable=base.nullable, span=tree.span)
                )
            if item == ANY or (isinstance(item, ContextType) and not item.fields):
                return ir.Member(base, tree.name, type=ListType(ANY), nullable=base.nullable, span=tree.span)
            parts: Iterable[str] = item.fields if isinstance(item, ContextType) else PROPERTIES.get(item, ())
        elif isinstance(type_, RangeType):
            if tree.name in RANGE_PROPERTIES:
                found = BOOLEAN if "included" in tree.name else type_.item
                return self.fold(ir.Member(base, tree.name, type=found, nullable=True, span=tree.span))
            parts = RANGE_PROPERTIES
        elif type_ == ANY:
            return (
                base
                if isinstance(base, ir.Const)
                else ir.Member(base, tree.name, type=ANY, nullable=True, span=tree.span)
            )
        else:
            parts = PROPERTIES.get(type_, {})
            if tree.name in parts:
                nullable = base.nullable or tree.name in NULLABLE_PARTS
                node = ir.Member(base, tree.name, type=PROPERTIES[type_][tree.name], nullable=nullable, span=tree.span)
                return self.fold(node)
        self.no_part(tree, type_, parts)
        return self.broken(tree.span)

    def field(self, base: ir.Node, type_: ContextType, tree: syntax.Path) -> ir.Node:
        """An entry of a context whose type says what it holds."""
        if not type_.fields:
            return ir.Member(base, tree.name, type=ANY, nullable=True, span=tree.span)
        given = type_.fields.get(tree.name)
        if given is None:
            self.no_part(tree, type_, type_.fields)
            return self.broken(tree.span)
        nullable = base.nullable or given.optional
        if isinstance(base, ir.Fact):
            return ir.Fact((*base.path, tree.name), given.enum, type=given.type, nullable=nullable, span=tree.span)
        return self.fold(ir.Member(base, tree.name, given.enum, type=given.type, nullable=nullable, span=tree.span))

    def no_part(self, tree: syntax.Path, type_: Type, parts: Iterable[str]) -> None:
        """Say that there is no such part, and which there are."""
        names = sorted(parts)
        near = closest(tree.name, names)
        if near:
            help_ = f"did you mean `{near}`?"
        elif function := closest(tree.name, BY_NAME):
            help_ = f"a function stands before its arguments: `{function}(x, ...)`"
        elif (known := habits.function_meant(tree.name)) and f".{tree.name}" not in known:
            help_ = known
        else:
            help_ = f"it has {shown_names(names)}" if names else f"{a_type(type_)} has no parts"
        what = "this" if isinstance(type_, ContextType) else a_type(type_)
        self.problem("feel.unknown_name", f"{what} has no part `{tree.name[:60]}`", tree.name_span, help_)

    def list_(self, tree: syntax.ListLiteral) -> ir.Node:
        """`[a, b]`."""
        items = tuple(self.check(item) for item in tree.items)
        item_type: Type | None = None
        for item in items:
            item_type = item.type if item_type is None else common(item_type, item.type)
        return self.fold(ir.ListOf(items, type=ListType(item_type or ANY), span=tree.span))

    def context(self, tree: syntax.ContextLiteral) -> ir.Node:
        """`{key: value}`; later entries may read earlier ones."""
        frame: dict[str, ir.Node] = {}
        self.frames.append(frame)
        locals_: list[ir.Local] = []
        values: list[ir.Node] = []
        for entry in tree.entries:
            local = self.local(entry.key, ANY, entry.span)
            if isinstance(entry.value, syntax.FunctionDefinition):  # which may call itself
                frame[entry.key] = replace(local, type=self.own_type(entry.value), nullable=False)
            value = self.check(entry.value)
            frame[entry.key] = local = replace(local, type=value.type, nullable=value.nullable)
            locals_.append(local)
            values.append(value)
        self.frames.pop()
        keys = tuple(entry.key for entry in tree.entries)
        fields = {key: Field(value.type, value.nullable) for key, value in zip(keys, values, strict=True)}
        return self.fold(ir.ContextOf(keys, tuple(locals_), tuple(values), type=ContextType(fields), span=tree.span))

    def filter(self, tree: syntax.Filter) -> ir.Node:
        """`base[condition]` and `base[position]`."""
        base = self.check(tree.base)
        item_type = base.type.item if isinstance(base.type, ListType) else base.type
        item = self.local("item", item_type, tree.span)
        frame: dict[str, ir.Node] = {}
        if isinstance(item_type, ContextType):
            frame = {
                name: ir.Member(item, name, given.enum, type=given.type, nullable=True)
                for name, given in item_type.fields.items()
            }
        frame.setdefault("item", item)
        self.frames.append(frame)
        self.looping += 1
        predicate = self.check(tree.predicate)
        self.looping -= 1
        self.frames.pop()
        if predicate.type == NUMBER:
            self.check_position(predicate)
            return self.fold(ir.Index(base, predicate, type=item_type, nullable=True, span=tree.span))
        if not fits(predicate.type, BOOLEAN):
            self.problem(
                "feel.wrong_type",
                f"a filter takes a condition or a position; this is {a_type(predicate.type)}",
                predicate.span,
                'for instance `visits[item.kind = "call"]` or `visits[1]`',
            )
            return self.broken(tree.span)
        type_ = base.type if isinstance(base.type, ListType) else ListType(item_type)
        condition = self.require(predicate, BOOLEAN)
        return ir.Select(base, item, condition, type=type_, span=tree.span)

    def check_position(self, node: ir.Node) -> None:
        """Note a constant that no item of any list stands at."""
        value = node.value if isinstance(node, ir.Const) else None
        if isinstance(value, Decimal) and (value == 0 or value != value.to_integral_value()):
            self.problem(
                "feel.wrong_arguments",
                f"`{number_text(value)}` is not a position in a list",
                node.span,
                "positions are 1, 2, 3, or -1 from the end",
            )

    def iterations(self, given: Sequence[syntax.Iteration]) -> tuple[tuple[ir.Local, ...], tuple[ir.Node, ...]]:
        """The loop's variables and domains; leaves one frame for each on the stack."""
        locals_: list[ir.Local] = []
        domains: list[ir.Node] = []
        for each in given:
            domain, item = self.domain(each)
            local = self.local(each.name, item, each.span)
            self.frames.append({each.name: local})
            self.looping += 1
            locals_.append(local)
            domains.append(domain)
        return tuple(locals_), tuple(domains)

    def domain(self, given: syntax.Iteration) -> tuple[ir.Node, Type]:
        """What one variable of a loop goes over, and the type of its items."""
        start = self.check(given.domain)
        if given.end is not None:
            end = self.check(given.end)
            for side in (start, end):
                if not fits(side.type, NUMBER) and not fits(side.type, DATE):
                    self.problem(
                        "feel.wrong_type", f"a loop counts numbers or dates, not {a_type(side.type)}", side.span
                    )
            return ir.Count(start, end, type=ListType(start.type), span=given.span), start.type
        if isinstance(start.type, ListType):
            return start, start.type.item
        if isinstance(start.type, RangeType) and (fits(start.type.item, NUMBER) or fits(start.type.item, DATE)):
            return start, start.type.item
        if start.type != ANY:
            self.problem(
                "feel.wrong_type", f"a loop goes over a list or range, not {a_type(start.type)}", start.span, _LOOPS
            )
        return start, ANY

    def for_(self, tree: syntax.For) -> ir.Node:
        """`for x in xs return result`."""
        depth = len(self.frames)
        locals_, domains = self.iterations(tree.iterations)
        partial = self.local("partial", ListType(ANY), tree.span, nullable=False)
        self.frames.insert(depth, {"partial": partial})
        result = self.check(tree.result)
        del self.frames[depth:]
        self.looping -= len(tree.iterations)
        reads = any(isinstance(node, ir.Local) and node.name == partial.name for node in ir.walk(result))
        return ir.Loop(locals_, domains, result, partial if reads else None, type=ListType(result.type), span=tree.span)

    def quantified(self, tree: syntax.Quantified) -> ir.Node:
        """`some` and `every`."""
        depth = len(self.frames)
        locals_, domains = self.iterations(tree.iterations)
        condition = self.condition(tree.condition, f"`{tree.kind}`")
        del self.frames[depth:]
        self.looping -= len(tree.iterations)
        return ir.Quantified(
            tree.kind, locals_, domains, condition, type=BOOLEAN, nullable=condition.nullable, span=tree.span
        )
