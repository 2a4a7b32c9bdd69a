"""Fact schemas and the reading of facts: strict, all problems at once, each at its path."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import exact_json
from engine.feel import types
from engine.feel.values import YearMonthDuration
from engine.problems import InvalidError, Report
from engine.rulefile import FactSchema
from engine.rulefile.fact_quick import DoubtfulError, quick_reader
from engine.rulefile.fact_reading import Reading

SCHEMA = {
    "type": "object",
    "required": ["employees", "industry", "contact"],
    "properties": {
        "employees": {"type": "integer", "minimum": Decimal(0), "description": "How many people work there."},
        "industry": {"type": "string", "enum": ["retail", "logistics"]},
        "amount": {"type": "number", "maximum": Decimal(100)},
        "quota": {"type": ["number", "null"]},
        "consent": {"type": "boolean"},
        "born": {"type": "string", "format": "date"},
        "seen": {"type": "string", "format": "date-time"},
        "opens": {"type": "string", "format": "time"},
        "waited": {"type": "string", "format": "duration"},
        "term": {"type": "string", "format": "year-month-duration"},
        "note": {"type": "string", "maxLength": Decimal(5)},
        "tags": {"type": "array", "maxItems": Decimal(2), "items": {"type": "string"}},
        "contact": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        },
        "events": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["at"],
                "properties": {"at": {"type": "string", "format": "date-time"}, "type": {"type": "string"}},
            },
        },
        "extra": {"type": "object", "additionalProperties": True},
    },
}
FACTS = FactSchema.of("sample/1", SCHEMA)
GOOD = {"employees": Decimal(3), "industry": "retail", "contact": {"name": "Ana"}}


def problems(**changes: object) -> list[tuple[str, str]]:
    """Code and path of every problem of the good facts with some changed; `...` takes a fact away."""
    facts = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    with pytest.raises(InvalidError) as refused:
        FACTS.read(facts)
    return [(problem.code, problem.place.path) for problem in refused.value.problems]


def message(**changes: object) -> str:
    """The first problem's sentence."""
    with pytest.raises(InvalidError) as refused:
        FACTS.read({**GOOD, **changes})
    return refused.value.problems[0].message


def test_good_facts_become_typed_ones() -> None:
    """Texts with a format become dates, instants, times and durations; numbers stay exact; lists become tuples."""
    read = FACTS.read(
        {
            **GOOD,
            "amount": Decimal("0.10"),
            "born": "2001-02-03",
            "seen": "2026-11-02T10:00:00+01:00",
            "opens": "09:30",
            "waited": "P1DT2H",
            "term": "P1Y6M",
            "tags": ["a", "b"],
            "events": [{"at": "2026-11-01T09:00:00Z"}],
            "extra": {"anything": [Decimal(1)]},
        }
    )
    assert Decimal("0.10") == read["amount"]
    assert date(2001, 2, 3) == read["born"]
    assert datetime(2026, 11, 2, 9, tzinfo=UTC) == read["seen"]
    assert time(9, 30) == read["opens"]
    assert timedelta(days=1, hours=2) == read["waited"]
    assert YearMonthDuration(18) == read["term"]
    assert read["tags"] == ("a", "b")
    assert read["events"] == ({"at": datetime(2026, 11, 1, 9, tzinfo=UTC)},)
    assert read["extra"] == {"anything": [Decimal(1)]}


def test_reading_twice_changes_nothing() -> None:
    """Typed facts are facts too."""
    read = FACTS.read({**GOOD, "seen": "2026-11-02T10:00:00Z", "waited": "P1D", "tags": ["a"]})
    assert read == FACTS.read(read)


def test_an_absent_and_a_null_optional_fact_are_the_same() -> None:
    """Both are left out, so that they decide alike and give the same input digest."""
    assert FACTS.read(GOOD) == FACTS.read({**GOOD, "amount": None, "tags": None, "quota": None})


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"employees": ...}, "facts.missing", "$.employees"),
        ({"employees": None}, "facts.null", "$.employees"),
        ({"employees": "12"}, "facts.wrong_type", "$.employees"),
        ({"employees": Decimal("1.5")}, "facts.wrong_type", "$.employees"),
        ({"employees": True}, "facts.wrong_type", "$.employees"),
        ({"employees": Decimal(-1)}, "facts.out_of_range", "$.employees"),
        ({"amount": Decimal("100.01")}, "facts.out_of_range", "$.amount"),
        ({"amount": 12.5}, "facts.binary_float", "$.amount"),
        ({"industry": 12.5}, "facts.binary_float", "$.industry"),
        ({"amount": Decimal("1." + "1" * 40)}, "facts.too_long", "$.amount"),
        ({"amount": Decimal("NaN")}, "facts.too_long", "$.amount"),
        ({"industry": "retial"}, "facts.enum", "$.industry"),
        ({"industry": Decimal(1)}, "facts.wrong_type", "$.industry"),
        ({"consent": "yes"}, "facts.wrong_type", "$.consent"),
        ({"consent": Decimal(1)}, "facts.wrong_type", "$.consent"),
        ({"born": "2001-02-30"}, "facts.bad_date", "$.born"),
        ({"born": "3 Feb 2001"}, "facts.bad_date", "$.born"),
        ({"born": Decimal(2001)}, "facts.wrong_type", "$.born"),
        ({"seen": "2026-11-02T10:00:00"}, "facts.bad_date", "$.seen"),
        ({"seen": datetime(2026, 11, 2)}, "facts.bad_date", "$.seen"),  # noqa: DTZ001  # no zone is the mistake
        ({"opens": "25:00"}, "facts.bad_date", "$.opens"),
        ({"waited": "1 day"}, "facts.bad_date", "$.waited"),
        ({"waited": "P"}, "facts.bad_date", "$.waited"),
        ({"waited": "P1DT"}, "facts.bad_date", "$.waited"),
        ({"waited": "P999999999DT999999999999H"}, "facts.bad_date", "$.waited"),
        ({"term": "P1D"}, "facts.bad_date", "$.term"),
        ({"note": "123456"}, "facts.too_long", "$.note"),
        ({"tags": ["a", "b", "c"]}, "facts.too_long", "$.tags"),
        ({"tags": "a"}, "facts.wrong_type", "$.tags"),
        ({"tags": ["a", None]}, "facts.null", "$.tags[1]"),
        ({"tags": ["a", Decimal(2)]}, "facts.wrong_type", "$.tags[1]"),
        ({"contact": {}}, "facts.missing", "$.contact.name"),
        ({"contact": []}, "facts.wrong_type", "$.contact"),
        ({"contact": {"name": "Ana", "agee": Decimal(3)}}, "facts.unknown_field", "$.contact.agee"),
        ({"events": [{"at": "2026-11-01T09:00:00Z"}, {"at": "soon"}]}, "facts.bad_date", "$.events[1].at"),
        ({"employes": Decimal(3)}, "facts.unknown_field", "$.employes"),
    ],
)
def test_a_fact_that_does_not_fit_is_refused_at_its_path(change: dict[str, object], code: str, path: str) -> None:
    """Nothing is converted, guessed or passed over."""
    assert [(code, path)] == problems(**change)


@pytest.mark.parametrize("given", [None, Decimal(1), "text", [], True])
def test_facts_are_a_group_of_fields(given: object) -> None:
    """Anything else is refused as a whole."""
    with pytest.raises(InvalidError) as refused:
        FACTS.read(given)
    assert [("facts.wrong_type", "$")] == [(p.code, p.place.path) for p in refused.value.problems]


def test_all_problems_come_at_once() -> None:
    """Somebody who sends three mistakes reads about three."""
    expected = {
        ("facts.missing", "$.industry"),
        ("facts.wrong_type", "$.employees"),
        ("facts.binary_float", "$.amount"),
        ("facts.unknown_field", "$.foo"),
    }
    assert expected == set(problems(industry=..., employees="12", amount=0.1, foo=Decimal(1)))


def test_messages_teach() -> None:
    """What stands there, what is allowed there, and the name that was surely meant."""
    assert message(employees="12") == '`employees` is a whole number; a text `"12"` was given'
    assert message(industry="retial") == "`retial` is not a value of `industry`; did you mean `retail`?"
    assert message(employes=Decimal(1)) == "`employes` is not a known fact; did you mean `employees`?"
    assert message(amount=12.5) == "`amount` is a binary float (12.5), which has no exact value"
    assert message(born="soon") == "`born` is a date; `soon` is not one"
    assert message(employees=None) == "`employees` is null, and the rules need a value"


def test_the_language_knows_types_options_and_values() -> None:
    """What the schema says is what expressions are checked against."""
    scope = FACTS.scope.fields
    assert scope["employees"] == types.Field(types.NUMBER)
    assert scope["industry"] == types.Field(types.STRING, enum=("retail", "logistics"))
    assert scope["amount"].optional
    assert scope["seen"] == types.Field(types.DATE_TIME, optional=True, zoned=True)
    assert scope["waited"].type == types.DAYS_TIME_DURATION
    assert scope["events"].type == types.ListType(
        types.ContextType(
            {"at": types.Field(types.DATE_TIME, zoned=True), "type": types.Field(types.STRING, optional=True)}
        )
    )
    assert FACTS.field("events.at").form == "date-time"
    assert FACTS.field("contact.age").optional
    assert FACTS.field("contact.height") is None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "object", "properties": {"a": {}}},
        {"type": "object", "properties": {"a": {"type": "text"}}},
        {"type": "object", "properties": {"a": {"type": ["string", "number"]}}},
        {"type": "object", "properties": {"a": {"type": "string", "format": "e-mail"}}},
        {"type": "object", "properties": {"a": {"type": "number", "multipleOf": 2}}},
        {"type": "object", "properties": {"a": {"type": "array"}}},
        {"type": "object", "required": ["b"], "properties": {"a": {"type": "string"}}},
        {"type": "object", "properties": {"a": 3}},
    ],
)
def test_a_fact_schema_beyond_our_part_is_refused(schema: object) -> None:
    """What we would not check may not be written: a keyword that does nothing is a trap."""
    with pytest.raises(InvalidError) as refused:
        FactSchema.of("bad/1", schema)
    assert {"facts.schema"} == {problem.code for problem in refused.value.problems}


def test_an_unknown_fact_schema_is_asked_back(schemas) -> None:
    """A misspelt schema name gets the nearest known one."""
    with pytest.raises(InvalidError) as refused:
        schemas.facts("leed/2")
    assert refused.value.code == "facts.unknown_schema"
    assert "did you mean `lead/2`?" in str(refused.value)


def test_every_shipped_fact_schema_is_readable(schemas) -> None:
    """Each shipped schema lies within our part and describes each of its facts."""
    assert len(schemas.fact_names) >= 5
    for name in schemas.fact_names:
        for field in schemas.facts(name).fields:
            assert field.description, (name, field.name)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.decimals(allow_nan=False, allow_infinity=False, places=3)
    | st.floats()
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*SCHEMA["properties"], "at", "name", "x"]), inner, max_size=5)
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_facts_are_read_or_refused(given: object) -> None:
    """Whatever is given, problems with places come out, or typed facts that have a canonical text."""
    try:
        exact_json.canonical(FACTS.read(given))
    except InvalidError as error:
        assert all(problem.code.startswith("facts.") and problem.place.path for problem in error.problems)


def test_an_endless_name_is_cut() -> None:
    """A problem about an unknown fact stays readable however long the name is that was given."""
    with pytest.raises(InvalidError) as refused:
        FACTS.read({"x" * 100_000: 1})
    unknown = [one for one in refused.value.problems if one.code == "facts.unknown_field"]
    assert [("`" + "x" * 60 + "` is not a known fact", "$." + "x" * 60)] == [
        (one.message, one.place.path) for one in unknown
    ]


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 101)
    | st.decimals(-1, 101)
    | st.sampled_from([Decimal("NaN"), Decimal(1) / 3, Decimal("1" * 35), "retail", "", "too long", Decimal("1.0")])
    | st.sampled_from(["2026-11-02", "2026-11-02T09:00:00Z", "09:30", "P14D", "P1Y", datetime(2026, 1, 1, tzinfo=UTC)]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from(["name", "age", "at", "type"]), inner, max_size=3)
    ),
    max_leaves=5,
)
RIGHT = {
    "employees": st.integers(0, 10**9) | st.decimals(0, 9, places=0),
    "industry": st.sampled_from(["retail", "logistics"]),
    "amount": st.decimals(-9, 100, places=3),
    "quota": st.none() | st.decimals(-9, 9, places=2),
    "consent": st.none() | st.booleans(),
    "seen": st.just("2026-11-02T09:00:00Z"),
    "waited": st.just("P14D"),
    "tags": st.lists(st.text(max_size=3), max_size=2),
    "contact": st.fixed_dictionaries({"name": st.text(max_size=3)}, optional={"age": st.integers(0, 9)}),
    "events": st.lists(st.fixed_dictionaries({"at": st.just("2026-11-02T09:00:00+01:00")}), max_size=2),
}
NEEDED = {name: RIGHT[name] for name in ("employees", "industry", "contact")}


@given(st.fixed_dictionaries(NEEDED, optional={name: RIGHT[name] for name in RIGHT if name not in NEEDED}))
def test_right_facts_need_no_second_look(given_: dict[str, object]) -> None:
    """Facts that are plainly right are read by the quick reader, as the thorough one reads them."""
    report = Report()
    expected = Reading("facts", report).value(FACTS.root, given_, "$")
    assert not report
    found = quick_reader(FACTS.root)(given_)
    assert (expected, list(map(type, expected.values()))) == (found, list(map(type, found.values())))


@given(
    st.fixed_dictionaries(NEEDED).flatmap(
        lambda right: st.dictionaries(st.sampled_from([*SCHEMA["properties"], "unknown"]), PLAIN, max_size=3).map(
            lambda other: {**right, **other}
        )
    )
)
def test_what_is_read_quickly_is_what_is_read_thoroughly(given_: dict[str, object]) -> None:
    """What the quick reader does not doubt has no problem, and the same typed value."""
    try:
        found = quick_reader(FACTS.root)(given_)
    except DoubtfulError:
        return
    report = Report()
    assert repr(Reading("facts", report).value(FACTS.root, given_, "$")) == repr(found)
    assert not report
