"""A model's item definitions as types that values are held against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from engine.dmn.model import ItemDefinition
from engine.feel.standard import Compiled, Environment, Session, compile_unary_tests
from engine.feel.standard.types import ConstrainedType, TypeNames, named
from engine.feel.suggest import closest
from engine.feel.types import ANY, TYPE_NAMES, ContextType, Field, FunctionType, ListType, Type
from engine.feel.values import Fault
from engine.problems import InvalidError, Problem


class ModelTypes:
    """The types of one model, made when first asked for, since definitions may stand in any order."""

    def __init__(
        self,
        items: Mapping[str, ItemDefinition],
        imported: Callable[[str], ModelTypes | None],
        report: Callable[[Problem], None],
    ) -> None:
        """`imported` gives the types of the model that is known under a name."""
        self._items = items
        self._imported = imported
        self._report = report
        self._made: dict[str, Type] = {}
        self._making: set[str] = set()
        self.names = TypeNames(self.find)

    def find(self, name: str) -> Type | None:
        """The type of a name, if the model has one. A type that contains itself is not held against anything there."""
        if name in self._made:
            return self._made[name]
        item = self._items.get(name)
        if item is None:
            prefix, _, rest = name.partition(".")
            other = self._imported(prefix) if rest else None
            return None if other is None else other.find(rest)
        if name in self._making:
            return ANY
        self._making.add(name)
        try:
            made = self._made[name] = self._type_of(item)
        finally:
            self._making.discard(name)
        return made

    def by_reference(self, name: str) -> Type:
        """The type that `typeRef` names; any for an empty one. Raises `Fault` `feel.unknown_type`."""
        if not name:
            return ANY
        found = self.find(name) or named(name)
        if found is None and ":" in name:  # a prefix, as DMN 1.1 writes it
            rest = name.partition(":")[2]
            found = self.find(rest) or named(rest)
        if found is None:
            near = closest(name, [*self._items, *TYPE_NAMES])
            raise Fault("feel.unknown_type", f"there is no type `{name}`", f"did you mean `{near}`?" if near else "")
        return found

    def component_names(self) -> Iterator[str]:
        """The names of all components, which expressions may use after a dot."""
        pending = list(self._items.values())
        while pending:
            for component in pending.pop().components:
                yield component.name
                pending.append(component)

    def _type_of(self, item: ItemDefinition) -> Type:
        base: Type
        if item.function is not None:
            parameters, result = item.function
            base = FunctionType(tuple(map(self._known, parameters)), self._known(result))
        elif item.components:
            base = ContextType({each.name: Field(self._type_of(each), optional=True) for each in item.components})
        else:
            base = self._known(item.type_ref)
        base = self._constrained(item.name, base, item.allowed)
        if item.is_collection:
            base = ListType(base)
        return self._constrained(item.name, base, item.constraint)

    def _known(self, name: str) -> Type:
        try:
            return self.by_reference(name)
        except Fault as fault:
            self._report(Problem("dmn.unknown_type", fault.message, help=fault.help))
            return ANY

    def _constrained(self, name: str, base: Type, tests: str) -> Type:
        if not tests:
            return base
        try:
            compiled = compile_unary_tests(tests, (), self.names)
        except InvalidError as error:
            for problem in error.problems:
                self._report(problem)
            return base
        return ConstrainedType(name, base, allowing(compiled))


def allowing(compiled: Compiled) -> Callable[[Any], bool]:
    """Unary tests as a yes or no about one value."""

    def is_allowed(value: Any) -> bool:
        return compiled.evaluate(Environment({"?": value}, Session())) is True

    return is_allowed
