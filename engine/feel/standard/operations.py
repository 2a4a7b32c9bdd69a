"""The operators over the standard's values: what `engine.feel.operations` does, and where the standard differs.

Undefined combinations raise `Fault`, which becomes null where it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, cast

from engine.feel.calendar import Calendar
from engine.feel.operations import Budget, Operations, all_of, any_of, as_list
from engine.feel.standard import temporal
from engine.feel.values import Fault

__all__ = ["STANDARD", "Unequal", "all_of", "any_of", "as_list", "compare", "equal", "kind_of", "same"]


@dataclass(frozen=True, slots=True, eq=False)
class Unequal:
    """`(!= value)` as a value: a range-like test that everything but one value passes."""

    value: Any


class StandardOperations(Operations):
    """The operators where nothing is known before they run, so that more can turn out undefined."""

    def __init__(self) -> None:
        """Over the standard's calendar."""
        super().__init__(cast("Calendar", temporal), {Unequal: "range"})

    def kind_of(self, value: object) -> str:
        """The standard's name for what a value is; a function is what is nothing else."""
        return self._kinds.get(type(value), "function")

    def compare(self, op: str, left: Any, right: Any) -> bool | None:
        """Any of the six comparisons; values of different kinds are neither equal nor unequal."""
        if op not in {"=", "!="}:
            return self.order(op, left, right)
        found = self.equality(left, right)
        return found if op == "=" or found is None else not found

    def _equal(self, left: Any, right: Any, room: list[int]) -> bool | None:
        if isinstance(left, Unequal) or isinstance(right, Unequal):
            return isinstance(left, Unequal) and isinstance(right, Unequal) and self.same(left.value, right.value)
        return super()._equal(left, right, room)

    def member(self, value: Any, name: str) -> Any:
        """`value.name`; a context without the entry is a fault, and null within a list."""
        if isinstance(value, Mapping):
            if name not in value:
                raise Fault("feel.unknown_name", f"the context has no entry `{name}`")
            return value[name]
        if isinstance(value, list | tuple):
            return tuple(self._member_or_null(item, name) for item in value)
        return self.part(value, name)

    def _member_or_null(self, value: Any, name: str) -> Any:
        try:
            return self.member(value, name)
        except Fault:
            return None

    def item_at(self, items: Sequence[Any], index: Any) -> Any:
        """`items[index]`; a position outside is a fault."""
        if isinstance(index, Decimal) and not 1 <= abs(index) <= len(items):
            raise Fault("feel.wrong_arguments", f"`{index}` is not a position in a list of {len(items)}")
        return super().item_at(items, index)

    def counted(self, run: Budget, start: Any, end: Any) -> Sequence[Any]:
        """`start..end`; an end that is null is a fault."""
        if start is None or end is None:
            raise self.wrong("a loop over a range", start, end)
        return super().counted(run, start, end)

    def domain_of(self, run: Budget, value: Any) -> Sequence[Any]:
        """What a loop goes over; a single value is a list of itself, null is a fault."""
        if value is None:
            raise Fault("feel.wrong_type", "a loop cannot go over null")
        return super().domain_of(run, value if self.kind_of(value) == "range" else as_list(value))


STANDARD: Final = StandardOperations()
kind_of, compare, same, equal = STANDARD.kind_of, STANDARD.compare, STANDARD.same, STANDARD.equality
