"""The reference: evaluates the intermediate form node by node, and knows the place of every fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

from engine.feel import ir
from engine.feel.conform import is_a, is_instance, read_fact
from engine.feel.functions.signature import Signature
from engine.feel.limits import MAX_LIST_ITEMS
from engine.feel.operations import (
    ARITHMETIC,
    Run,
    as_list,
    belongs,
    compare,
    counted,
    domain_of,
    item_at,
    list_limit,
    looked_at,
    member,
    metered,
    negate,
    paid,
    range_of,
)
from engine.feel.types import FunctionType, RangeType, Type
from engine.feel.values import Fault, Range, Value, kind_of

Variables = dict[str, Value]


class Closure:
    """A function value: its body with the variables around it."""

    __slots__ = ("call", "type")

    def __init__(self, type_: FunctionType, call: Callable[..., Value]) -> None:
        self.type = type_
        self.call = call

    def __call__(self, *arguments: Value) -> Value:
        """Apply it. Raises `Fault` for arguments that do not fit."""
        wanted = self.type.parameters
        if len(arguments) != len(wanted):
            raise Fault("feel.wrong_arguments", f"the function takes {len(wanted)} arguments, not {len(arguments)}")
        for at, (value, type_) in enumerate(zip(arguments, wanted, strict=True), 1):
            if value is not None and not is_a(value, type_):
                raise Fault(
                    "feel.wrong_type", f"argument {at} of the function must be a {type_}, not a {kind_of(value)}"
                )
        return self.call(*arguments)


def interpret(node: ir.Node, run: Run) -> Value:
    """The value of an expression. Reads all its facts first. Raises `Fault` with its span."""
    for fact in ir.facts_of(node):
        _evaluate(fact, run, {})
    return _evaluate(node, run, {})


def evaluate_node(node: ir.Node, run: Run, variables: Variables) -> Value:
    """The value of a node with some variables bound. Raises `Fault` with its span."""
    return _evaluate(node, run, variables)


def _evaluate(node: ir.Node, run: Run, variables: Variables) -> Value:
    try:
        return _BY_NODE[type(node)](node, run, variables)
    except Fault as fault:
        if fault.span is None:
            fault.span = node.span
        raise


def _const(node: ir.Const, _: Run, __: Variables) -> Value:
    return node.value


def _fact(node: ir.Fact, run: Run, _: Variables) -> Value:
    if node not in run.read:
        run.read[node] = read_fact(run.facts, node.path, node.type, optional=node.nullable)
    return run.read[node]


def _local(node: ir.Local, _: Run, variables: Variables) -> Value:
    return variables[node.name]


def _member(node: ir.Member, run: Run, variables: Variables) -> Value:
    return member(_evaluate(node.base, run, variables), node.name)


def _arithmetic(node: ir.Arithmetic, run: Run, variables: Variables) -> Value:
    left, right = _evaluate(node.left, run, variables), _evaluate(node.right, run, variables)
    return metered(run, ARITHMETIC[node.op], left, right) if node.repeated else ARITHMETIC[node.op](left, right)


def _negate(node: ir.Negate, run: Run, variables: Variables) -> Value:
    return negate(_evaluate(node.operand, run, variables))


def _compare(node: ir.Compare, run: Run, variables: Variables) -> Value:
    left, right = _evaluate(node.left, run, variables), _evaluate(node.right, run, variables)
    return metered(run, compare, node.op, left, right) if node.repeated else compare(node.op, left, right)


def _and(node: ir.And, run: Run, variables: Variables) -> Value:
    unknown = False
    for item in node.items:
        value = _evaluate(item, run, variables)
        if value is False:
            return False
        unknown = unknown or value is None
    return None if unknown else True


def _or(node: ir.Or, run: Run, variables: Variables) -> Value:
    unknown = False
    for item in node.items:
        value = _evaluate(item, run, variables)
        if value is True:
            return True
        unknown = unknown or value is None
    return None if unknown else False


def _not(node: ir.Not, run: Run, variables: Variables) -> Value:
    value = _evaluate(node.operand, run, variables)
    return None if value is None else not value


def _if(node: ir.If, run: Run, variables: Variables) -> Value:
    chosen = node.yes if _evaluate(node.condition, run, variables) is True else node.no
    return _evaluate(chosen, run, variables)


def _let(node: ir.Let, run: Run, variables: Variables) -> Value:
    return _evaluate(node.body, run, {**variables, node.local.name: _evaluate(node.value, run, variables)})


def _belongs(node: ir.Belongs, run: Run, variables: Variables) -> Value:
    value, test = _evaluate(node.value, run, variables), _evaluate(node.test, run, variables)
    in_range = isinstance(node.test.type, RangeType)
    return metered(run, belongs_to, value, test, in_range) if node.repeated else belongs_to(value, test, in_range)


def belongs_to(value: Value, test: Value, in_range: bool) -> bool | None:  # noqa: FBT001  # only executors call it
    """`value in test`; nothing is known of a range that is null."""
    return None if test is None and in_range else belongs(value, test)


def _require(node: ir.Require, run: Run, variables: Variables) -> Value:
    return required(_evaluate(node.value, run, variables), node)


def required(value: Value, node: ir.Require) -> Value:
    """The value, if it is null or of the node's type. Raises `Fault` `feel.wrong_type`."""
    if value is None or is_a(value, node.type):
        return value
    raise Fault("feel.wrong_type", f"expected a {node.type}, found a {kind_of(value)}")


def _list(node: ir.ListOf, run: Run, variables: Variables) -> Value:
    return tuple(_evaluate(item, run, variables) for item in node.items)


def _range(node: ir.RangeOf, run: Run, variables: Variables) -> Value:
    low, high = _evaluate(node.low, run, variables), _evaluate(node.high, run, variables)
    if is_open(node.low) or is_open(node.high):
        return half_range(low, high, node.low_closed, node.high_closed)
    return range_of(low, high, node.low_closed, node.high_closed)


def is_open(end: ir.Node) -> bool:
    """Whether an end of a range is left out."""
    return isinstance(end, ir.Const) and end.value is None


def half_range(low: Value, high: Value, low_closed: bool, high_closed: bool) -> Range | None:  # noqa: FBT001  # as the range
    """A range that is open to one side; null when its one end is."""
    return None if low is None and high is None else Range(low, high, low_closed, high_closed)


def _context(node: ir.ContextOf, run: Run, variables: Variables) -> Value:
    made: dict[str, Value] = {}
    inner = dict(variables)
    for key, local, value in zip(node.keys, node.locals, node.values, strict=True):
        made[key] = inner[local.name] = _evaluate(value, run, inner)
    return made


def _index(node: ir.Index, run: Run, variables: Variables) -> Value:
    items = as_list(_evaluate(node.base, run, variables))
    return item_at(items, _evaluate(node.position, run, variables))


def _select(node: ir.Select, run: Run, variables: Variables) -> Value:
    items = as_list(_evaluate(node.base, run, variables))
    run.spend(len(items))
    name = node.local.name
    return tuple(item for item in items if _evaluate(node.condition, run, {**variables, name: item}) is True)


def _count(node: ir.Count, run: Run, variables: Variables) -> Value:
    start = _evaluate(node.start, run, variables)
    return counted(run, start, _evaluate(node.end, run, variables))


def domain(node: ir.Node, run: Run, variables: Variables) -> Sequence[Value]:
    """What a loop goes over, with its steps counted."""
    value = _evaluate(node, run, variables)
    if isinstance(node, ir.Count):
        return cast("Sequence[Value]", value)  # counted when made
    try:
        return domain_of(run, value)
    except Fault as fault:
        fault.span = fault.span or node.span
        raise


def _loop(node: ir.Loop, run: Run, variables: Variables) -> Value:
    found: list[Value] = []

    def go(at: int, inner: Variables) -> None:
        if at == len(node.locals):
            if node.partial is not None:
                inner = {**inner, node.partial.name: tuple(found)}
                run.spend(len(found))
            found.append(_evaluate(node.result, run, inner))
            if len(found) > MAX_LIST_ITEMS:
                list_limit(tuple(found))
            return
        for item in domain(node.domains[at], run, inner):
            go(at + 1, {**inner, node.locals[at].name: item})

    go(0, variables)
    return tuple(found)


def _quantified(node: ir.Quantified, run: Run, variables: Variables) -> Value:
    decisive = node.kind == "some"
    unknown = False

    def go(at: int, inner: Variables) -> bool:
        nonlocal unknown
        if at == len(node.locals):
            value = _evaluate(node.condition, run, inner)
            unknown = unknown or value is None
            return value is decisive
        return any(go(at + 1, {**inner, node.locals[at].name: item}) for item in domain(node.domains[at], run, inner))

    if go(0, variables):
        return decisive
    return None if unknown else not decisive


def call_builtin(name: str, signatures: tuple[Signature, ...], run: Run, arguments: Sequence[Value]) -> Value:
    """Call a built-in; the first signature whose parameters fit the arguments is taken. Raises `Fault`."""
    for signature in signatures:
        if signature.lacks(arguments):
            continue
        if all(_is_right(value, signature.parameter(at).types) for at, value in enumerate(arguments)):
            found: Value = signature.call(run, *arguments) if signature.wants_run else signature.call(*arguments)
            return found
    if None in arguments:
        return None
    shown = " and ".join(kind_of(value) for value in arguments)
    raise Fault("feel.wrong_type", f"`{name}` is not defined for {shown}")


def _is_right(value: Value, types: Sequence[Type]) -> bool:
    return value is None or any(is_a(value, type_) for type_ in types)


def _call(node: ir.Call, run: Run, variables: Variables) -> Value:
    arguments = [_evaluate(argument, run, variables) for argument in node.arguments]
    if node.repeated:
        run.spend(looked_at(arguments))
    found = call_builtin(node.name, node.signatures, run, arguments)
    return paid(run, found) if node.repeated else found


def _function(node: ir.Function, run: Run, variables: Variables) -> Value:
    names = [parameter.name for parameter in node.parameters]

    def call(*arguments: Value) -> Value:
        return _evaluate(node.body, run, {**variables, **dict(zip(names, arguments, strict=True))})

    return Closure(cast("FunctionType", node.type), call)


def _invoke(node: ir.Invoke, run: Run, variables: Variables) -> Value:
    function = _evaluate(node.function, run, variables)
    return run.invoke(function, [_evaluate(argument, run, variables) for argument in node.arguments])


def _instance_of(node: ir.InstanceOf, run: Run, variables: Variables) -> Value:
    return is_instance(_evaluate(node.value, run, variables), node.tested)


_BY_NODE: Final[Mapping[type, Callable[..., Value]]] = {
    ir.Const: _const,
    ir.Fact: _fact,
    ir.Local: _local,
    ir.Member: _member,
    ir.Arithmetic: _arithmetic,
    ir.Negate: _negate,
    ir.Compare: _compare,
    ir.And: _and,
    ir.Or: _or,
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
