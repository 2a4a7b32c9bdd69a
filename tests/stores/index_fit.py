"""How an index of MongoDB serves a question, told from definitions alone: its keys, the filter and the order.

After MongoDB's rules for compound indexes: leading keys that the filter fixes to one value, then keys in the order's
sequence, every direction the same as asked or every one the other, then keys within bounds. A fixed key orders nothing
and may stand anywhere in the order. What `$or` demands is told branch by branch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

Filter = Mapping[str, Any]
Keys = Sequence[tuple[str, int]]

_RANGES = {"$gt", "$gte", "$lt", "$lte"}


@dataclass(frozen=True, slots=True)
class Fit:
    """`fixed` leading keys have one value, `bounded` ones (at least as many) one of some values or a range.

    `ordered` says whether walking the index gives the order, so that nothing is sorted.
    """

    fixed: int
    bounded: int
    ordered: bool


def fit(keys: Keys, filter_: Filter, order: Keys) -> Fit:
    """How the index with these keys serves what all branches of the filter have in common."""
    demands = _demands(filter_)
    one = {path for path, operators in demands.items() if "$eq" in operators}
    few = {path for path, operators in demands.items() if "$in" in operators} | one
    ranged = {path for path, operators in demands.items() if operators & _RANGES} | few
    fixed = _leading(keys, one)
    bounded = _leading(keys, few)
    if bounded < len(keys) and keys[bounded][0] in ranged:
        bounded += 1
    return Fit(fixed, bounded, _is_ordered(keys, one, order))


def branches(filter_: Filter) -> Iterator[Filter]:
    """The filter once for each choice of an alternative of its `$or`s."""
    choices = [part["$or"] for part in _conjuncts(filter_) if "$or" in part]
    plain = [part for part in _conjuncts(filter_) if "$or" not in part]
    for chosen in product(*choices):
        if any("$or" in part for one in chosen for part in _conjuncts(one)):
            yield from branches({"$and": [*plain, *chosen]})
        else:
            yield {"$and": [*plain, *chosen]}


def _conjuncts(filter_: Filter) -> Iterator[Filter]:
    """The parts of which all must match, each with one key."""
    for key, value in filter_.items():
        if key == "$and":
            for part in value:
                yield from _conjuncts(part)
        else:
            yield {key: value}


def _demands(filter_: Filter) -> dict[str, set[str]]:
    """The operators that a document must pass, for each path. A null without operator is an equality."""
    found: dict[str, set[str]] = {}
    for part in _conjuncts(filter_):
        for path, value in part.items():
            if not path.startswith("$"):
                found.setdefault(path, set()).update(value if isinstance(value, Mapping) else {"$eq"})
    return found


def _leading(keys: Keys, paths: set[str]) -> int:
    return next((number for number, (path, _) in enumerate(keys) if path not in paths), len(keys))


def _is_ordered(keys: Keys, fixed: set[str], order: Keys) -> bool:
    wanted = [key for key in order if key[0] not in fixed]
    walked = [key for key in keys if key[0] not in fixed][: len(wanted)]
    signs = {direction * asked for (_, direction), (_, asked) in zip(walked, wanted, strict=False)}
    return [path for path, _ in walked] == [path for path, _ in wanted] and len(signs) <= 1
