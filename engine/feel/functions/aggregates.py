"""Functions that make one value of many. They take one list or its items; of no values most give null."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from engine.feel.functions.signature import Builtin, aggregate, function, item_of, spread
from engine.feel.operations import Operations, all_of, any_of, article, number
from engine.feel.types import BOOLEAN, NUMBER, ListType
from engine.feel.values import NUMBERS, Fault


def aggregates(operations: Operations) -> tuple[Builtin, ...]:
    """The functions of this module over a mode's values."""

    def extreme(name: str, op: str) -> Callable[..., Any]:
        def found(*items: Any) -> Any:
            best: Any = None
            for item in _values(name, items):
                if best is None or operations.order(op, item, best):
                    best = item
            return best

        return found

    def total(*items: Any) -> Any:
        found: Any = None
        for item in _values("sum", items):
            found = item if found is None else operations.add(found, item)
        return found

    def mean(*items: Any) -> Any:
        values = _values("mean", items)
        return operations.divide(total(values), Decimal(len(values))) if values else None

    def truths(name: str, items: Sequence[Any]) -> Sequence[Any]:
        for value in (values := spread(items)):
            if value is not None and not isinstance(value, bool):
                raise Fault("feel.wrong_type", f"`{name}` takes booleans, found {article(operations.kind_of(value))}")
        return values

    return (
        aggregate("min", "ordered", item_of, extreme("min", "<"), may_be_null=True),
        aggregate("max", "ordered", item_of, extreme("max", ">"), may_be_null=True),
        aggregate("sum", "addable", item_of, total, may_be_null=True),
        aggregate("mean", "addable", item_of, mean, may_be_null=True),
        aggregate("median", "number", NUMBER, _median, may_be_null=True),
        aggregate("product", "number", NUMBER, _product, may_be_null=True),
        aggregate("stddev", "number", NUMBER, _stddev, may_be_null=True),
        aggregate("mode", "number", ListType(NUMBER), _mode),
        aggregate("all", "boolean?", BOOLEAN, lambda *items: all_of(truths("all", items)), may_be_null=True),
        aggregate("any", "boolean?", BOOLEAN, lambda *items: any_of(truths("any", items)), may_be_null=True),
        function("count", "list: list", NUMBER, lambda items: Decimal(len(items)), total=True),
    )


def _values(name: str, items: Sequence[Any]) -> Sequence[Any]:
    """The values of an aggregate. Raises `Fault` for a null among them."""
    values = spread(items)
    if any(value is None for value in values):
        raise Fault("feel.wrong_type", f"`{name}` meets a null in the list", "leave it out with `xs[item != null]`")
    return values


def _median(*items: Any) -> Decimal | None:
    values: list[Decimal] = sorted(_values("median", items))
    if not values:
        return None
    middle = len(values) // 2
    if len(values) % 2:
        return values[middle]
    return number(NUMBERS.divide, number(NUMBERS.add, values[middle - 1], values[middle]), Decimal(2))


def _product(*items: Any) -> Decimal | None:
    values = _values("product", items)
    result = Decimal(1)
    for value in values:
        result = number(NUMBERS.multiply, result, value)
    return result if values else None


def _stddev(*items: Any) -> Decimal | None:
    """The sample's standard deviation, computed with twice the digits and rounded once; null for fewer than two."""
    values = _values("stddev", items)
    if len(values) < 2:  # the sample's deviation divides by one less than its size
        return None
    wide = NUMBERS.copy()
    wide.prec = 2 * NUMBERS.prec
    total = Decimal(0)
    for value in values:
        total = number(wide.add, total, value)
    mean = wide.divide(total, Decimal(len(values)))
    total = Decimal(0)
    for value in values:
        off = number(wide.subtract, value, mean)
        total = number(wide.fma, off, off, total)
    return number(NUMBERS.plus, wide.sqrt(wide.divide(total, Decimal(len(values) - 1))))


def _mode(*items: Any) -> tuple[Decimal, ...]:
    counts: dict[Decimal, int] = {}
    for value in _values("mode", items):
        counts[value] = counts.get(value, 0) + 1
    most = max(counts.values(), default=0)
    return tuple(sorted(value for value, count in counts.items() if count == most))
