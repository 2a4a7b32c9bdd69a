"""Functions on lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from engine.feel.functions.signature import Builtin, first, form, function
from engine.feel.limits import MAX_DIFFERENT_VALUES, MAX_LIST_ITEMS, MAX_STEPS
from engine.feel.operations import Budget, Operations, list_limit
from engine.feel.types import ANY, BOOLEAN, NUMBER, ListType, Type, common
from engine.feel.values import Fault


def lists(operations: Operations) -> tuple[Builtin, ...]:
    """The functions of this module over a mode's values."""
    same = operations.same

    def distinct(items: Sequence[Any]) -> tuple[Any, ...]:
        for kind in (str, Decimal):
            if items and all(type(item) is kind for item in items):
                return tuple(dict.fromkeys(items))
        found: list[Any] = []
        for item in items:
            if not any(same(item, known) for known in found):
                found.append(item)
            if len(found) > MAX_DIFFERENT_VALUES:
                raise Fault(
                    "feel.size_limit",
                    f"at most {MAX_DIFFERENT_VALUES} different values that are no texts or numbers are compared",
                )
        return tuple(found)

    def sort(run: Budget, items: Sequence[Any], precedes: Any = None) -> tuple[Any, ...]:
        list_limit(tuple(items))

        def before(left: Any, right: Any) -> bool:
            run.spend(1)
            found = operations.order("<", left, right) if precedes is None else run.invoke(precedes, [left, right])
            if not isinstance(found, bool):
                raise Fault(
                    "feel.wrong_type",
                    "the items have no order",
                    "leave out nulls with `xs[item != null]`, or say with a function which of two goes first",
                )
            return found

        return tuple(_merged(list(items), before))

    def replace_where(run: Budget, items: Sequence[Any], match: Any, new: Any) -> tuple[Any, ...]:
        run.spend(len(items))
        found = []
        for item in items:
            hit = run.invoke(match, [item, new])
            if not isinstance(hit, bool):
                raise Fault("feel.wrong_type", "the function of `list replace` must give true or false")
            found.append(new if hit else item)
        return tuple(found)

    return (
        function(
            "list contains",
            "list: list, element: any?",
            BOOLEAN,
            lambda items, element: any(same(item, element) for item in items),
            total=True,
        ),
        function("append", "list: list, item*: any?", _appended, lambda items, *more: list_limit((*items, *more))),
        function("concatenate", "list+: list", _concatenated, _concatenate),
        function("union", "list+: list", _concatenated, lambda *given: distinct(_concatenate(*given))),
        function("distinct values", "list: list", first, distinct),
        function("flatten", "list: list", _flat, _flatten),
        function(
            "index of",
            "list: list, match: any?",
            ListType(NUMBER),
            lambda items, match: tuple(Decimal(at) for at, item in enumerate(items, 1) if same(item, match)),
            total=True,
        ),
        function("reverse", "list: list", first, lambda items: tuple(reversed(items)), total=True),
        function("sublist", "list: list, start position: number, length?: number?", first, _sublist),
        function("insert before", "list: list, position: number, newItem: any?", _inserted, _insert_before),
        function("remove", "list: list, position: number", first, _remove),
        Builtin(
            "list replace",
            (
                form("list: list, position: number, newItem: any?", _inserted, _replace_at),
                form("list: list, match: function, newItem: any?", _inserted, replace_where, wants_run=True),
            ),
        ),
        Builtin(
            "sort",
            (
                form("list: list<ordered>", first, sort, wants_run=True),
                form("list: list, precedes: function", first, sort, wants_run=True),
            ),
        ),
    )


def _concatenate(*lists_: Sequence[Any]) -> tuple[Any, ...]:
    return list_limit(tuple(item for items in lists_ for item in items))


def _flatten(items: Sequence[Any]) -> tuple[Any, ...]:
    found: list[Any] = []
    stack = [iter(items)]
    lists = 0
    while stack:
        for item in stack[-1]:
            if isinstance(item, list | tuple):
                lists += 1
                if lists > MAX_STEPS:  # lists of shared empty lists may have no end
                    raise Fault("feel.size_limit", f"more than {MAX_STEPS} lists lie within each other")
                stack.append(iter(item))
                break
            found.append(item)
            if len(found) > MAX_LIST_ITEMS:
                list_limit(tuple(found))
        else:
            stack.pop()
    return tuple(found)


def _position(items: Sequence[Any], position: Decimal) -> int:
    if position == 0 or position != position.to_integral_value() or abs(position) > len(items):
        raise Fault(
            "feel.wrong_arguments",
            f"`{position}` is not a position in a list of {len(items)}",
            "the first item is 1, the last is -1",
        )
    return int(position) - 1 if position > 0 else len(items) + int(position)


def _sublist(items: Sequence[Any], start: Decimal, length: Decimal | None = None) -> tuple[Any, ...]:
    begin = _position(items, start)
    if length is None:
        return tuple(items[begin:])
    if length < 1 or begin + length > len(items):
        raise Fault(
            "feel.wrong_arguments", f"the list has no {length} items from there", "without a length all that follow"
        )
    return tuple(items[begin : begin + int(length)])


def _insert_before(items: Sequence[Any], position: Decimal, item: Any) -> tuple[Any, ...]:
    at = _position(items, position)
    return list_limit((*items[:at], item, *items[at:]))


def _remove(items: Sequence[Any], position: Decimal) -> tuple[Any, ...]:
    at = _position(items, position)
    return (*items[:at], *items[at + 1 :])


def _replace_at(items: Sequence[Any], position: Decimal, item: Any) -> tuple[Any, ...]:
    whole = position.to_integral_value(rounding="ROUND_DOWN")  # the kit cuts a fraction off
    at = _position(items, whole)
    return (*items[:at], item, *items[at + 1 :])


def _merged(items: list[Any], before: Callable[[Any, Any], bool]) -> list[Any]:
    """A stable merge sort that asks only whether a later item goes before an earlier one."""
    if len(items) < 2:  # nothing to sort
        return items
    middle = len(items) // 2
    left, right = _merged(items[:middle], before), _merged(items[middle:], before)
    found: list[Any] = []
    one = two = 0
    while one < len(left) and two < len(right):
        if before(right[two], left[one]):
            found.append(right[two])
            two += 1
        else:
            found.append(left[one])
            one += 1
    return found + left[one:] + right[two:]


# -- types of results


def _appended(types: Sequence[Type]) -> Type:
    item = types[0].item if isinstance(types[0], ListType) else ANY
    for other in types[1:]:
        item = common(item, other)
    return ListType(item)


def _inserted(types: Sequence[Type]) -> Type:
    return _appended((types[0], types[2]))


def _concatenated(types: Sequence[Type]) -> Type:
    result = types[0] if types else ListType(ANY)
    for other in types[1:]:
        result = common(result, other)
    return result


def _flat(types: Sequence[Type]) -> Type:
    item = types[0]
    while isinstance(item, ListType):
        item = item.item
    return ListType(item)
