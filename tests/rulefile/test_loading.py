"""Loading rule files: head, path, first line, tests, digests, the readable form."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from zoneinfo import ZoneInfo

import pytest

from engine.kinds import KINDS, load
from engine.problems import InvalidError
from engine.rulefile import Effective

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)

RULES = """\
# yaml-language-server: $schema=../../schemas/rules/decision.schema.json
kind: decision
name: double
version: 3
title: Twice the amount
effective: {from: 2026-01-01, to: 2027-01-01}
facts: discount-request/1
expression: list_amount * 2
because: Two is enough
tests:
  - name: twice two
    given: {segment: small, list_amount: 2, discount_percent: 0}
    expect: {result: 4}
"""


def codes(text: str, schemas, source: str = "x.yaml") -> list[str]:
    """The codes of a refused text."""
    with pytest.raises(InvalidError) as refused:
        load(text.encode(), source=source, schemas=schemas)
    return [problem.code for problem in refused.value.problems]


def test_a_rule_set_knows_where_it_comes_from(schemas) -> None:
    """Name, version, dates and the digest of the very bytes are on the rule set."""
    made = load(RULES.encode(), source="rules/decision/double@3.yaml", schemas=schemas)
    assert ("decision", "decision/double", 3, "Twice the amount") == (made.kind, made.name, made.version, made.title)
    assert Effective(date(2026, 1, 1), date(2027, 1, 1)) == made.effective
    assert sha256(RULES.encode()).hexdigest() == made.digest
    assert made.text == RULES
    assert made.warnings == ()


def test_another_byte_is_another_digest(schemas) -> None:
    """A comment changes no decision, but it is another version of the text."""
    other = load((RULES + "# a comment\n").encode(), source="double@3.yaml", schemas=schemas)
    assert sha256(RULES.encode()).hexdigest() != other.digest


def test_the_same_input_gives_the_same_bytes(schemas) -> None:
    """A decision is a receipt: deciding again gives the same canonical document."""
    from engine import exact_json

    made = load(RULES.encode(), source="double@3.yaml", schemas=schemas)
    facts = {"segment": "small", "list_amount": Decimal("0.1"), "discount_percent": 0}
    first = made.decide(facts, at=AT, as_of=AT, release="r1")
    second = load(RULES.encode(), source="elsewhere.yaml", schemas=schemas).decide(facts, at=AT, as_of=AT, release="r1")
    assert exact_json.canonical(first.to_json()) == exact_json.canonical(second.to_json())
    assert first.outcome == {"result": Decimal("0.2")}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("rules/decision/double@3.yaml", []),
        ("/home/ana/project/rules/decision/double@3.yaml", []),
        ("draft.yaml", []),
        ("rules/decision/double@4.yaml", ["rules.path"]),
        ("rules/decision/triple@3.yaml", ["rules.path"]),
        ("rules/lead-priority/double@3.yaml", ["rules.path"]),
        ("rules/lead-priority/triple@4.yaml", ["rules.path"] * 3),
        ("double@4.yml", ["rules.path"]),
    ],
)
def test_a_path_must_say_what_the_file_says(source: str, expected: list[str], schemas) -> None:
    """Where a path names kind, rule set and version, the head must agree."""
    if expected:
        assert expected == codes(RULES, schemas, source)
    else:
        assert load(RULES.encode(), source=source, schemas=schemas).source == source


def test_a_missing_schema_line_is_a_warning(schemas) -> None:
    """Editors need the first line; deciding does not."""
    made = load(RULES.partition("\n")[2].encode(), source="x.yaml", schemas=schemas)
    assert ["rules.no_schema_line"] == [warning.code for warning in made.warnings]


def test_a_file_without_tests_is_a_warning(schemas) -> None:
    """It decides, but nobody has shown that it decides rightly."""
    made = load(RULES.partition("tests:")[0].encode(), source="x.yaml", schemas=schemas)
    assert ["rules.no_tests"] == [warning.code for warning in made.warnings]


def test_effective_days_are_half_open_in_the_zone() -> None:
    """The first day counts, the last does not, by the zone's calendar."""
    days, berlin = Effective(date(2026, 1, 1), date(2026, 7, 1)), ZoneInfo("Europe/Berlin")
    assert days.holds(datetime(2026, 1, 1, tzinfo=UTC))
    assert not days.holds(datetime(2025, 12, 31, 23, 30, tzinfo=UTC))
    assert days.holds(datetime(2025, 12, 31, 23, 30, tzinfo=UTC), berlin)
    assert not days.holds(datetime(2026, 7, 1, tzinfo=UTC))
    assert not days.holds(datetime(2026, 6, 30, 22, tzinfo=UTC), berlin)
    assert Effective(date(2026, 1, 1)).holds(datetime(9999, 1, 1, tzinfo=UTC))


def test_today_is_read_in_the_rule_sets_zone(schemas) -> None:
    """An hour before midnight in London it is tomorrow in Berlin."""
    text = RULES.replace("list_amount * 2", "today()").partition("tests:")[0]
    at = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)
    facts = {"segment": "small", "list_amount": 1, "discount_percent": 1}
    utc = load(text.encode(), source="x.yaml", schemas=schemas)
    berlin = load(text.replace("facts:", "zone: Europe/Berlin\nfacts:").encode(), source="x.yaml", schemas=schemas)
    assert {"result": date(2026, 6, 30)} == utc.decide(facts, at=at, as_of=at).outcome
    assert {"result": date(2026, 7, 1)} == berlin.decide(facts, at=at, as_of=at).outcome


def test_an_instant_needs_a_zone(schemas) -> None:
    """A local time is no instant, so nothing is decided about it."""
    made = load(RULES.encode(), source="x.yaml", schemas=schemas)
    with pytest.raises(InvalidError) as refused:
        made.decide({}, at=AT, as_of=datetime(2026, 1, 1), release="")  # noqa: DTZ001  # the mistake
    assert refused.value.code in {"rules.instant", "facts.missing"}
    typed = made.facts.read({"segment": "small", "list_amount": 2, "discount_percent": 0})
    with pytest.raises(InvalidError) as refused:
        made.decide_typed(typed, at=datetime(2026, 1, 1), as_of=AT)  # noqa: DTZ001  # the mistake
    assert refused.value.code == "rules.instant"


@pytest.mark.parametrize("wrong", ["2026-11-02T09:00:00Z", None, date(2026, 11, 2), 1_793_600_000])
def test_what_is_no_instant_is_told(wrong: object, schemas) -> None:
    """A text, a date or a number in place of an instant is a problem with its name, not a crash."""
    made = load(RULES.encode(), source="x.yaml", schemas=schemas)
    facts = {"segment": "small", "list_amount": 2, "discount_percent": 0}
    for ask in (made.decide, made.nearest, lambda given, at: made.decide_many([given], at=at)):
        with pytest.raises(InvalidError) as refused:
            ask(facts, at=wrong)
        assert ("rules.instant", "`at` is no instant") == (refused.value.code, str(refused.value))


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_the_ends_of_the_calendar_are_no_instants(text: str, schemas) -> None:
    """A date that some zone cannot show is refused, not met by a crash."""
    made = load(RULES.replace("facts:", "zone: Europe/Berlin\nfacts:").encode(), source="x.yaml", schemas=schemas)
    at = datetime.fromisoformat(text)
    with pytest.raises(InvalidError) as refused:
        made.decide({"segment": "small", "list_amount": 0, "discount_percent": 0}, at=at, as_of=AT)
    assert "rules.instant" == refused.value.code
    assert not made.effective.holds(at, made.zone)


@pytest.mark.parametrize(
    ("expectation", "message"),
    [
        ("expect: {result: 5}", "`result` is `4`; `5` was expected"),
        ("expect: {resutl: 4}", "the outcome has no `resutl`"),
        ("expect: {result: {a: 4}}", "`result` is `4`, not a group of fields"),
        ("expect: {result: [4]}", "`result` is `4`; a list of 1 was expected"),
        ("expect: {result: null}", "`result` is `4`; null was expected"),
        ("expect: {result: '4'}", "`result` is `4`; the text `4` was expected"),
        ("expect_reasons: [other]", "these rules should have fired: `other`; these did: `result`"),
        (
            "expect_error: feel.division_by_zero",
            "the problem `feel.division_by_zero` was expected, but a decision came out",
        ),
    ],
)
def test_a_failed_test_says_what_came_out(expectation: str, message: str, schemas) -> None:
    """The problem names both values and points at the expectation in the file."""
    made = load(RULES.replace("expect: {result: 4}", expectation).encode(), source="x.yaml", schemas=schemas)
    (result,) = made.run_tests()
    assert not result.passed
    assert [message] == [problem.message for problem in result.problems]
    assert result.problems[0].code == "rules.test_failed"
    assert result.problems[0].place.line == 13
    assert expectation in result.problems[0].excerpt


@pytest.mark.parametrize("expectation", ["expect: {result: 4.00}", "expect: {}", "expect_reasons: [result]"])
def test_a_passed_test_needs_only_what_it_names(expectation: str, schemas) -> None:
    """Members that are not named are free; equal numbers are equal however written."""
    made = load(RULES.replace("expect: {result: 4}", expectation).encode(), source="x.yaml", schemas=schemas)
    assert [(True, ("result",))] == [(result.passed, result.fired) for result in made.run_tests()]


def test_facts_that_do_not_fit_fail_a_test_with_their_problem(schemas) -> None:
    """A test whose facts are wrong says so instead of passing by chance."""
    made = load(RULES.replace("list_amount: 2", "list_amount: two").encode(), source="x.yaml", schemas=schemas)
    (result,) = made.run_tests()
    assert not result.passed
    assert "`list_amount` is a number" in result.problems[0].message
    assert (12, 42) == (result.problems[0].place.line, result.problems[0].place.column)


def test_a_test_can_expect_a_problem(schemas) -> None:
    """`expect_error` names the code that must come."""
    text = RULES.replace("list_amount: 2", "list_amount: two").replace(
        "expect: {result: 4}", "expect_error: facts.wrong_type"
    )
    (result,) = load(text.encode(), source="x.yaml", schemas=schemas).run_tests()
    assert result.passed


def test_unquoted_numbers_may_stand_for_texts_in_given_facts(schemas) -> None:
    """In a rule file 1.10 is a text where the fact is one."""
    text = RULES.replace("discount-request/1", "account-location/1").replace("list_amount * 2", "state")
    text = text.replace("{segment: small, list_amount: 2, discount_percent: 0}", "{country: DE, state: 1.10}")
    made = load(text.replace("{result: 4}", "{result: 1.10}").encode(), source="x.yaml", schemas=schemas)
    assert [True] == [result.passed for result in made.run_tests()]


def test_a_test_outside_the_effective_days_is_a_warning(schemas) -> None:
    """A version is tested within its own dates."""
    text = RULES.replace("    given:", "    at: 2027-01-01T00:00:00Z\n    given:")
    made = load(text.encode(), source="x.yaml", schemas=schemas)
    assert [("rules.test_instant", 12)] == [(warning.code, warning.place.line) for warning in made.warnings]


def test_coverage_names_rules_that_no_test_fired(schemas) -> None:
    """A rule that no test makes fire may say anything."""
    made = load(RULES.partition("tests:")[0].encode(), source="x.yaml", schemas=schemas)
    assert made.coverage().never_fired == ("result",)
    assert load(RULES.encode(), source="x.yaml", schemas=schemas).coverage().fired == ("result",)


def test_the_readable_form_says_everything_in_force(schemas) -> None:
    """Title, dates, facts and every rule, without the YAML."""
    described = load(RULES.encode(), source="x.yaml", schemas=schemas).describe()
    assert described.title == "Twice the amount"
    assert "version 3, in force from 2026-01-01 to before 2027-01-01" in described.summary
    assert described.sections[0].rows[0].cells == ("list_amount * 2", "number")
    assert described.sections[0].rows[0].because == "Two is enough"


def test_a_fault_in_the_rules_points_into_the_file(schemas) -> None:
    """A division by zero is told at the expression's place, in the rule file."""
    text = RULES.replace("list_amount * 2", "100 / list_amount")
    made = load(text.encode(), source="x.yaml", schemas=schemas)
    with pytest.raises(InvalidError) as refused:
        made.decide({"segment": "small", "list_amount": 0, "discount_percent": 0}, at=AT, as_of=AT)
    assert (8, "x.yaml") == (refused.value.problems[0].place.line, refused.value.problems[0].place.source)
    assert refused.value.problems[0].excerpt == "expression: 100 / list_amount"
    assert refused.value.code.startswith("feel.")


def test_two_tests_of_one_name_are_refused(schemas) -> None:
    """Results are told by name."""
    text = RULES + RULES.partition("tests:\n")[2]
    assert codes(text, schemas) == ["rules.duplicate_id"]


def test_every_kind_has_its_own_name_and_schema(schemas) -> None:
    """The list of kinds is one tuple without duplicates, and each kind's schema ships."""
    assert len(KINDS) == len({kind.name for kind in KINDS}) == len({kind.schema for kind in KINDS})
    for kind in KINDS:
        assert kind.schema in schemas.texts
