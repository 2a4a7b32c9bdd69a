"""Functions, their parameters' types, and calls of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.feel import habits, ir, syntax
from engine.feel.builtins import BY_NAME
from engine.feel.checking.base import CheckerBase
from engine.feel.checking.wording import a_type, count_of_arguments, shown_names, with_article
from engine.feel.functions.signature import Builtin, Parameter, Signature
from engine.feel.patterns import pattern_of
from engine.feel.suggest import closest
from engine.feel.types import (
    ANY,
    ANY_FUNCTION,
    BOOLEAN,
    TYPE_NAMES,
    ContextType,
    Field,
    FunctionType,
    ListType,
    RangeType,
    Type,
    comparable,
    fits,
)
from engine.feel.values import Fault

_CALLED: Final = "an operator is missing before the bracket, or this is no function"


class CallChecks(CheckerBase):
    """Checks functions and calls."""

    def function(self, tree: syntax.FunctionDefinition, untyped: Type = ANY) -> ir.Node:
        """`function(a, b: number) body`; parameters without a type are of the type `untyped`."""
        if tree.external:
            self.problem("feel.unsupported", "external functions are not allowed", tree.span, "write the function here")
            return self.broken(tree.span)
        frame: dict[str, ir.Node] = {}
        parameters = []
        for given in tree.parameters:
            type_ = self.type_of_name(given.type) if given.type else untyped
            local = self.local(given.name, type_, given.span)
            parameters.append(local)
            frame[given.name] = local
        self.frames.append(frame)
        self.looping += 1
        body = self.check(tree.body)
        self.looping -= 1
        self.frames.pop()
        names = tuple(given.name for given in tree.parameters)
        type_ = FunctionType(tuple(p.type for p in parameters), body.type, names)
        return ir.Function(tuple(parameters), body, type=type_, span=tree.span)

    def own_type(self, tree: syntax.FunctionDefinition) -> FunctionType:
        """The type of a function as its own body sees it: what it gives is not known yet."""
        told = len(self.problems)
        parameters = tuple(self.type_of_name(given.type) if given.type else ANY for given in tree.parameters)
        del self.problems[told:]  # `function` tells them
        return FunctionType(parameters, ANY, tuple(given.name for given in tree.parameters))

    def type_of_name(self, tree: syntax.TypeName) -> Type:
        """The type that is written; an unknown one is noted."""
        parts = [self.type_of_name(part) for part in tree.parts]
        if tree.name == "list" and len(parts) <= 1:
            return ListType(parts[0] if parts else ANY)
        if tree.name == "range" and len(parts) <= 1:
            return RangeType(parts[0] if parts else ANY)
        if tree.name == "context":
            return ContextType(
                {name: Field(part, optional=True) for name, part in zip(tree.labels, parts, strict=True)}
            )
        if tree.name == "function":
            return FunctionType(tuple(parts[:-1]), parts[-1]) if parts else ANY_FUNCTION
        found = TYPE_NAMES.get(tree.name)
        if found is None or parts:
            names = [*TYPE_NAMES, "list", "range", "context"]
            near = habits.TYPES.get(tree.name.lower()) or closest(tree.name, names)
            self.problem(
                "feel.unknown_type",
                f"there is no type `{tree.name[:60]}`",
                tree.span,
                f"did you mean `{near}`?" if near else f"there are {shown_names(names)}",
            )
            return ANY
        return found

    def invocation(self, tree: syntax.Invocation) -> ir.Node:
        """A call, of a function value or of a built-in by its name."""
        callee = tree.callee
        if isinstance(callee, syntax.Name):
            variable = self.lookup(callee.name, callee.span)
            if variable is None:
                return self.named_call(callee, tree)
            function: ir.Node = variable
        else:
            function = self.check(callee)
        arguments = tuple(self.check(argument) for argument in tree.arguments)
        if not isinstance(function.type, FunctionType):
            if tree.names:
                self.problem("feel.wrong_arguments", "arguments of this function go by position", tree.span)
            if function.type not in {ANY, ANY_FUNCTION}:
                self.problem("feel.wrong_type", f"{a_type(function.type)} cannot be called", callee.span, _CALLED)
                return self.broken(tree.span)
            return ir.Invoke(function, arguments, type=ANY, nullable=True, span=tree.span)
        arguments = self.ordered(function.type, tree, arguments)
        wanted = function.type.parameters
        if len(arguments) != len(wanted):
            self.problem(
                "feel.wrong_arguments",
                f"the function takes {count_of_arguments(len(wanted), len(wanted), len(arguments))}",
                tree.span,
                f"it is a {function.type}",
            )
            return self.broken(tree.span)
        for at, (argument, type_) in enumerate(zip(arguments, wanted, strict=True), 1):
            if not fits(argument.type, type_):
                self.problem(
                    "feel.wrong_type",
                    f"argument {at} of the function must be {a_type(type_)}, not {a_type(argument.type)}",
                    argument.span,
                    f"it is a {function.type}",
                )
        checked = tuple(self.require(a, t) if t != ANY else a for a, t in zip(arguments, wanted, strict=True))
        return ir.Invoke(function, checked, type=function.type.result, nullable=True, span=tree.span)

    def ordered(
        self, function: FunctionType, tree: syntax.Invocation, arguments: tuple[ir.Node, ...]
    ) -> tuple[ir.Node, ...]:
        """Named arguments of a function value in the order of its parameters."""
        if not tree.names:
            return arguments
        names = function.names
        if not names:
            self.problem("feel.wrong_arguments", "arguments of this function go by position", tree.span)
            return arguments
        if sorted(names) != sorted(tree.names):
            self.problem("feel.wrong_arguments", f"the function's arguments are named {shown_names(names)}", tree.span)
            return arguments
        return tuple(arguments[tree.names.index(name)] for name in names)

    def named_call(self, callee: syntax.Name, tree: syntax.Invocation) -> ir.Node:
        """A call of a function that is no variable."""
        if callee.name == "not":
            return self.not_(tree)
        builtin = BY_NAME.get(callee.name)
        arguments = self.arguments(tree)
        if builtin is None:
            near = closest(callee.name, [*BY_NAME, "not", *self.visible()])
            help_ = habits.function_meant(callee.name)
            if not help_:
                help_ = f"did you mean `{near}`?" if near else "the functions are listed in the language page"
            self.problem("feel.unknown_function", f"there is no function `{callee.name[:60]}`", callee.span, help_)
            return self.broken(tree.span)
        return self.call(builtin, arguments, tree)

    def arguments(self, tree: syntax.Invocation) -> tuple[ir.Node, ...]:
        """The arguments of a built-in; parameters without a type of a function among them are items of the list."""
        found: list[ir.Node] = []
        item: Type = ANY
        for argument in tree.arguments:
            if isinstance(argument, syntax.FunctionDefinition):
                found.append(self.function(argument, item))
                continue
            node = self.check(argument)
            if item == ANY and isinstance(node.type, ListType):
                item = node.type.item
            found.append(node)
        return tuple(found)

    def not_(self, tree: syntax.Invocation) -> ir.Node:
        """`not(condition)`."""
        arguments = [self.condition(argument, "`not`") for argument in tree.arguments]
        if len(arguments) != 1 or tree.names not in {(), ("negand",)}:
            self.problem("feel.wrong_arguments", "`not` takes one condition", tree.span, "for instance `not(a or b)`")
            return self.broken(tree.span)
        node = arguments[0]
        return self.fold(ir.Not(node, type=BOOLEAN, nullable=node.nullable, span=tree.span))

    def call(self, builtin: Builtin, given: tuple[ir.Node, ...], tree: syntax.Invocation) -> ir.Node:
        """A call of a built-in: which of its forms take the arguments, and what they give."""
        arranged = [
            (signature, arguments)
            for signature in builtin.signatures
            if (arguments := _arranged(signature, given, tree.names)) is not None
        ]
        arranged.sort(key=lambda candidate: not candidate[0].is_in_order(tree.names))
        if not arranged:
            self.wrong_count_or_name(builtin, len(given), tree)
            return self.broken(tree.span)
        fitting = [(s, a) for s, a in arranged if all(s.parameter(i).takes(x.type) for i, x in enumerate(a))]
        results = [(s, a, result) for s, a in fitting if (result := s.result_of([x.type for x in a])) is not None]
        if not results:
            self.wrong_argument(builtin, *(fitting or arranged)[0])
            return self.broken(tree.span)
        self.check_item(builtin, fitting[0][1])
        loose = any(s.parameter(i).is_loose(x.type) for s, a in fitting for i, x in enumerate(a))
        chosen = results if loose else results[:1]
        arguments, type_ = chosen[0][1:]
        if any(result != type_ for _, _, result in chosen):
            type_ = ANY
        nullable = loose or any(
            s.may_be_null or any(x.nullable and not s.parameter(i).takes_null for i, x in enumerate(a))
            for s, a, _ in chosen
        )
        node = ir.Call(
            builtin.name,
            tuple(s for s, _, _ in chosen),
            arguments,
            repeated=self.looping > 0,
            type=type_,
            nullable=nullable,
            span=tree.span,
        )
        if not self.is_pattern_right(builtin, node):
            return self.broken(tree.span)
        return node if any(s.reads_clock for s, _, _ in chosen) else self.fold(node)

    def check_item(self, builtin: Builtin, arguments: Sequence[ir.Node]) -> None:
        """Note a value that no item of the list that it is looked for in can equal."""
        if builtin.name not in {"list contains", "index of"}:
            return
        looked_through, item = arguments
        if isinstance(looked_through.type, ListType) and not comparable(looked_through.type.item, item.type):
            message = f"{a_type(item.type)} is never in {a_type(looked_through.type)}"
            self.problem(
                "feel.wrong_type", message, item.span, f"each of its items is {a_type(looked_through.type.item)}"
            )

    def wrong_count_or_name(self, builtin: Builtin, given: int, tree: syntax.Invocation) -> None:
        """Say that no form of the built-in takes so many arguments, or arguments of these names."""
        forms = builtin.signatures
        known = dict.fromkeys(p.name for s in forms for p in s.parameters)
        unknown = next((name for name in tree.names if name not in known), None)
        if unknown is not None:
            near = closest(unknown, known)
            meant = f"did you mean `{near}`? " if near else ""
            message = f"`{builtin.name}` has no argument named `{unknown[:60]}`"
        elif len(set(tree.names)) != len(tree.names):
            twice = next(name for at, name in enumerate(tree.names) if name in tree.names[:at])
            meant, message = "", f"`{builtin.name}` is given `{twice}` twice"
        elif tree.names:
            meant, message = "", f"`{builtin.name}` cannot be called with {shown_names(tree.names)}"
        else:
            least = min(sum(not p.optional for p in s.parameters) for s in forms)
            open_ended = any(p.rest for s in forms for p in s.parameters)
            most = None if open_ended else max(len(s.parameters) for s in forms)
            meant, message = "", f"`{builtin.name}` takes {count_of_arguments(least, most, given)}"
        self.problem("feel.wrong_arguments", message, tree.span, f"{meant}it is {builtin.usage()}")

    def is_pattern_right(self, builtin: Builtin, node: ir.Call) -> bool:
        """Whether a regular expression that stands in the rule can be run; what is wrong with it is noted."""
        if builtin.name not in {"matches", "replace", "split"}:
            return True
        pattern = node.arguments[1]
        flags = [a for at, a in enumerate(node.arguments) if node.signatures[0].parameter(at).name == "flags"]
        if not isinstance(pattern, ir.Const) or not isinstance(pattern.value, str):
            return True
        flag = flags[0].value if flags and isinstance(flags[0], ir.Const) else None
        try:
            pattern_of(pattern.value, flag if isinstance(flag, str) else "")
        except Fault as fault:
            self.problem(fault.code, fault.message, pattern.span, fault.help)
            return False
        return True

    def wrong_argument(self, builtin: Builtin, signature: Signature, arguments: Sequence[ir.Node]) -> None:
        """Say which argument no form of the built-in takes."""
        for at, argument in enumerate(arguments):
            wanted = [s.parameter(at) for s in builtin.signatures if s.accepts(len(arguments))]
            if any(parameter.takes(argument.type) for parameter in wanted):
                continue
            shown = " or ".join(dict.fromkeys(with_article(parameter.shown) for parameter in wanted))
            label = f"`{signature.parameter(at).name}`"
            self.problem(
                "feel.wrong_type",
                f"{label} of `{builtin.name}` must be {shown}, not {a_type(argument.type)}",
                argument.span,
                f"it is {builtin.usage()}",
            )
            return
        shown = " and ".join(a_type(argument.type) for argument in arguments)
        span = (arguments[0].span[0], arguments[-1].span[1])
        self.problem(
            "feel.wrong_type", f"`{builtin.name}` is not defined for {shown}", span, f"it is {builtin.usage()}"
        )

    def instance_of(self, tree: syntax.InstanceOf) -> ir.Node:
        """`value instance of type`."""
        tested = self.type_of_name(tree.type)
        return self.fold(ir.InstanceOf(self.check(tree.value), tested, type=BOOLEAN, span=tree.span))


def _arranged(signature: Signature, given: tuple[ir.Node, ...], names: tuple[str, ...]) -> tuple[ir.Node, ...] | None:
    """The arguments in the order of the parameters, or None when they do not go together."""
    if not names:
        return given if signature.accepts(len(given)) else None
    parameters: list[Parameter] = list(signature.parameters)
    known = [p.name for p in parameters]
    if any(name not in known for name in names) or len(set(names)) != len(names):
        return None
    found = [given[names.index(name)] if name in names else None for name in known]
    while found and found[-1] is None and parameters[len(found) - 1].optional:
        found.pop()
    return None if None in found else tuple(node for node in found if node is not None)
