"""Hypothesis strategies for records, predicates and values of every field kind."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from engine.ports import Sort
from engine.predicate import Always, And, Compare, Has, In, Never, Or, Predicate, StartsWith
from engine.records import MINOR_UNITS, FieldKind, Money, Record, RecordField, record_type

TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
"""What a TEXT field can hold."""

DECIMALS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-1000, max_value=1000),
    st.builds(
        lambda sign, digits, exponent: Decimal((sign, tuple(map(int, str(digits))), exponent)),
        st.integers(0, 1),
        st.integers(0, 10**34 - 1),
        st.integers(-60, 60),
    ),
    st.sampled_from(["0", "-0", "1E+6000", "-1E+6000", "1E-6000", "9999999999999999999999999999999999"]).map(Decimal),
)

INSTANTS = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis wants naive bounds

MONEY = st.builds(Money.of_minor, st.integers(-(10**12), 10**12), st.sampled_from(sorted(MINOR_UNITS)))

_LEAVES = st.one_of(st.none(), st.booleans(), st.text(max_size=6), DECIMALS)

DOCUMENTS = st.recursive(
    st.dictionaries(st.text(max_size=6), _LEAVES, max_size=4),
    lambda inner: st.one_of(
        st.lists(st.one_of(inner, st.none(), DECIMALS, st.text(max_size=4)), max_size=3),
        st.dictionaries(st.text(max_size=6), inner, max_size=3),
    ),
    max_leaves=8,
)

BY_KIND: dict[FieldKind, st.SearchStrategy[Any]] = {
    FieldKind.TEXT: TEXTS,
    FieldKind.INTEGER: st.one_of(st.integers(-5, 5), st.integers(-(2**63), 2**63 - 1)),
    FieldKind.DECIMAL: DECIMALS,
    FieldKind.MONEY: MONEY,
    FieldKind.BOOLEAN: st.booleans(),
    FieldKind.DATE: st.dates(),
    FieldKind.INSTANT: INSTANTS,
    FieldKind.TEXTS: st.lists(TEXTS, max_size=3).map(tuple),
    FieldKind.DOCUMENT: DOCUMENTS,
}

SMALL_VALUES: dict[FieldKind, list[Any]] = {
    FieldKind.TEXT: ["a", "A", "ab", "Straße", "STRASSE", "é", "\U0001f600", "\ue000"],
    FieldKind.INTEGER: [-2, -1, 0, 1, 2],
    FieldKind.DECIMAL: [Decimal(text) for text in ("-1.5", "-1", "0", "0.5", "1", "1.00", "10")],
    FieldKind.MONEY: [Money.of_minor(minor, currency) for minor in (-2, 0, 1) for currency in ("USD", "JPY")],
    FieldKind.BOOLEAN: [False, True],
    FieldKind.DATE: [date(2026, 1, 1), date(2026, 1, 2)],
    FieldKind.INSTANT: [datetime(2026, 1, 1, microsecond=after, tzinfo=UTC) for after in (0, 1)],
    FieldKind.TEXTS: [(), ("a",), ("b", "a"), ("",)],
    FieldKind.DOCUMENT: [{"a": Decimal(1)}, {}],
}
"""Few values, so that generated records and predicates meet."""

_SMALL = {kind: st.sampled_from(values) for kind, values in SMALL_VALUES.items()}

TYPES = ("deal", "statement", "lead", "person", "job")
"""Together they have a field of every kind."""

EDGES: list[Any] = [
    "\ud800", "a\ud800b", "a\0", "\U0010ffff", "", 1, True, date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 1), Money(Decimal("0.005"), "USD"), Money(Decimal(1), "XXX"), Money(Decimal(1), "EUR"),  # noqa: DTZ001  # hostile
    *map(Decimal, ("1.005", "0.5", "1E+7000", "-1E+7000", "1E-7000", "9223372036854775807.5", "1." + "1" * 40, "NaN")),
    2**63, -(2**63) - 1,
]  # fmt: skip
"""Values at the edge of what fields hold, and beyond it."""

ODD_SCALARS = st.one_of(
    st.text(max_size=3),
    st.integers(),
    st.booleans(),
    st.decimals(),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    MONEY,
    st.sampled_from(EDGES),
)
"""Values that no field holds, or none of the field's kind."""


_BEGINNINGS = ["", "a", "A", "strass", "STRAß", "É", "\U0001f600", "\ud7ff", "\U0010ffff"]


@st.composite
def records(draw: st.DrawFn, type_name: str, record_id: str, organisation: str, *, small: bool = True) -> Record:
    """A record of the type in which any optional field may be absent."""
    kinds = _SMALL if small else BY_KIND
    fields = {}
    for field in record_type(type_name).fields:
        if field.required or draw(st.booleans()):
            fields[field.name] = draw(kinds[field.kind])
    return Record(type_name, record_id, organisation, fields)


def _field_of(type_name: str) -> st.SearchStrategy[RecordField]:
    return st.sampled_from(record_type(type_name).fields)


@st.composite
def _leaf(draw: st.DrawFn, type_name: str) -> Predicate:
    field = draw(_field_of(type_name))
    values = st.one_of(_SMALL[field.kind], _SMALL[field.kind], _SMALL[field.kind], ODD_SCALARS)
    scalar = values if field.kind not in (FieldKind.TEXTS, FieldKind.DOCUMENT) else ODD_SCALARS
    name = draw(st.sampled_from([field.name] * 9 + ["nothing"]))
    match draw(st.integers(0, 9)):
        case 0:
            return draw(st.sampled_from([Always(), Never()]))
        case 1 | 2:
            return In(name, tuple(draw(st.lists(scalar, max_size=4))))
        case 3:
            return Has(name, draw(st.sampled_from(["a", "b", "", "\ud800"])))
        case 4:
            return StartsWith(name, draw(st.sampled_from(_BEGINNINGS)))
    return Compare(name, draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">="])), draw(scalar))


def predicates(type_name: str) -> st.SearchStrategy[Predicate]:
    """Predicates over a type's fields, nested, with values that fit and values that do not."""
    return st.recursive(
        _leaf(type_name),
        lambda parts: st.one_of(
            st.lists(parts, min_size=1, max_size=3).map(lambda found: And(tuple(found))),
            st.lists(parts, min_size=1, max_size=3).map(lambda found: Or(tuple(found))),
        ),
        max_leaves=5,
    )


def sorts(type_name: str) -> st.SearchStrategy[tuple[Sort, ...]]:
    """Up to three sort keys."""
    fields = record_type(type_name).fields
    names = [field.name for field in fields if field.kind not in (FieldKind.TEXTS, FieldKind.DOCUMENT)]
    keys = st.builds(Sort, st.sampled_from(names), st.booleans())
    return st.lists(keys, max_size=3, unique_by=lambda key: key.field).map(tuple)
