"""The canonical text of a tree: what parses back to an equal tree, with no bracket that is not needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from engine.feel import syntax
from engine.feel.lexer import is_plain_name, quoted
from engine.feel.parser import ADDITIVE, AND, COMPARISON, MULTIPLICATIVE, OR, POWER
from engine.feel.syntax import Node

LOOSE, UNARY, POSTFIX, ATOM = 0, 7, 8, 9
"""How tightly a form binds: `if`, `for` and the like not at all, a literal or bracket completely."""

_BINDING: Final = {"+": ADDITIVE, "-": ADDITIVE, "*": MULTIPLICATIVE, "/": MULTIPLICATIVE, "**": POWER}


def unparse(tree: Node) -> str:
    """The text of an expression or of a table's cell."""
    return _text(tree, LOOSE)


def _text(tree: Node, at_least: int) -> str:
    text, binding = _FORMS[type(tree)](tree)
    return text if binding >= at_least else f"({text})"


def _literal(tree: syntax.Literal) -> tuple[str, int]:
    value = tree.value
    if value is None:
        return "null", ATOM
    if isinstance(value, bool):
        return ("true" if value else "false"), ATOM
    return (str(value) if isinstance(value, Decimal) else quoted(value)), ATOM


def _path(tree: syntax.Path) -> tuple[str, int]:
    return f"{_text(tree.base, POSTFIX)}.{tree.name}", POSTFIX


def _binary(tree: syntax.Binary) -> tuple[str, int]:
    binding = _BINDING.get(tree.op, COMPARISON)
    return f"{_text(tree.left, binding)} {tree.op} {_text(tree.right, binding + 1)}", binding


def _logic(tree: syntax.Logic) -> tuple[str, int]:
    binding = OR if tree.op == "or" else AND
    return f" {tree.op} ".join(_text(item, binding + 1) for item in tree.items), binding


def _negative(tree: syntax.Negative) -> tuple[str, int]:
    return f"-{_text(tree.operand, UNARY)}", UNARY


def _between(tree: syntax.Between) -> tuple[str, int]:
    parts = [_text(tree.value, COMPARISON), _text(tree.low, ADDITIVE), _text(tree.high, ADDITIVE)]
    return f"{parts[0]} between {parts[1]} and {parts[2]}", COMPARISON


def _in(tree: syntax.In) -> tuple[str, int]:
    value = _text(tree.value, COMPARISON)
    if len(tree.tests) == 1:
        test = tree.tests[0]
        if isinstance(test, syntax.Test):
            return f"{value} in {_bare_test(test)}", COMPARISON
        return f"{value} in {_text(test, ADDITIVE)}", COMPARISON
    return f"{value} in ({_tests(tree.tests)})", COMPARISON


def _tests(tests: tuple[Node, ...]) -> str:
    return ", ".join(_bare_test(test) if isinstance(test, syntax.Test) else _text(test, LOOSE) for test in tests)


def _bare_test(tree: syntax.Test) -> str:
    return f"{tree.op} {_text(tree.operand, ADDITIVE)}"


def _test(tree: syntax.Test) -> tuple[str, int]:
    return f"({_bare_test(tree)})", ATOM


def _interval(tree: syntax.Interval) -> tuple[str, int]:
    opening, closing = "[" if tree.low_closed else "(", "]" if tree.high_closed else ")"
    return f"{opening}{_text(tree.low, LOOSE)}..{_text(tree.high, LOOSE)}{closing}", ATOM


def _if(tree: syntax.If) -> tuple[str, int]:
    parts = [_text(part, LOOSE) for part in (tree.condition, tree.yes, tree.no)]
    return f"if {parts[0]} then {parts[1]} else {parts[2]}", LOOSE


def _iterations(given: tuple[syntax.Iteration, ...]) -> str:
    return ", ".join(
        f"{each.name} in {_text(each.domain, LOOSE)}" + ("" if each.end is None else f"..{_text(each.end, LOOSE)}")
        for each in given
    )


def _for(tree: syntax.For) -> tuple[str, int]:
    return f"for {_iterations(tree.iterations)} return {_text(tree.result, LOOSE)}", LOOSE


def _quantified(tree: syntax.Quantified) -> tuple[str, int]:
    return f"{tree.kind} {_iterations(tree.iterations)} satisfies {_text(tree.condition, LOOSE)}", LOOSE


def _type(tree: syntax.TypeName) -> str:
    parts = [_type(part) for part in tree.parts]
    if tree.name == "function" and parts:
        return f"function<{', '.join(parts[:-1])}> -> {parts[-1]}"
    if tree.labels:
        parts = [f"{label}: {part}" for label, part in zip(tree.labels, parts, strict=True)]
    return f"{tree.name}<{', '.join(parts)}>" if parts else tree.name


def _function(tree: syntax.FunctionDefinition) -> tuple[str, int]:
    names = [p.name + (f": {_type(p.type)}" if p.type else "") for p in tree.parameters]
    return f"function({', '.join(names)}) {'external ' if tree.external else ''}{_text(tree.body, LOOSE)}", LOOSE


def _invocation(tree: syntax.Invocation) -> tuple[str, int]:
    arguments = [_bare_test(a) if isinstance(a, syntax.Test) else _text(a, LOOSE) for a in tree.arguments]
    if tree.names:
        arguments = [f"{name}: {argument}" for name, argument in zip(tree.names, arguments, strict=True)]
    return f"{_text(tree.callee, POSTFIX)}({', '.join(arguments)})", POSTFIX


def _filter(tree: syntax.Filter) -> tuple[str, int]:
    return f"{_text(tree.base, POSTFIX)}[{_text(tree.predicate, LOOSE)}]", POSTFIX


def _list(tree: syntax.ListLiteral) -> tuple[str, int]:
    return f"[{_tests(tree.items)}]", ATOM


def _context(tree: syntax.ContextLiteral) -> tuple[str, int]:
    entries = [f"{_key(entry.key)}: {_text(entry.value, LOOSE)}" for entry in tree.entries]
    return f"{{{', '.join(entries)}}}", ATOM


def _key(key: str) -> str:
    return key if is_plain_name(key) else quoted(key)


def _instance_of(tree: syntax.InstanceOf) -> tuple[str, int]:
    return f"{_text(tree.value, POSTFIX)} instance of {_type(tree.type)}", POSTFIX


def _unary_tests(tree: syntax.UnaryTests) -> tuple[str, int]:
    if not tree.tests:
        return "-", LOOSE
    tests = _tests(tree.tests)
    return (f"not({tests})" if tree.negated else tests), LOOSE


_FORMS: Final[Mapping[type, Callable[[Any], tuple[str, int]]]] = {
    syntax.Literal: _literal,
    syntax.AtLiteral: lambda tree: (f"@{quoted(tree.text)}", ATOM),
    syntax.Name: lambda tree: (tree.name, ATOM),
    syntax.Path: _path,
    syntax.Binary: _binary,
    syntax.Logic: _logic,
    syntax.Negative: _negative,
    syntax.Between: _between,
    syntax.In: _in,
    syntax.Test: _test,
    syntax.Interval: _interval,
    syntax.If: _if,
    syntax.For: _for,
    syntax.Quantified: _quantified,
    syntax.FunctionDefinition: _function,
    syntax.Invocation: _invocation,
    syntax.Filter: _filter,
    syntax.ListLiteral: _list,
    syntax.ContextLiteral: _context,
    syntax.InstanceOf: _instance_of,
    syntax.UnaryTests: _unary_tests,
}
