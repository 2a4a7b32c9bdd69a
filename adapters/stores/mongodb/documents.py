"""How a record becomes a document and back, and the validator that keeps anything else out of a collection.

A document is `{_id: {organisation_id, id}, id, organisation_id, revision, <field>..., folded: {<text field>...}}`.
`folded` holds each text with letter case folded as Python folds it, so that searching by a name's beginning is an exact
range that an index can serve; MongoDB's own case-insensitive matching folds differently.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from bson import Decimal128, Int64

from adapters.stores.values import (
    document_from_text,
    document_to_text,
    instant_from_text,
    instant_to_text,
    plain_decimal,
)
from engine.records import MINOR_UNITS, FieldKind, Money, Record, RecordField, RecordType

FOLDED = "folded"

BSON_TYPES: dict[FieldKind, str] = {
    FieldKind.TEXT: "string",
    FieldKind.INTEGER: "long",
    FieldKind.DECIMAL: "decimal",
    FieldKind.MONEY: "object",
    FieldKind.BOOLEAN: "bool",
    FieldKind.DATE: "string",
    FieldKind.INSTANT: "string",
    FieldKind.TEXTS: "array",
    FieldKind.DOCUMENT: "string",
}
"""The BSON type of each kind of field: anything else in a stored document matches no condition."""


REQUIRED: dict[str, tuple[str, ...]] = {"audit_entry": ("sequence", "leaf_hash", "actor_id", "action", "outcome")}
"""Fields without which the database itself takes no document, whoever writes it."""


def key_of(organisation_id: str, record_id: str) -> dict[str, str]:
    """A document's `_id`. Two organisations may use the same record id."""
    return {"organisation_id": organisation_id, "id": record_id}


def identified(organisation_id: str, record_id: str) -> dict[str, Any]:
    """The filter of one document. A server that has no index over a mapping as a whole finds it by its id."""
    return {"id": {"$eq": record_id}, "_id": {"$eq": key_of(organisation_id, record_id)}}


def encode(field: RecordField, value: Any) -> Any:
    """The BSON value for a value of the field's kind."""
    match field.kind:
        case FieldKind.TEXT:
            return str(value)  # BSON's program code is a `str` as well
        case FieldKind.INTEGER:
            return Int64(value)
        case FieldKind.DECIMAL:
            return Decimal128(value)
        case FieldKind.MONEY:
            return {"currency": value.currency, "minor": Int64(value.minor)}
        case FieldKind.DATE:
            return value.isoformat()
        case FieldKind.INSTANT:
            return instant_to_text(value)
        case FieldKind.TEXTS:
            return list(value)
        case FieldKind.DOCUMENT:
            return document_to_text(value)
    return value


def decode(field: RecordField, value: Any) -> Any:
    """The value that `encode` wrote."""
    match field.kind:
        case FieldKind.INTEGER:
            return int(value)
        case FieldKind.DECIMAL:
            number = value.to_decimal()
            assert isinstance(number, Decimal)
            return plain_decimal(number)
        case FieldKind.MONEY:
            return Money.of_minor(int(value["minor"]), value["currency"])
        case FieldKind.DATE:
            return date.fromisoformat(value)
        case FieldKind.INSTANT:
            return instant_from_text(value)
        case FieldKind.TEXTS:
            return tuple(value)
        case FieldKind.DOCUMENT:
            return document_from_text(value)
    return value


def document_of(record: Record, known: RecordType) -> dict[str, Any]:
    """The document of a checked record."""
    found: dict[str, Any] = {
        "_id": key_of(record.organisation_id, record.id),
        "id": record.id,
        "organisation_id": record.organisation_id,
        "revision": Int64(record.revision),
    }
    folded = {"id": record.id.casefold(), "organisation_id": record.organisation_id.casefold()}
    for field in known.fields:
        value = record.fields.get(field.name)
        if value is not None:
            found[field.name] = encode(field, value)
            if field.kind is FieldKind.TEXT:
                folded[field.name] = value.casefold()
    found[FOLDED] = folded
    return found


def record_of(document: dict[str, Any], known: RecordType) -> Record:
    """The record of a document. A value of another type than its field's is as absent as conditions take it to be."""
    fields = {
        field.name: decode(field, document[field.name])
        for field in known.fields
        if _is_of_its_type(field, document.get(field.name))
    }
    return Record(known.name, document["id"], document["organisation_id"], fields, int(document["revision"]))


def _is_of_its_type(field: RecordField, value: Any) -> bool:
    match field.kind:
        case FieldKind.MONEY:
            return isinstance(value, dict) and value.get("currency") in MINOR_UNITS and _is_long(value.get("minor"))
        case FieldKind.TEXTS:
            return isinstance(value, list) and all(isinstance(item, str) for item in value)
        case FieldKind.DECIMAL:
            return isinstance(value, Decimal128) and value.to_decimal().is_finite()
        case FieldKind.INTEGER:
            return _is_long(value)
        case FieldKind.BOOLEAN:
            return isinstance(value, bool)
    return type(value) is str  # BSON's program code is a `str` as well


def _is_long(value: Any) -> bool:
    return isinstance(value, Int64)


def validator(known: RecordType) -> dict[str, Any]:
    """The JSON Schema (MongoDB's dialect) of a collection: declared fields only, each of its one BSON type."""
    properties: dict[str, Any] = {
        "_id": {"bsonType": "object"},
        "id": {"bsonType": "string"},
        "organisation_id": {"bsonType": "string"},
        "revision": {"bsonType": "long"},
        FOLDED: {"bsonType": "object"},
    }
    for field in known.fields:
        rule: dict[str, Any] = {"bsonType": BSON_TYPES[field.kind]}
        if field.kind is FieldKind.MONEY:
            rule["required"] = ["currency", "minor"]
            rule["properties"] = {"currency": {"bsonType": "string"}, "minor": {"bsonType": "long"}}
        if field.kind is FieldKind.TEXTS:
            rule["items"] = {"bsonType": "string"}
        properties[field.name] = rule
    return {
        "$jsonSchema": {
            "bsonType": "object",
            "required": ["_id", "id", "organisation_id", "revision", *REQUIRED.get(known.name, ())],
            "properties": properties,
            "additionalProperties": False,
        }
    }


def index_fields(known: RecordType, names: tuple[str, ...]) -> list[str]:
    """The paths that an index over these fields is made of."""
    paths: list[str] = []
    for name in names:
        field = known.field(name)
        assert field is not None, f"{known.name} has an index over an unknown field {name}"
        paths.extend(paths_of(field))
    return paths


def paths_of(field: RecordField) -> tuple[str, ...]:
    """Where a field's comparable values stand: two places for money."""
    if field.kind is FieldKind.MONEY:
        return (f"{field.name}.currency", f"{field.name}.minor")
    return (field.name,)
