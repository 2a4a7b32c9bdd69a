"""Python source from the intermediate form, for single evaluations at speed.

Only our own checked nodes become code; every value and name of the author is bound as a constant and never spelt in
the source. Where static types are known the code is direct (`a >= b`); elsewhere it calls the same operations as
the interpreter. Generated code does not know places: when it fails, the interpreter is asked for the problem.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from types import CodeType
from typing import Any, ClassVar, Final, cast

from engine.feel import ir
from engine.feel.conform import PYTHON_TYPES, is_instance, reader, ready
from engine.feel.functions.numbers import rounder_to
from engine.feel.functions.signature import Signature
from engine.feel.interpret import (
    Closure,
    belongs_to,
    call_builtin,
    evaluate_node,
    half_range,
    is_open,
    required,
)
from engine.feel.limits import MAX_GENERATED_DEPTH, MAX_LIST_ITEMS
from engine.feel.operations import (
    ARITHMETIC,
    Run,
    as_list,
    counted,
    domain_of,
    equal,
    item_at,
    list_limit,
    looked_at,
    member,
    metered,
    negate,
    order,
    paid,
    range_of,
)
from engine.feel.piecewise import straight_pieces
from engine.feel.temporal import add_duration
from engine.feel.types import (
    ANY,
    DATE,
    DATE_TIME,
    DAYS_TIME_DURATION,
    NUMBER,
    ORDERED,
    STRING,
    ContextType,
    ListType,
    RangeType,
    Type,
)
from engine.feel.values import NUMBERS, Value

_NUMBER_OPS: Final = {
    "+": NUMBERS.add,
    "-": NUMBERS.subtract,
    "*": NUMBERS.multiply,
    "/": NUMBERS.divide,
    "**": NUMBERS.power,
}
_PYTHON_OPS: Final = {"=": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_NEEDS_RUN: Final = (ir.Select, ir.Count, ir.Loop, ir.Quantified, ir.Invoke)


_EXTREMES: Final = {"min": "<", "max": ">"}


def _definite_numbers(node: ir.Call) -> bool:
    """Whether a `min` or `max` compares two or more numbers none of which can be null: then neither can it."""
    return len(node.arguments) > 1 and all(part.type == NUMBER and _definite(part) for part in node.arguments)


def _constant_length(node: ir.Arithmetic) -> dt.timedelta | None:
    """By how much a sum moves a day or an instant, where that is a constant: `now() - duration("P30D")`."""
    right = node.right
    if node.left.type not in {DATE, DATE_TIME} or right.type != DAYS_TIME_DURATION or not isinstance(right, ir.Const):
        return None
    length = cast("dt.timedelta", right.value)
    if node.op not in {"+", "-"} or abs(length.days) >= dt.timedelta.max.days:
        return None
    return length if node.op == "+" else -length


def _has_length(type_: Type) -> bool:
    return type_ in {STRING, ANY} or isinstance(type_, ListType)


def _definite(node: ir.Node) -> bool:
    """Whether a node is never null, also where its type alone does not say so."""
    if not node.nullable:
        return True
    if isinstance(node, ir.Call):
        return node.name in _EXTREMES and _definite_numbers(node)
    if isinstance(node, ir.If):
        return _definite(node.yes) and _definite(node.no)
    if isinstance(node, ir.Arithmetic) and node.left.type == node.right.type == NUMBER:
        return _definite(node.left) and _definite(node.right)
    return False


def _null_safe(signature: Signature) -> Callable[..., Value]:
    call = signature.call
    if not any(parameter.takes_null for parameter in signature.parameters):

        def safe(*arguments: Value) -> Value:
            return None if None in arguments else call(*arguments)

        return safe

    def partly_safe(*arguments: Value) -> Value:
        return None if signature.lacks(arguments) else call(*arguments)

    return partly_safe


def _looked(run: Run, arguments: tuple[Value, ...]) -> tuple[Value, ...]:
    """The arguments, when the steps for looking through them are there."""
    run.spend(looked_at(arguments))
    return arguments


def _select(run: Run, base: Value, keep: Callable[[Value], object]) -> Value:
    items = as_list(base)
    run.spend(len(items))
    return tuple(item for item in items if keep(item) is True)


def _not_equal(left: Value, right: Value) -> bool:
    return not equal(left, right)


def _loop(
    run: Run,
    domains: Sequence[Callable[..., Sequence[Value]]],
    result: Callable[..., Value],
    partial: bool,  # noqa: FBT001  # only generated code calls it
) -> Value:
    found: list[Value] = []

    def go(at: int, bound: tuple[Value, ...]) -> None:
        if at == len(domains):
            if partial:
                run.spend(len(found))
                found.append(result(*bound, tuple(found)))
            else:
                found.append(result(*bound))
            if len(found) > MAX_LIST_ITEMS:
                list_limit(tuple(found))
            return
        for item in domains[at](*bound):
            go(at + 1, (*bound, item))

    go(0, ())
    return tuple(found)


def _quantified(
    decisive: bool,  # noqa: FBT001  # only generated code calls it
    domains: Sequence[Callable[..., Sequence[Value]]],
    condition: Callable[..., Value],
) -> Value:
    unknown = False

    def go(at: int, bound: tuple[Value, ...]) -> bool:
        nonlocal unknown
        if at == len(domains):
            value = condition(*bound)
            unknown = unknown or value is None
            return value is decisive
        return any(go(at + 1, (*bound, item)) for item in domains[at](*bound))

    if go(0, ()):
        return decisive
    return None if unknown else not decisive


_RUNTIME: Final[dict[str, object]] = {
    "as_list": as_list,
    "belongs_to": belongs_to,
    "call_builtin": call_builtin,
    "counted": counted,
    "domain_of": domain_of,
    "equal": equal,
    "evaluate_node": evaluate_node,
    "function": Closure,
    "half_range": half_range,
    "is_instance": is_instance,
    "item_at": item_at,
    "looked": _looked,
    "loop": _loop,
    "max": max,
    "metered": metered,
    "member": member,
    "min": min,
    "negate": negate,
    "not_equal": _not_equal,
    "order": order,
    "paid": paid,
    "quantified": _quantified,
    "range_of": range_of,
    "required": required,
    "select": _select,
}


class Source:
    """Python source under construction, with the constants it refers to."""

    def __init__(self, *, step_by_step: bool = False) -> None:
        """Empty. `step_by_step`: every operator becomes code, also where a quicker form is known."""
        self.step_by_step = step_by_step
        self.lines: list[str] = []
        self.constants: dict[str, object] = {}
        self.facts: dict[tuple[str, ...], str] = {}
        self.locals: dict[str, str] = {}
        self.needs_run = False
        self._made = 0
        self._known: dict[tuple[type, object], str] = {}

    # -- names

    def fresh(self, prefix: str) -> str:
        """A name not used yet."""
        self._made += 1
        return f"{prefix}{self._made}"

    def bind(self, value: object) -> str:
        """The name of a constant."""
        if value is None or value is True or value is False:
            return repr(value)
        key: tuple[type, object] | None = None
        if isinstance(value, Decimal):
            key = (Decimal, value.as_tuple())
        elif isinstance(value, str):
            key = (str, value)
        if key is not None and key in self._known:
            return self._known[key]
        name = self.fresh("k")
        self.constants[name] = value
        if key is not None:
            self._known[key] = name
        return name

    def line(self, text: str, indent: int = 1) -> None:
        """Add a line of code."""
        self.lines.append("    " * indent + text)

    # -- facts

    def read(self, facts: Iterable[ir.Fact], indent: int = 1) -> None:
        """Read facts into variables, checking each one's type; those read already are left."""
        for fact in facts:
            if fact.path in self.facts:
                continue
            name = self.facts[fact.path] = self.fresh("f")
            again = self.bind(reader(fact.path, fact.type, optional=fact.nullable))
            python_type = PYTHON_TYPES.get(fact.type)
            if python_type is None:
                is_ready = ready(fact.type) if len(fact.path) == 1 else None
                if is_ready is None:
                    self.line(f"{name} = {again}(facts)", indent)
                    continue
                self.line(f"{name} = facts.get({self.bind(fact.path[0])})", indent)
                self.line(f"if not {self.bind(is_ready)}({name}): {name} = {again}(facts)", indent)
                continue
            keys = "".join(f"[{self.bind(key)}]" for key in fact.path)
            if len(fact.path) == 1 and fact.nullable:
                self.line(f"{name} = facts.get({self.bind(fact.path[0])})", indent)
                known = f"{name} is not None and type({name}) is not {self.bind(python_type)}"
                self.line(f"if {known}: {name} = {again}(facts)", indent)
            else:
                self.line(f"try: {name} = facts{keys}", indent)
                self.line(f"except (KeyError, TypeError): {name} = None", indent)
                self.line(f"if type({name}) is not {self.bind(python_type)}: {name} = {again}(facts)", indent)

    def read_all(self, facts: Iterable[ir.Fact], columns: Sequence[tuple[ir.Fact, ir.Node]]) -> list[str]:
        """Read facts, and compute those that `columns` say how to; the variables of `facts`, in their order."""
        wanted = list(facts)
        computed = {fact.path for fact, _ in columns}
        for _, node in columns:
            self.read(ir.facts_of(node))
        self.read(fact for fact in wanted if fact.path not in computed)
        for fact, node in columns:
            if fact.path not in self.facts:
                name = self.facts[fact.path] = self.fresh("v")
                self.line(f"{name} = {self.expression(node)}")
        return [self.facts[fact.path] for fact in wanted]

    def take(self, facts: Iterable[ir.Fact]) -> None:
        """Take facts from a tuple of their values, which stands where else the facts do."""
        names = []
        for fact in facts:
            name = self.facts[fact.path] = self.fresh("f")
            names.append(f"{name}, ")
        self.line(f"({''.join(names)}) = facts")

    # -- expressions

    def expression(self, node: ir.Node) -> str:
        """Python code for a node's value, in brackets where needed."""
        if ir.depth(node) > MAX_GENERATED_DEPTH:
            self.needs_run = True
            read = {each.name for each in ir.walk(node) if isinstance(each, ir.Local)}
            bound = ", ".join(f"{self.bind(name)}: {python}" for name, python in self.locals.items() if name in read)
            return f"evaluate_node({self.bind(node)}, run, {{{bound}}})"
        return self._expression(node)

    def _expression(self, node: ir.Node) -> str:
        if isinstance(node, _NEEDS_RUN):
            self.needs_run = True
        if isinstance(node, ir.Arithmetic | ir.If) and not self.step_by_step and (quick := straight_pieces(node)):
            fact, quickened = quick
            return f"{self.bind(quickened(_of_one_fact(node, fact)))}({self.facts[fact.path]})"
        return self._BY_NODE[type(node)](self, node)

    def atom(self, node: ir.Node) -> str | None:
        """The node as a plain name, when it is one."""
        if isinstance(node, ir.Const | ir.Fact | ir.Local):
            return self._expression(node)
        return None

    def _const(self, node: ir.Const) -> str:
        return self.bind(node.value)

    def _fact(self, node: ir.Fact) -> str:
        return self.facts[node.path]

    def _local(self, node: ir.Local) -> str:
        return self.locals[node.name]

    def _declare(self, local: ir.Local) -> str:
        name = self.locals[local.name] = self.fresh("l")
        return name

    def _member(self, node: ir.Member) -> str:
        base = self._expression(node.base)
        if isinstance(node.base.type, ContextType):
            plain = self.atom(node.base)
            if plain and not node.base.nullable:
                return f"{plain}.get({self.bind(node.name)})"
            name = self.fresh("t")
            return f"(None if ({name} := {base}) is None else {name}.get({self.bind(node.name)}))"
        return f"member({base}, {self.bind(node.name)})"

    def _arithmetic(self, node: ir.Arithmetic) -> str:
        left, right = self._expression(node.left), self._expression(node.right)
        if node.left.type == node.right.type == NUMBER:
            call: Callable[..., Any] = _NUMBER_OPS[node.op]
            if not (_definite(node.left) and _definite(node.right)):
                call = ARITHMETIC[node.op]
            return f"{self.operation(call)}({left}, {right})"
        length = _constant_length(node)
        if length is not None and _definite(node.left):
            return f"{self.operation(add_duration)}({left}, {self.bind(length)})"
        if node.repeated:
            self.needs_run = True
            return f"metered(run, {self.operation(ARITHMETIC[node.op])}, {left}, {right})"
        return f"{self.operation(ARITHMETIC[node.op])}({left}, {right})"

    def operation(self, call: Callable[..., Any]) -> str:
        """The name of a function of ours, one for all its uses."""
        key = (type(call), id(call))  # bound below, so the id stays its own
        if key not in self._known:
            self._known[key] = self.bind(call)
        return self._known[key]

    def _negate(self, node: ir.Negate) -> str:
        return f"negate({self._expression(node.operand)})"

    def _compare(self, node: ir.Compare) -> str:
        left, right = self._expression(node.left), self._expression(node.right)
        types = node.left.type, node.right.type
        if node.op in {"=", "!="}:
            for side, other in ((node.left, right), (node.right, left)):
                if isinstance(side, ir.Const) and side.value is None:
                    return f"({other} is {'not ' if node.op == '!=' else ''}None)"
            if types[0] == types[1] and types[0] in PYTHON_TYPES:
                return f"({left} {_PYTHON_OPS[node.op]} {right})"
            call = "equal" if node.op == "=" else "not_equal"
            if node.repeated:
                self.needs_run = True
                return f"metered(run, {call}, {left}, {right})"
            return f"{call}({left}, {right})"
        if types[0] == types[1] and types[0] in ORDERED:
            plain = f"{left} {node.op} {right}"
            if not (node.left.nullable or node.right.nullable):
                return f"({plain})"
            if self.atom(node.left) and self.atom(node.right):
                tests = [name for side, name in ((node.left, left), (node.right, right)) if side.nullable]
                return f"(None if {' or '.join(f'{name} is None' for name in tests)} else {plain})"
        return f"order({self.bind(node.op)}, {left}, {right})"

    def _logic(self, node: ir.And | ir.Or) -> str:
        word, decisive = ("and", "False") if isinstance(node, ir.And) else ("or", "True")
        other = "True" if decisive == "False" else "False"
        if isinstance(node, ir.Or) and (member_ := self.membership(node)):
            return member_
        parts = [self._expression(item) for item in node.items]
        if not node.nullable:
            return f"({f' {word} '.join(parts)})"
        names = [self.fresh("t") for _ in parts]
        decided = " or ".join(f"({name} := {part}) is {decisive}" for name, part in zip(names, parts, strict=True))
        unknown = " or ".join(f"{name} is None" for name, item in zip(names, node.items, strict=True) if item.nullable)
        return f"({decisive} if {decided} else None if {unknown} else {other})"

    def membership(self, node: ir.Or) -> str | None:
        """`x = "a" or x = "b"` as one look into a set."""
        first = node.items[0]
        if not isinstance(first, ir.Compare) or not isinstance(first.left, ir.Fact | ir.Local):
            return None
        subject = self._expression(first.left)
        values = []
        for item in node.items:
            if (
                not isinstance(item, ir.Compare)
                or item.op != "="
                or not isinstance(item.left, ir.Fact | ir.Local)
                or self._expression(item.left) != subject
                or not isinstance(item.right, ir.Const)
                or item.right.type != STRING
                or item.left.type != STRING
            ):
                return None
            values.append(item.right.value)
        return f"({subject} in {self.bind(frozenset(cast('list[str]', values)))})"

    def _not(self, node: ir.Not) -> str:
        inner = self._expression(node.operand)
        if not node.operand.nullable:
            return f"(not {inner})"
        name = self.fresh("t")
        return f"(None if ({name} := {inner}) is None else not {name})"

    def _if(self, node: ir.If) -> str:
        condition, yes, no = (self._expression(part) for part in (node.condition, node.yes, node.no))
        return f"({yes} if {condition} else {no})"

    def _let(self, node: ir.Let) -> str:
        value = self._expression(node.value)
        name = self._declare(node.local)
        return f"(({name} := {value}), {self._expression(node.body)})[1]"

    def _belongs(self, node: ir.Belongs) -> str:
        in_range = isinstance(node.test.type, RangeType)
        operands = f"{self._expression(node.value)}, {self._expression(node.test)}, {in_range}"
        if node.repeated:
            self.needs_run = True
            return f"metered(run, belongs_to, {operands})"
        return f"belongs_to({operands})"

    def _require(self, node: ir.Require) -> str:
        return f"required({self._expression(node.value)}, {self.bind(node)})"

    def _list(self, node: ir.ListOf) -> str:
        return f"({''.join(f'{self._expression(item)}, ' for item in node.items)})"

    def _range(self, node: ir.RangeOf) -> str:
        make = "half_range" if is_open(node.low) or is_open(node.high) else "range_of"
        low, high = self._expression(node.low), self._expression(node.high)
        return f"{make}({low}, {high}, {node.low_closed}, {node.high_closed})"

    def _context(self, node: ir.ContextOf) -> str:
        entries = []
        for key, local, value in zip(node.keys, node.locals, node.values, strict=True):
            name = self._declare(local)  # before its value: a function may call itself
            entries.append(f"{self.bind(key)}: ({name} := {self._expression(value)})")
        return f"{{{', '.join(entries)}}}"

    def _index(self, node: ir.Index) -> str:
        return f"item_at(as_list({self._expression(node.base)}), {self._expression(node.position)})"

    def _select(self, node: ir.Select) -> str:
        base = self._expression(node.base)
        name = self._declare(node.local)
        return f"select(run, {base}, lambda {name}: {self._expression(node.condition)})"

    def _count(self, node: ir.Count) -> str:
        return f"counted(run, {self._expression(node.start)}, {self._expression(node.end)})"

    def domains(self, locals_: Sequence[ir.Local], domains: Sequence[ir.Node]) -> tuple[str, str]:
        """The domains as functions of the variables before, and the names of all variables."""
        names: list[str] = []
        codes = []
        for local, domain in zip(locals_, domains, strict=True):
            code = self._expression(domain)
            if not isinstance(domain, ir.Count):
                code = f"domain_of(run, {code})"
            codes.append(f"lambda {', '.join(names)}: {code}")
            names.append(self._declare(local))
        return f"({''.join(f'{code}, ' for code in codes)})", ", ".join(names)

    def _loop(self, node: ir.Loop) -> str:
        domains, names = self.domains(node.locals, node.domains)
        if node.partial is not None:
            names += f", {self._declare(node.partial)}"
        return f"loop(run, {domains}, lambda {names}: {self._expression(node.result)}, {node.partial is not None})"

    def _quantified(self, node: ir.Quantified) -> str:
        domains, names = self.domains(node.locals, node.domains)
        return f"quantified({node.kind == 'some'}, {domains}, lambda {names}: {self._expression(node.condition)})"

    def _call(self, node: ir.Call) -> str:
        code = self._called(node)
        if not node.repeated or not _has_length(node.type):
            return code
        self.needs_run = True
        return f"paid(run, {code})"

    def _called(self, node: ir.Call) -> str:
        if node.name in _EXTREMES and _definite_numbers(node):
            parts = [self._expression(argument) for argument in node.arguments]
            if len(parts) == 2 and self.atom(node.arguments[0]) and self.atom(node.arguments[1]):
                return f"({parts[1]} if {parts[1]} {_EXTREMES[node.name]} {parts[0]} else {parts[0]})"
            return f"{node.name}({', '.join(parts)})"
        arguments = ", ".join(self._expression(argument) for argument in node.arguments)
        signature = node.signatures[0]
        loose = len(node.signatures) > 1 or any(
            signature.parameter(at).is_loose(argument.type) for at, argument in enumerate(node.arguments)
        )
        packed = f"({arguments}{',' if node.arguments else ''})"
        if node.repeated and any(_has_length(argument.type) for argument in node.arguments):
            self.needs_run = True
            packed = f"looked(run, {packed})"
            arguments = f"*{packed}"
        if signature.wants_run and not loose and not node.arguments:
            self.needs_run = True
            return f"{self.operation(signature.call)}(run)"
        if loose or signature.wants_run:
            self.needs_run = True
            return f"call_builtin({self.bind(node.name)}, {self.bind(node.signatures)}, run, {packed})"
        safe = all(
            _definite(argument) or signature.parameter(at).takes_null for at, argument in enumerate(node.arguments)
        )
        if safe and len(node.arguments) == 2 and isinstance(scale := node.arguments[1], ir.Const):
            quick = rounder_to(node.name, cast("Decimal", scale.value), signature.call)
            if quick is not None:
                return f"{self.bind(quick)}({self._expression(node.arguments[0])})"
        return f"{self.operation(signature.call) if safe else self.bind(_null_safe(signature))}({arguments})"

    def _function(self, node: ir.Function) -> str:
        names = ", ".join(self._declare(parameter) for parameter in node.parameters)
        return f"function({self.bind(node.type)}, lambda {names}: {self._expression(node.body)})"

    def _invoke(self, node: ir.Invoke) -> str:
        arguments = "".join(f"{self._expression(argument)}, " for argument in node.arguments)
        return f"run.invoke({self._expression(node.function)}, ({arguments}))"

    def _instance_of(self, node: ir.InstanceOf) -> str:
        return f"is_instance({self._expression(node.value)}, {self.bind(node.tested)})"

    # -- the end

    def function_of(self, parameters: str) -> Callable[..., Any]:
        """Compile what was written as a function's body."""
        text = f"def generated({parameters}):\n" + "\n".join(self.lines) + "\n"
        code: CodeType = compile(text, "<generated rule code>", "exec")
        names: dict[str, object] = {**_RUNTIME, **self.constants}
        exec(code, names)  # noqa: S102  # code generated above from checked nodes; no text of the author is in it
        return cast("Callable[..., Any]", names["generated"])

    _BY_NODE: ClassVar[Mapping[type, Callable[[Source, Any], str]]] = {
        ir.Const: _const,
        ir.Fact: _fact,
        ir.Local: _local,
        ir.Member: _member,
        ir.Arithmetic: _arithmetic,
        ir.Negate: _negate,
        ir.Compare: _compare,
        ir.And: _logic,
        ir.Or: _logic,
        ir.Not: _not,
        ir.If: _if,
        ir.Let: _let,
        ir.Belongs: _belongs,
        ir.Require: _require,
        ir.ListOf: _list,
        ir.RangeOf: _range,
        ir.ContextOf: _context,
        ir.Index: _index,
        ir.Select: _select,
        ir.Count: _count,
        ir.Loop: _loop,
        ir.Quantified: _quantified,
        ir.Call: _call,
        ir.Function: _function,
        ir.Invoke: _invoke,
        ir.InstanceOf: _instance_of,
    }


def _of_one_fact(node: ir.Node, fact: ir.Fact) -> Callable[..., Any]:
    """An expression as a function of the one fact it reads, step by step."""
    source = Source(step_by_step=True)
    source.facts[fact.path] = "x"
    source.line(f"return {source.expression(node)}")
    return source.function_of("x")


def compile_values(nodes: Sequence[ir.Node]) -> tuple[Callable[..., tuple[Value, ...]], bool]:
    """One function `(facts, run) -> values` for several expressions, and whether it needs a `Run`."""
    source = Source()
    for node in nodes:
        source.read(ir.facts_of(node))
    codes = "".join(f"{source.expression(node)}, " for node in nodes)
    source.line(f"return ({codes})")
    return source.function_of("facts, run"), source.needs_run


def compile_value(node: ir.Node) -> tuple[Callable[..., Value], bool]:
    """One function `(facts, run) -> value` for an expression, and whether it needs a `Run`."""
    source = Source()
    source.read(ir.facts_of(node))
    source.line(f"return {source.expression(node)}")
    return source.function_of("facts, run"), source.needs_run
