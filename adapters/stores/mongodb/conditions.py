"""A condition as a MongoDB filter.

MongoDB would match an element of a list, a missing field (`$ne`, null) and a value of another type. So every comparison
carries the field's one BSON type and refuses lists; a value always stands behind an operator, so a mapping that came
from outside could not act as one; nothing is ever negated but "is a list".
"""

from __future__ import annotations

from typing import Any, assert_never

from bson import Decimal128

from adapters.stores.mongodb.documents import BSON_TYPES, FOLDED, encode
from adapters.stores.typed import Begins, Condition, Constant, Contains, Every, OneOf, Present, Some, Test
from engine.records import FieldKind, Money, RecordField

Filter = dict[str, Any]
Pipeline = list[dict[str, Any]]

NOTHING: Filter = {"_id": {"$in": []}}

_OPERATORS = {"=": "$eq", "!=": "$ne", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}


def filter_of(condition: Condition) -> Filter:
    """The filter."""
    match condition:
        case Constant(value):
            return {} if value else NOTHING
        case Present(field, currency):
            if currency:
                return _money(field, {f"{field.name}.currency": {"$eq": currency}})
            return _finite(field, {field.name: _typed(field)})
        case Test(field, operator, value):
            return _test(field, _OPERATORS[operator], value)
        case OneOf(field, values):
            return {field.name: {"$in": [encode(field, value) for value in values], **_typed(field)}}
        case Contains(field, text):
            return {field.name: {"$elemMatch": {"$eq": str(text)}}}
        case Begins(field, folded):
            path = f"{FOLDED}.{field.name}"
            bounds: Filter = {"$gte": folded}
            if (end := successor(folded)) is not None:
                bounds["$lt"] = end
            return {"$and": [{field.name: _typed(field)}, {path: {**bounds, "$type": "string"}}]}
        case Every(parts):
            return {"$and": [filter_of(part) for part in parts]}
        case Some(parts):
            return {"$or": [filter_of(part) for part in parts]}
        case _:
            assert_never(condition)


def selection(condition: Condition, *more: Filter) -> Pipeline:
    """The stages that leave the documents which the condition and all further filters match.

    Every index begins with the organisation, so the one that is asked for stands in a stage of its own before the
    filter, which names it again. MongoDB joins the two before it plans; a server that plans the first stage alone, and
    there only what is no `$and`, finds an index as well.
    """
    parts = condition.parts if isinstance(condition, Every) else (condition,)
    walls = [part for part in parts if isinstance(part, Test) and part.field.name == "organisation_id"]
    first = [{"$match": {"organisation_id": {"$eq": wall.value}}} for wall in walls[:1] if wall.operator == "="]
    return [*first, {"$match": both(filter_of(condition), *more)}]


def both(*parts: Filter) -> Filter:
    """All of the filters."""
    kept = [part for part in parts if part]
    return {} if not kept else kept[0] if len(kept) == 1 else {"$and": kept}


def successor(text: str) -> str | None:
    """The least text that is greater than every text beginning with this one; None if there is none."""
    for position in range(len(text) - 1, -1, -1):
        code = ord(text[position])
        if code < 0x10FFFF:
            # Half surrogates are no characters: the one after U+D7FF is U+E000.
            return text[:position] + chr(0xE000 if code == 0xD7FF else code + 1)
    return None


def _test(field: RecordField, operator: str, value: Any) -> Filter:
    if isinstance(value, Money):
        encoded = encode(field, value)
        return _money(
            field,
            {f"{field.name}.currency": {"$eq": encoded["currency"]}},
            {f"{field.name}.minor": {operator: encoded["minor"], "$type": "long"}},
        )
    return _finite(field, {field.name: {operator: encode(field, value), **_typed(field)}})


def _finite(field: RecordField, found: Filter) -> Filter:
    """Decimal128 has NaN and infinities, which are no numbers here."""
    if field.kind is not FieldKind.DECIMAL:
        return found
    return {"$and": [found, {field.name: {"$gt": Decimal128("-Infinity"), "$lt": Decimal128("Infinity")}}]}


def _money(field: RecordField, *parts: Filter) -> Filter:
    return {"$and": [{field.name: _typed(field)}, *parts]}


def _typed(field: RecordField) -> Filter:
    """Present, of the field's BSON type, and no list of such (which `$type` alone would let through)."""
    if field.kind is FieldKind.TEXTS:
        return {"$type": "array"}
    return {"$type": BSON_TYPES[field.kind], "$not": {"$type": "array"}}
