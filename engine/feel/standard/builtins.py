"""The built-in functions of the standard as values: the one table over the standard's values and patterns.

Arguments are converted implicitly on their way into a form, the first form that takes them is called, and a null
where none may stand is a `Fault`, which becomes null with a note.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from engine.feel.functions.signature import Builtin, Parameter, Signature
from engine.feel.functions.table import table
from engine.feel.functions.texts import Patterns
from engine.feel.operations import looked_at, paid
from engine.feel.parser import Names
from engine.feel.standard import pattern_functions
from engine.feel.standard.operations import STANDARD, kind_of
from engine.feel.standard.session import Session
from engine.feel.standard.types import conforms, converted
from engine.feel.types import ANY, ANY_FUNCTION, FunctionType, Type
from engine.feel.values import Fault


@dataclass(frozen=True, slots=True, eq=False)
class BuiltinFunction:
    """A built-in function as a value."""

    builtin: Builtin

    @property
    def name(self) -> str:
        """Its FEEL name."""
        return self.builtin.name

    @property
    def type(self) -> FunctionType:
        """Parameters and result; the first form's."""
        parameters = self.builtin.signatures[0].parameters
        return FunctionType(tuple(p.types[0] for p in parameters), ANY)

    def positional(self, session: Session, arguments: Sequence[Any]) -> Any:
        """Call the first form that takes the arguments. Raises `Fault`."""
        forms = [form for form in self.builtin.signatures if form.accepts(len(arguments))]
        if not forms:
            raise Fault("feel.wrong_arguments", f"`{self.name}` does not take {len(arguments)} arguments")
        return self._first(session, [(form, arguments) for form in forms])

    def named(self, session: Session, arguments: Mapping[str, Any]) -> Any:
        """Call the first form with these parameters. Raises `Fault`."""
        found = []
        for form in self.builtin.signatures:
            wanted = {p.name for p in form.parameters}
            least = {p.name for p in form.parameters if not p.optional}
            if least <= set(arguments) <= wanted:
                found.append((form, arguments))
        found.sort(key=lambda candidate: not candidate[0].is_in_order(arguments))
        if not found:
            shown = ", ".join(arguments)
            raise Fault("feel.wrong_arguments", f"`{self.name}` has no parameters named {shown}")
        return self._first(session, found)

    def _first(self, session: Session, candidates: Sequence[tuple[Signature, Any]]) -> Any:
        refused: Fault | None = None
        for form, arguments in candidates:
            try:
                values = _by_name(form, arguments) if isinstance(arguments, Mapping) else _bound(form, arguments)
            except Fault as fault:
                refused = refused or fault
                continue
            session.spend(looked_at(values))
            try:
                return paid(session, form.call(session, *values) if form.wants_run else form.call(*values))
            except ArithmeticError:  # a decimal's overflow on the way to a result
                raise Fault("feel.number_range", f"the result of `{self.name}` is out of range") from None
        raise refused or Fault("feel.wrong_arguments", f"`{self.name}` cannot be called so")


def _bound(form: Signature, arguments: Sequence[Any]) -> list[Any]:
    return [_accepted(form.parameter(at), value) for at, value in enumerate(arguments)]


def _by_name(form: Signature, arguments: Mapping[str, Any]) -> list[Any]:
    values = [_accepted(p, arguments[p.name]) if p.name in arguments else _ABSENT for p in form.parameters]
    while values and values[-1] is _ABSENT:
        values.pop()
    return [None if value is _ABSENT else value for value in values]


_ABSENT: Final = object()


def _accepted(parameter: Parameter, value: Any) -> Any:
    """The argument as a parameter takes it. Raises `Fault`."""
    if value is None:
        if parameter.takes_null:
            return None
        raise Fault("feel.wrong_arguments", f"`{parameter.name}` is null")
    types = [_at_run_time(type_) for type_ in parameter.types]
    for type_ in types:
        if conforms(value, type_):
            return value
    for type_ in types:
        try:
            found = converted(value, type_)
        except Fault:
            continue
        if found is not None or parameter.takes_null:  # `[null]` is a list of one, and so its null
            return found
    raise Fault("feel.wrong_arguments", f"`{parameter.name}` must be a {types[0]}, not a {kind_of(value)}")


def _at_run_time(type_: Type) -> Type:
    """A function is taken whatever its types say: those of a parameter without a type are not known."""
    return ANY_FUNCTION if isinstance(type_, FunctionType) else type_


_PATTERNS: Final = Patterns(
    pattern_functions.matches, pattern_functions.replace, pattern_functions.split, wants_run=True
)
_TABLE: Final = table(STANDARD, _PATTERNS)
BUILTINS: Final[Mapping[str, BuiltinFunction]] = MappingProxyType(
    {each.name: BuiltinFunction(each) for each in _TABLE if not each.extension}
)
FUNCTION_NAMES: Final = Names(BUILTINS)
"""The names of several words, for the parser."""
