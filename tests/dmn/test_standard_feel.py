"""FEEL with the standard's null semantics: a page of expressions, and properties that hold for all values."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.feel.limits import MAX_STEPS
from engine.feel.standard import Environment, Session, compile_expression, compile_unary_tests, temporal
from engine.feel.standard.patterns import Pattern
from engine.feel.standard.temporal import Date, Duration, Time
from engine.feel.standard.text import literal
from engine.feel.values import Fault
from engine.problems import InvalidError

PAGE = Path(__file__).resolve().parents[1] / "cases" / "dmn" / "expressions.feel"
LINES = [line for line in PAGE.read_text().splitlines() if line and not line.startswith("//")]
AT = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)


def evaluate(text: str, session: Session | None = None, **variables: object) -> object:
    """The value of an expression about some variables."""
    return compile_expression(text, variables).evaluate(Environment(variables, session or Session(AT)))


@pytest.mark.parametrize("line", LINES)
def test_expression_gives_what_the_page_says(line: str) -> None:
    """The expression before the arrow gives what stands after it."""
    text, expected = re.split(r" +-> (?=[^>]*$)", line)
    assert expected == literal(evaluate(text))


@pytest.mark.parametrize(
    ("cell", "value", "expected"),
    [
        ("true", True, True),
        ("true", False, False),
        ("true", None, False),
        ("false", None, False),
        ("null", None, True),
        ("other > 1", None, True),
        ("other > 1", "text", True),
        ("not(true)", False, True),
        ("not(true)", None, True),
    ],
)
def test_a_cell_is_about_its_input(cell: str, value: object, expected: object) -> None:
    """A constant is compared with the input, also an unknown one; a condition about something else holds by itself."""
    found = compile_unary_tests(cell, ["other"])
    assert expected is found.evaluate(Environment({"?": value, "other": Decimal(2)}, Session(AT)))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('1 + "a"', "feel.wrong_type"),
        ("1 / 0", "feel.division_by_zero"),
        ("unknown + 1", "feel.unknown_name"),
        ('date("2026-02-30")', "feel.bad_date"),
        ('matches("a", "(")', "feel.bad_pattern"),
        (f'matches("{"a" * 50}b", "(a+)+$")', "feel.bad_pattern"),
        ("2 ** 99999999", "feel.number_range"),
        ("substring()", "feel.wrong_arguments"),
    ],
)
def test_null_has_its_reason_noted(text: str, code: str) -> None:
    """What cannot be computed is null, and the session says why and where."""
    session = Session(AT)
    assert evaluate(text, session) is None
    assert code == session.notes[0].code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("for i in 1..1000000000 return i", "feel.step_limit"),
        ("some i in 1..2000, j in 1..2000 satisfies i < 0", "feel.step_limit"),
        ("{f: function(x) f(x + 1), r: f(1)}.r", "feel.call_depth"),
        ("{f: function(x) if x = 0 then 0 else f(x - 1) + f(x - 1), r: f(60)}.r", "feel.step_limit"),
    ],
)
def test_limits_end_the_evaluation(text: str, code: str) -> None:
    """A budget that is used up is an error and not a null that a rule could mistake for an answer."""
    session = Session(AT)
    session.steps = 50_000  # what is left of the million, so that the test is quick
    with pytest.raises(Fault) as caught:
        evaluate(text, session)
    assert code == caught.value.code


def test_shared_parts_cannot_outgrow_the_limits() -> None:
    """A small value whose parts are shared a million times is neither written out nor compared without end."""
    rows = ", ".join(f"a{i + 1}: [{', '.join([f'a{i}'] * 8)}]" for i in range(12))
    for what in ("string(a12)", "count(flatten(a12))", "a12 = [" + ", ".join(["a11"] * 8) + "]"):
        session = Session(AT)
        assert evaluate(f'{{a0: ["x"], {rows}, r: {what}}}.r', session) is None
        assert "feel.size_limit" == session.notes[0].code


def test_steps_are_spent_for_looking_through_lists() -> None:
    """Functions over long lists take from the same budget as loops."""
    session = Session(AT)
    evaluate("count(for i in 1..16000 return i)", session)
    assert MAX_STEPS - 17_000 == session.steps


@given(st.text(alphabet="[](){}<>=!.,:?@\"'+-*/ abin12\\dxforetusmhl", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the reader or the evaluation fail in another way than ours."""
    try:
        evaluate(text)
    except InvalidError as error:
        assert error.problems
    except Fault as fault:
        assert fault.code in {"feel.step_limit", "feel.call_depth"}


@given(st.integers(-365_000_000_000, 365_000_000_000))
def test_dates_and_their_numbers_are_one_to_one(number: int) -> None:
    """Every day number is one date, whose text is read back as the same date."""
    day = temporal.date_at(number)
    assert number == day.number
    assert day == temporal.date_from(str(day))


@given(st.dates(), st.dates())
def test_dates_agree_with_the_standard_library(one: dt.date, two: dt.date) -> None:
    """Within years 1 to 9999 numbers, weekdays, weeks and differences are those of Python's calendar."""
    a, b = (Date(day.year, day.month, day.day) for day in (one, two))
    assert (one - two).days * temporal.DAY == temporal.between(a, b).nanoseconds
    assert one.isoweekday() == a.weekday
    if dt.MINYEAR < one.year < dt.MAXYEAR:
        assert one.isocalendar().week == temporal.iso_week(a)


@given(st.integers(-(10**25), 10**25))
def test_durations_are_read_back(nanoseconds: int) -> None:
    """A duration's text gives the same duration, to the nanosecond."""
    assert Duration(nanoseconds) == temporal.duration_from(str(Duration(nanoseconds)))


@given(st.integers(0, temporal.DAY - 1), st.integers(-18 * 60, 18 * 60))
def test_times_are_read_back(nanoseconds: int, offset: int) -> None:
    """A time's text gives the same time and zone."""
    time = Time(nanoseconds, temporal.Zone(offset * 60))
    assert time == temporal.time_from(str(time))


@given(
    st.recursive(
        st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "^", "$", r"\d", "ab"]),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["*", "+", "?", "{1,2}", "*?", "{2}"])).map(lambda p: f"(?:{p[0]}){p[1]}"),
            st.tuples(inner, inner).map("".join),
            st.tuples(inner, inner).map(lambda p: f"({p[0]}|{p[1]})"),
        ),
        max_leaves=6,
    ),
    st.text(alphabet="ab1\n", max_size=8),
)
def test_patterns_agree_with_the_standard_library(pattern: str, text: str) -> None:
    """Patterns without XPath's own parts find what Python's own engine finds."""
    # Python's `$` also matches before a last line end, its `.` does so with a carriage return: XPath's do not.
    expected = re.search(pattern.replace("$", r"\Z"), text)
    found = Pattern(pattern, "").search(text, Session())
    assert (expected and expected.span()) == (found and (found.start, found.end))
