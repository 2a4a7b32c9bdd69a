from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine import exact_json
from engine.problems import Report
from engine.records import MINOR_UNITS, FieldKind, Money, RecordField, RecordType
from engine.service.fields import read_fields

EVERY_KIND = RecordType("thing", tuple(RecordField(kind.value, kind) for kind in FieldKind))
NAMES = tuple(kind.value for kind in FieldKind)

json_values = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8) | st.decimals(allow_nan=True, allow_infinity=True) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
typed = {
    "text": st.text(max_size=20).filter(lambda text: "\0" not in text),
    "integer": st.integers(-(2**53), 2**53),
    "decimal": st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12),
    "money": st.builds(Money.of_minor, st.integers(-(10**17), 10**17), st.sampled_from(sorted(MINOR_UNITS))),
    "boolean": st.booleans(),
    "date": st.dates(),
    "instant": st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001  # hypothesis wants naive bounds
    "texts": st.lists(st.text(max_size=5).filter(lambda text: "\0" not in text), max_size=5).map(tuple),
}


@given(st.fixed_dictionaries({}, optional=typed))
def test_what_is_written_as_json_reads_back_equal(values):
    """Every typed value survives its own JSON form exactly."""
    report = Report()
    given_json = exact_json.parse(exact_json.canonical(values))
    assert (values, []) == (read_fields(EVERY_KIND, given_json, NAMES, report), report.found)


@given(st.dictionaries(st.sampled_from((*NAMES, "owner", "id", "\u2603")), json_values, max_size=6))
def test_any_json_gives_values_or_problems_with_paths(values):
    """No JSON value whatever ends in anything but a typed value or a problem that says where."""
    report = Report()
    found = read_fields(EVERY_KIND, values, NAMES, report, required=("text",))
    refused = {problem.place.path for problem in report}
    assert all(path.startswith("$") for path in refused)
    for name, value in values.items():
        assert (name in found and found[name] is not None) != (
            f"$.{name}" in refused or value is None or name not in NAMES
        )


def test_numbers_keep_their_digits():
    """A decimal of 34 digits is kept to the last one; one more is refused instead of rounded."""
    report = Report()
    exact = "0.1234567890123456789012345678901234"
    assert {"decimal": Decimal(exact)} == read_fields(EVERY_KIND, {"decimal": exact}, NAMES, report)
    read_fields(EVERY_KIND, {"decimal": exact + "5"}, NAMES, report)
    assert ["field.out_of_range"] == [problem.code for problem in report]
