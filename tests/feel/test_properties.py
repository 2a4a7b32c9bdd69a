"""What holds for all expressions: executors agree, texts read back, arithmetic is exact, no text crashes the reader."""

from __future__ import annotations

import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Any

import pytest
from expressions import SCOPE, conditions, expressions, facts, rules
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.feel import (
    ConditionSet,
    Expression,
    FailedClause,
    Field,
    Fired,
    Scope,
    check,
    check_unary_tests,
    condition_set,
    literal,
    types,
)
from engine.feel.conform import fitted, ready
from engine.feel.limits import MAX_DEPTH, MAX_SOURCE_CHARACTERS
from engine.feel.values import Fault
from engine.problems import InvalidError


def checked(text: str, **wanted: Any) -> Expression | None:
    """The expression, or None where a constant part is a mistake, which is told at load."""
    try:
        return check(text, SCOPE, **wanted)
    except InvalidError:
        return None


def outcome(compute: Any) -> Any:
    """A value, or the problems instead of it."""
    try:
        return compute()
    except InvalidError as error:
        return error.problems


@settings(max_examples=1500)
@given(expressions, facts)
def test_generated_code_and_interpreter_agree(text: str, record: dict[str, Any]) -> None:
    """For any expression and facts both executors give the same value, null or located problem."""
    expression = checked(text)
    if expression is not None:
        by_code = outcome(lambda: expression.evaluate(record))
        by_tree = outcome(lambda: expression.interpret(record))
        assert by_tree == by_code
        assert type(by_tree) is type(by_code)


@settings(max_examples=500)
@given(expressions)
def test_canonical_text_gives_the_same_tree(text: str) -> None:
    """Writing a tree as text and reading it gives the tree again, and writing that gives the same text."""
    expression = checked(text)
    if expression is not None:
        again = check(expression.to_text(), SCOPE)
        assert expression.tree == again.tree
        assert expression.to_text() == again.to_text()


def assert_same_bits(found: Any, before: Any, set_: ConditionSet, rules_: list[tuple[str, Expression]]) -> None:
    """Generated code finds what the interpreter finds; conjuncts behind a false one it may have looked at or not."""
    if not isinstance(found, Fired):
        assert before == found
        return
    assert (before.rules, before.unknown) == (found.rules, found.unknown)
    for at, (name, _) in enumerate(rules_):
        if found.rules >> at & 1:
            assert all(before.clauses >> bit & found.clauses >> bit & 1 for bit in set_.clause_bits(name))


@settings(max_examples=800)
@given(rules, st.lists(facts, min_size=1, max_size=4))
def test_a_set_of_rules_agrees_with_each_rule(texts: list[str], records: list[dict[str, Any]]) -> None:
    """Fired, unknown and failing rules of a set, compiled or not yet, are those found by the interpreter one by one."""
    checked_rules = [(f"r{at}", checked(text, expect=types.BOOLEAN)) for at, text in enumerate(texts)]
    good = [(name, rule) for name, rule in checked_rules if rule is not None]
    conditions_, at_first = ConditionSet.compile(good), ConditionSet.compile(good)
    for record in records:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(condition_set, "INTERPRETED", 0)
            found = outcome(lambda record=record: conditions_.evaluate(record))
        before = outcome(lambda record=record: at_first.evaluate(record))
        assert_same_bits(found, before, conditions_, good)
        wanted = outcome(lambda record=record: conditions_.interpret(record))
        if not isinstance(found, tuple) or not hasattr(found, "rules"):
            assert wanted == found
            continue
        assert tuple(value is True for value in wanted) == tuple(bool(found.rules >> at & 1) for at in range(len(good)))
        assert tuple(value is None for value in wanted) == tuple(
            bool(found.unknown >> at & 1) for at in range(len(good))
        )
        for at, (name, _) in enumerate(good):
            failed = conditions_.why_not(name, record)
            assert (failed is None) == (wanted[at] is True)
            if wanted[at] is True:
                assert all(found.clauses >> bit & 1 for bit in conditions_.clause_bits(name))
            elif failed is not None:
                first = [clause.text for clause in conditions_.clauses(name)].index(failed.text)
                assert not found.clauses >> conditions_.clause_bits(name)[first] & 1


@settings(max_examples=400)
@given(rules, facts)
def test_what_failed_is_the_same_when_asked_again(texts: list[str], record: dict[str, Any]) -> None:
    """The first conjunct that is not true and what it saw are the interpreter's also when compiled code finds them."""
    checked_rules = [(f"r{at}", checked(text, expect=types.BOOLEAN)) for at, text in enumerate(texts)]
    good = ConditionSet.compile([(name, rule) for name, rule in checked_rules if rule is not None])
    for name in good.ids:
        first, *others = [outcome(lambda name=name: good.why_not(name, record)) for _ in range(3)]
        assert [first, first] == others


@settings(max_examples=400)
@given(rules, st.lists(facts, min_size=1, max_size=3))
def test_what_failed_is_the_same_for_all_rules_at_once(texts: list[str], records: list[dict[str, Any]]) -> None:
    """What is found for all rules of a set in one go is what is found for each of them, problems included."""
    checked_rules = [(f"r{at}", checked(text, expect=types.BOOLEAN)) for at, text in enumerate(texts)]
    good = ConditionSet.compile([(name, rule) for name, rule in checked_rules if rule is not None])
    for record in records * 2:
        together = outcome(lambda record=record: good.failures(record))
        alone = [outcome(lambda name=name, record=record: good.why_not(name, record)) for name in good.ids]
        problems = [each for each in alone if each and not isinstance(each, FailedClause)]
        if problems:
            assert problems[0] == together
            continue
        for name, failure, expected in zip(good.ids, together, alone, strict=True):
            if expected is None:
                assert failure is None
            else:
                position, values = failure
                clause = good.clauses(name)[position]
                assert expected == (clause.text, tuple(zip(clause.facts, values, strict=True)))


_SIMPLE = st.sampled_from([types.NUMBER, types.STRING, types.BOOLEAN, types.DATE, types.DATE_TIME])
_TYPES = st.recursive(
    _SIMPLE,
    lambda inner: (
        inner.map(types.ListType)
        | st.dictionaries(st.sampled_from("abc"), st.builds(Field, inner, st.booleans()), max_size=3).map(
            types.ContextType
        )
    ),
    max_leaves=5,
)
_LOOSE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(0, 3)
    | st.decimals(allow_infinity=True, allow_nan=True)
    | st.text(max_size=2)
    | st.dates()
    | st.datetimes(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=600)
@given(_TYPES, st.data())
def test_a_fact_that_is_ready_is_taken_as_it_is(wanted: types.Type, data: st.DataObject) -> None:
    """The quick look lets nothing pass that the thorough one refuses or changes, and passes all that it has made."""
    value = data.draw(_LOOSE)
    quick = ready(wanted)
    assert quick is not None
    try:
        made = fitted(value, wanted, "x")
    except Fault:
        assert not quick(value)
        return
    assert quick(made)
    if quick(value):
        assert (made, type(made)) == (value, type(value))


@settings(max_examples=1500)
@given(st.text(max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Any text is an expression or one located problem, never another error."""
    for read in (lambda: check(text, SCOPE), lambda: check_unary_tests(text, types.NUMBER, SCOPE)):
        try:
            read()
        except InvalidError as error:
            assert all(problem.code.startswith("feel.") for problem in error.problems)


PIECES = """
a b s xs items c.n . .. ( ) [ ] { } , : ; @ ? + - * / ** = != < <= > >= and or not if then else for in return some every
satisfies between instance of function true null 1 2.5 "x" "\\ \\d date and time starts with
""".split()  # noqa: SIM905  # sixty words read better without quotes


@settings(max_examples=1500)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join))
def test_no_order_of_words_breaks_the_reader(text: str) -> None:
    """Words of the language in any order are an expression or located problems."""
    test_no_text_breaks_the_reader.hypothesis.inner_test(text)


NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=None, min_value=-(10**20), max_value=10**20)


@settings(max_examples=500)
@given(NUMBERS, NUMBERS, st.sampled_from("+-*/"))
def test_arithmetic_is_the_exact_result_rounded_once(left: Decimal, right: Decimal, op: str) -> None:
    """Sums, products and quotients are the true fraction rounded half-even to 34 digits."""
    scope = Scope({"x": Field(types.NUMBER), "y": Field(types.NUMBER)})
    left, right = (Context(prec=34).create_decimal(side) for side in (left, right))
    if op == "/" and right == 0:
        return
    value = check(f"x {op} y", scope).evaluate({"x": left, "y": right})
    x, y = Fraction(left), Fraction(right)
    exact = {"+": x + y, "-": x - y, "*": x * y, "/": x / y if y else x}[op]
    wanted = Context(prec=34, rounding=ROUND_HALF_EVEN).divide(Decimal(exact.numerator), Decimal(exact.denominator))
    assert wanted == value


def test_expressions_and_rule_sets_survive_pickling() -> None:
    """A pickled expression or set is checked again from its text and gives the same answers."""
    rule = check("a > 5 and b = null", SCOPE, expect=types.BOOLEAN)
    cell = check_unary_tests(">= 5", types.NUMBER, SCOPE)
    rules_ = ConditionSet.compile([("r", rule)])
    record = {"a": Decimal(7), "?": Decimal(7)}
    for given_, again in ((rule, pickle.loads(pickle.dumps(rule))), (cell, pickle.loads(pickle.dumps(cell)))):
        assert given_.evaluate(record) is again.evaluate(record) is True
        assert given_.reads == again.reads
    assert rules_.evaluate(record) == pickle.loads(pickle.dumps(rules_)).evaluate(record)


def test_threads_share_a_compiled_set() -> None:
    """Many threads on one compiled set, one expression and its loops get the answers of one thread."""
    rules_ = ConditionSet.compile([("r", check("sum(for x in xs return x * a) > 100", SCOPE, expect=types.BOOLEAN))])
    value = check("sum(for x in xs return x / 3 + a)", SCOPE)
    chance = random.Random(1)
    records = [{"a": Decimal(chance.randint(0, 9)), "xs": [Decimal(chance.randint(0, 30))] * 3} for _ in range(300)]
    wanted = [(rules_.evaluate(record), value.evaluate(record)) for record in records]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(4):
            assert wanted == list(pool.map(lambda record: (rules_.evaluate(record), value.evaluate(record)), records))


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        "(" * 20_000 + "1" + ")" * 20_000,
        "[" * 30_000,
        "{a:" * 10_000,
        "-" * 30_000 + "1",
        "not(" * 10_000 + "true",
        "if " * 10_000,
        "1 + " * 10_000 + "1",
        "a[" * 10_000,
        "x in (" * 8_000,
        "function(" * 5_000,
        "1 instance of " + "list<" * 8_000,
        "for x in " * 5_000,
        "a" + ".b" * 20_000,
        "f" + "(1)" * 20_000,
        '"' + "x" * 70_000 + '"',
    ],
    ids=lambda text: f"{text[:12]} x{len(text)}",
)
def test_huge_and_deep_texts_are_refused(text: str) -> None:
    """Nesting ten thousand deep and texts over the limit are one problem, not a crash."""
    with pytest.raises(InvalidError) as caught:
        check(text, SCOPE)
    assert caught.value.code in {"feel.too_deep", "feel.too_long", "feel.syntax"}


def test_depth_up_to_the_limit_is_read_and_run() -> None:
    """An expression as deep as the limit allows works in every executor."""
    for text, wanted in (
        ("(" * (MAX_DEPTH - 1) + "a" + ")" * (MAX_DEPTH - 1), "3"),
        ("1 + " * (MAX_DEPTH - 1) + "a", "102"),
        ("if p then 1 else " * (MAX_DEPTH // 2 - 1) + "a", "3"),
        ("a" + " + a" * (MAX_DEPTH - 2), "297"),
    ):
        expression = check(text, SCOPE)
        record = {"a": Decimal(3), "p": False}
        assert wanted == literal(expression.interpret(record)) == literal(expression.evaluate(record))


def test_a_text_as_long_as_the_limit_is_read() -> None:
    """The limit on characters is inclusive."""
    text = "a" + " " * (MAX_SOURCE_CHARACTERS - 1)
    assert check(text, SCOPE).evaluate({"a": Decimal(1)}) == 1
    with pytest.raises(InvalidError, match="at most"):
        check(text + " ", SCOPE)


@settings(max_examples=300)
@given(conditions(1), facts)
def test_a_missing_required_fact_is_an_error_by_name(text: str, record: dict[str, Any]) -> None:
    """Leaving out facts a condition needs names every one of them."""
    expression = checked(text)
    if expression is None:
        return
    needed = {name for name in expression.reads if not SCOPE.fields[name.partition(".")[0]].optional and name != "c.m"}
    present = {name: value for name, value in record.items() if SCOPE.fields[name].optional}
    if not needed:
        return
    with pytest.raises(InvalidError) as caught:
        ConditionSet.compile([("r", check(text, SCOPE, expect=types.BOOLEAN))]).evaluate(present)
    told = {problem.message.split("`")[1] for problem in caught.value.problems}
    assert {name.partition(".")[0] for name in needed} == {name.partition(".")[0] for name in told}
