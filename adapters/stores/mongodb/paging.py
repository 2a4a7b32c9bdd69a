"""A page of a sorted list in MongoDB: keyset paging, nulls last in both directions.

As in SQLite the list has two stretches: records with a value for the first sort key, then those without. MongoDB puts
missing values first when ascending, so a further ascending key is preceded by a flag that says whether it is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adapters.stores.cursors import Position, Question, SortKey
from adapters.stores.mongodb.conditions import Filter, Pipeline, both, selection
from adapters.stores.mongodb.documents import encode, paths_of
from adapters.stores.typed import Condition
from engine.records import FieldKind


@dataclass(frozen=True, slots=True)
class _Path:
    path: str
    descending: bool


def pipelines(question: Question, position: Position | None, condition: Condition, limit: int) -> Iterator[Pipeline]:
    """The aggregations whose results, one after the other, are the list after the position; each of at most `limit`."""
    if not question.keys:
        after = after_record(position.record_id, position.organisation_id) if position else {}
        yield [*selection(condition, after), *_ordered([], limit)]
        return
    paths = [_Path(path, key.descending) for key in question.keys for path in paths_of(key.field)]
    values = [part for key, value in _values(question, position) for part in _parts(key, value)]
    first, width = question.keys[0], len(paths_of(question.keys[0].field))
    at_nulls = position is not None and position.values[0] is None
    if not at_nulls:
        after = _bounded(paths, values, position) if position else {}
        yield [*selection(condition, _present(first), after), *_ordered(paths, limit, plain=width)]
    after = _after(paths[width:], values[width:], position) if position and at_nulls else {}
    yield [*selection(condition, {first.field.name: None}, after), *_ordered(paths[width:], limit)]


def after_record(record_id: str, organisation_id: str) -> Filter:
    """What follows a record by id, then organisation; the first comparison is what bounds an index."""
    same = {"id": {"$eq": record_id}, "organisation_id": {"$gt": organisation_id}}
    return {"id": {"$gte": record_id}, "$or": [{"id": {"$gt": record_id}}, same]}


def _values(question: Question, position: Position | None) -> Iterator[tuple[SortKey, Any]]:
    if position is not None:
        yield from zip(question.keys, position.values, strict=True)


def _parts(key: SortKey, value: Any) -> tuple[Any, ...]:
    if value is None:
        return (None,) * len(paths_of(key.field))
    encoded = encode(key.field, value)
    return (encoded["currency"], encoded["minor"]) if key.field.kind is FieldKind.MONEY else (encoded,)


def _present(key: SortKey) -> Filter:
    return {key.field.name: {"$ne": None}}


def _ordered(paths: list[_Path], limit: int, plain: int = 0) -> Pipeline:
    """Sort, limit. The first `plain` paths are known to have values, so they need no flag."""
    sort: dict[str, int] = {}
    flags: dict[str, Any] = {}
    for position, path in enumerate(paths):
        if position >= plain and not path.descending:
            flag = f"missing_{position}"
            flags[flag] = {"$cond": [{"$lte": [f"${path.path}", None]}, 1, 0]}
            sort[flag] = 1
        sort[path.path] = -1 if path.descending else 1
    sort |= {"id": 1, "organisation_id": 1}
    return [*([{"$addFields": flags}] if flags else []), {"$sort": sort}, {"$limit": limit}]


def _bounded(paths: list[_Path], values: list[Any], position: Position) -> Filter:
    """After the position among documents that have a value for the first path: from it on, which bounds an index."""
    first, value = paths[0], values[0]
    sign = "$lt" if first.descending else "$gt"
    same = both({first.path: {"$eq": value}}, _after(paths[1:], values[1:], position))
    return {first.path: {f"{sign}e": value}, "$or": [{first.path: {sign: value}}, same]}


def _after(paths: list[_Path], values: list[Any], position: Position) -> Filter:
    if not paths:
        return after_record(position.record_id, position.organisation_id)
    first, value = paths[0], values[0]
    rest = _after(paths[1:], values[1:], position)
    if value is None:
        return both({first.path: None}, rest)
    beyond = {first.path: {"$lt" if first.descending else "$gt": value}}
    return {"$or": [beyond, {first.path: None}, both({first.path: {"$eq": value}}, rest)]}
