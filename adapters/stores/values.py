"""Field values at rest: what a store accepts, and the exact, order-preserving forms that databases keep.

| kind | in SQLite | in MongoDB | order |
| --- | --- | --- | --- |
| TEXT | TEXT | string | by code point |
| INTEGER | INTEGER | int64 | by value |
| DECIMAL | TEXT, see `decimal_to_text` | Decimal128 | by value |
| MONEY | two columns: currency, whole minor units | `{currency, minor}` | by currency, then amount |
| BOOLEAN | INTEGER 0, 1 | bool | false first |
| DATE | TEXT `2026-10-01` | string | by day |
| INSTANT | TEXT `2026-10-01T09:00:00.000000Z` | string (BSON dates lose microseconds) | by instant |
| TEXTS | TEXT (JSON) | array | none |
| DOCUMENT | TEXT (JSON; numbers keep every digit) | string (the same text) | none |

A field that is `None` is the same as one that is absent: neither is stored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow, Subnormal
from functools import cache
from json.encoder import encode_basestring_ascii
from typing import Any

from engine.problems import Place, Report
from engine.records import MINOR_UNITS, FieldKind, Money, Record, RecordField, RecordType, record_type

MAX_INTEGER = 2**63 - 1
MAX_TEXT_CHARACTERS = 1_000_000
MAX_DOCUMENT_CHARACTERS = 10_000_000
MAX_DOCUMENT_DEPTH = 64

_EXACT = Context(prec=34, Emin=-6143, Emax=6144, traps=[Inexact, InvalidOperation, Overflow, Subnormal])
"""The numbers of IEEE 754 decimal128: 34 digits; anything else would be rounded, so it is refused."""

SORTABLE = frozenset(FieldKind) - {FieldKind.TEXTS, FieldKind.DOCUMENT}


def checked(record: Record, texts: dict[str, str] | None = None) -> Record:
    """The record as a store keeps it: known fields only, values of the declared kinds, no nulls, numbers in one form.

    The texts of its documents are put into `texts`, so that a store that writes texts need not make them again. Raises
    `InvalidError` (`record.mistyped`) with every field that does not fit.
    """
    known = record_type(record.type)
    report = Report()
    fields: dict[str, Any] = {}
    for name in ("id", "organisation_id"):
        if not is_text(getattr(record, name)) or not getattr(record, name):
            _refuse(report, known, name, "must be a text that is not empty")
    kinds, required = _declared(record.type)
    for name, value in record.fields.items():
        kind = kinds.get(name)
        if kind is None:
            _refuse(report, known, name, "is no field of this record type")
        elif value is not None:
            try:
                if kind is FieldKind.DOCUMENT and isinstance(value, Mapping | list | tuple):
                    text = document_to_text(value)
                    fields[name] = document_from_text(text)
                    if texts is not None:
                        texts[name] = text
                else:
                    fields[name] = settled(kind, value)
            except ValueError as error:
                _refuse(report, known, name, str(error))
    for name in required:
        if record.fields.get(name) is None:
            _refuse(report, known, name, "is required")
    report.raise_if_any()
    return Record(record.type, record.id, record.organisation_id, fields, record.revision)


@cache
def _declared(type_name: str) -> tuple[Mapping[str, FieldKind], tuple[str, ...]]:
    """A record type's fields with their kinds, and those that are required."""
    known = record_type(type_name)
    return {field.name: field.kind for field in known.fields}, tuple(f.name for f in known.fields if f.required)


def _refuse(report: Report, known: RecordType, name: str, reason: str) -> None:
    report.add("record.mistyped", f"`{known.name}.{name}` {reason}", Place(path=f"$.{name}"))


def settled(kind: FieldKind, value: Any) -> Any:
    """The value in the one form in which every store gives it back. Raises `ValueError` if it is not of the kind."""
    match kind:
        case FieldKind.TEXT if is_text(value):
            return value
        case FieldKind.INTEGER if isinstance(value, int) and not isinstance(value, bool):
            if not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
                raise ValueError("must be a whole number of at most 64 bits")
            return int(value)
        case FieldKind.DECIMAL if isinstance(value, Decimal | int) and not isinstance(value, bool):
            return plain_decimal(Decimal(value))
        case FieldKind.MONEY if isinstance(value, Money):
            return _money(value)
        case FieldKind.BOOLEAN if isinstance(value, bool):
            return value
        case FieldKind.DATE if isinstance(value, date) and not isinstance(value, datetime):
            return value
        case FieldKind.INSTANT if isinstance(value, datetime):
            return _instant(value)
        case FieldKind.TEXTS if isinstance(value, list | tuple) and all(is_text(item) for item in value):
            return tuple(value)
        case FieldKind.DOCUMENT if isinstance(value, Mapping | list | tuple):
            return document_from_text(document_to_text(value))
    raise ValueError(f"must be {_WANTED[kind]}")


_WANTED = {
    FieldKind.TEXT: f"a text of at most {MAX_TEXT_CHARACTERS:,} characters without NUL",
    FieldKind.INTEGER: "a whole number",
    FieldKind.DECIMAL: "an exact decimal number",
    FieldKind.MONEY: "an amount with its currency",
    FieldKind.BOOLEAN: "true or false",
    FieldKind.DATE: "a day",
    FieldKind.INSTANT: "an instant with its zone",
    FieldKind.TEXTS: "a list of texts",
    FieldKind.DOCUMENT: "an object or a list",
}


def is_text(value: object) -> bool:
    """Whether a store can hold the value as a text: no NUL, no half of a surrogate pair, not too long."""
    if not isinstance(value, str) or len(value) > MAX_TEXT_CHARACTERS or "\0" in value:
        return False
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def plain_decimal(value: Decimal) -> Decimal:
    """The number without trailing zeros after the point, `0` for every zero. Raises `ValueError` beyond decimal128."""
    if not value.is_finite():
        raise ValueError("must be a number: NaN and infinities are none")
    if not value:
        return Decimal(0)
    try:
        short = _EXACT.normalize(value)
    except (Inexact, InvalidOperation, Overflow, Subnormal):
        raise ValueError("must be a number of at most 34 digits") from None
    exponent = short.as_tuple().exponent
    assert isinstance(exponent, int)
    return _EXACT.quantize(short, Decimal(1)) if exponent > 0 and short.adjusted() < 34 else short


def _money(value: Money) -> Money:
    if value.currency not in MINOR_UNITS:
        raise ValueError(f"is in `{value.currency}`, a currency that is not accepted")
    if not isinstance(value.amount, Decimal) or not value.amount.is_finite():
        raise ValueError("must be an exact amount")
    minor = value.minor
    if not -MAX_INTEGER - 1 <= minor <= MAX_INTEGER:
        raise ValueError("must be an amount of at most 64 bits of minor units")
    return Money.of_minor(minor, value.currency)


def _instant(value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise ValueError("must be an instant with its zone")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be an instant of the years 1 to 9999") from None


# -- order-preserving text of a decimal


def decimal_to_text(value: Decimal) -> str:
    """A text whose order by code point is the order of the numbers, and which restores the number exactly.

    Zero is `1`. A positive number is `2`, five digits of exponent (biased by 10000) and its significant digits; a
    negative one is `0` with every digit of that replaced by its complement to nine, and `~`, which sorts after all
    digits, so that of two negatives the longer is the smaller.
    """
    if not value:
        return "1"
    digits = "".join(map(str, value.as_tuple().digits)).lstrip("0").rstrip("0")
    body = f"{value.adjusted() + 10_000:05d}{digits}"
    return f"2{body}" if value > 0 else f"0{body.translate(_COMPLEMENT)}~"


def decimal_from_text(text: str) -> Decimal:
    """The number that `decimal_to_text` wrote."""
    if text == "1":
        return Decimal(0)
    negative = text.startswith("0")
    body = text[1:-1].translate(_COMPLEMENT) if negative else text[1:]
    adjusted, digits = int(body[:5]) - 10_000, body[5:]
    number = Decimal((int(negative), tuple(map(int, digits)), adjusted - len(digits) + 1))
    return plain_decimal(number)


_COMPLEMENT = str.maketrans("0123456789", "9876543210")


# -- instants, documents, lists of texts


def instant_to_text(value: datetime) -> str:
    """UTC with microseconds, always 27 characters: `2026-10-01T09:00:00.000000Z`."""
    return value.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def instant_from_text(text: str) -> datetime:
    """The instant that `instant_to_text` wrote."""
    return datetime.fromisoformat(text)


def document_to_text(value: Any) -> str:
    """JSON with sorted keys, numbers with the digits they were given. Raises `ValueError` for what JSON has not."""
    text = _written(value, 0)
    if len(text) > MAX_DOCUMENT_CHARACTERS:
        raise ValueError(f"is longer than {MAX_DOCUMENT_CHARACTERS:,} characters")
    return text


def _written(value: Any, depth: int) -> str:
    """Exact types are asked for first: nearly every value is of one, and every write of a document comes through."""
    if depth > MAX_DOCUMENT_DEPTH:
        raise ValueError(f"is nested deeper than {MAX_DOCUMENT_DEPTH} levels")
    kind = type(value)
    if kind is str:
        return encode_basestring_ascii(value)
    if kind is dict:
        return _object(value, depth)
    word = _WORDS.get(value) if kind is bool or value is None else None
    if word is not None:
        return word
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join([_written(item, depth + 1) for item in value])}]"
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, Mapping):
        return _object(value, depth)
    reason = "a binary float, which has no exact text" if isinstance(value, float) else ""
    raise ValueError(f"holds {reason or f'`{value}`, which JSON has no form for: write its text'}")


def _object(value: Mapping[Any, Any], depth: int) -> str:
    try:
        parts = [f"{encode_basestring_ascii(key)}: {_written(value[key], depth + 1)}" for key in sorted(value)]
    except TypeError:  # keys that are not texts are not sorted beside texts, nor written
        if all(isinstance(key, str) for key in value):
            raise
        raise ValueError("has a key that is not a text") from None
    return f"{{{', '.join(parts)}}}"


_WORDS: Mapping[bool | None, str] = {None: "null", True: "true", False: "false"}
_read_document = json.JSONDecoder(parse_float=Decimal, parse_int=Decimal).decode


def document_from_text(text: str) -> Any:
    """The document that `document_to_text` wrote: dicts, lists, texts, truth values, null and `Decimal` numbers."""
    return _read_document(text)


def texts_to_text(value: Sequence[str]) -> str:
    """A JSON array of texts."""
    return json.dumps(list(value), ensure_ascii=True)


def texts_from_text(text: str) -> tuple[str, ...]:
    """The texts that `texts_to_text` wrote."""
    return tuple(json.loads(text))


def sort_key(field: RecordField, value: Any) -> Any:
    """A JSON value that orders as the field does: the form in which cursors carry it."""
    match field.kind:
        case FieldKind.DECIMAL:
            return decimal_to_text(value)
        case FieldKind.MONEY:
            return [value.currency, value.minor]
        case FieldKind.BOOLEAN:
            return int(value)
        case FieldKind.DATE:
            return value.isoformat()
        case FieldKind.INSTANT:
            return instant_to_text(value)
    return value


def from_sort_key(field: RecordField, key: Any) -> Any:
    """The value that `sort_key` wrote. Raises `ValueError` or `TypeError` for anything else."""
    match field.kind:
        case FieldKind.TEXT if isinstance(key, str):
            return key
        case FieldKind.INTEGER if isinstance(key, int):
            return key
        case FieldKind.DECIMAL if isinstance(key, str):
            return decimal_from_text(key)
        case FieldKind.MONEY if isinstance(key, list):
            currency, minor = key
            return Money.of_minor(int(minor), str(currency))
        case FieldKind.BOOLEAN if isinstance(key, int):
            return bool(key)
        case FieldKind.DATE if isinstance(key, str):
            return date.fromisoformat(key)
        case FieldKind.INSTANT if isinstance(key, str):
            return instant_from_text(key)
    raise ValueError("not a sort key of this field")


def copied(record: Record) -> Record:
    """A copy that shares no document with the original, so that a reader cannot change what is stored."""
    known = record_type(record.type)
    documents = {
        field.name: document_from_text(document_to_text(record.fields[field.name]))
        for field in known.fields
        if field.kind is FieldKind.DOCUMENT and field.name in record.fields
    }
    return record.with_fields(**documents)
