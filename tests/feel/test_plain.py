"""Texts that are read without the parser: whatever is read so is what parser and checker make of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.feel import Field, Scope, check, check_unary_tests, ir, types
from engine.feel.builtins import FUNCTION_NAMES
from engine.feel.checker import check_cell, check_tree
from engine.feel.clauses import INDEXED_ORDERED, outline
from engine.feel.parser import Names, parse, parse_unary_tests
from engine.feel.places import TextPlaces
from engine.feel.plain import plain_outline, plain_test, plain_value
from engine.problems import InvalidError, Problem

SCOPE: Final = Scope({"a": Field(types.NUMBER)})
SUBJECTS: Final = (
    Field(types.NUMBER),
    Field(types.NUMBER, optional=True),
    Field(types.NUMBER, enum=(Decimal(1), Decimal(5))),
    Field(types.STRING),
    Field(types.STRING, optional=True),
    Field(types.STRING, enum=("a", "b")),
    Field(types.BOOLEAN),
    Field(types.DATE, optional=True),
    Field(types.DATE_TIME),
    Field(types.ANY, optional=True),
    Field(types.ListType(types.NUMBER)),
)
EXPECTED: Final = (None, types.NUMBER, types.STRING, types.DATE, types.BOOLEAN, types.ANY)

spaces = st.sampled_from([*[""] * 16, *[" "] * 8, "  ", "\n", "\u00a0"])
operators = st.sampled_from(["<", "<=", ">", ">=", "=", "!=", "==", "=>", "<>", ">>", "in", ""])
odd = st.sampled_from(["a", "null", "true", "?", "-", "", "now()"])
numbers = st.sampled_from(
    [*"0123456789", "-5", "007", "1.50", "-0", "-2.5", ".5", "1e3", "- 5", "--5", "9" * 17, "9" * 40]
)
texts = st.sampled_from(['"a"', '"b"', '""', '"a, b"', '"Ä"', '"[1..5]"', '"\\n"', "'a'", '"a', '"x\u202ey"', '"// c"'])
days = st.sampled_from(['@"2026-01-31"', '@"2026-02-30"', '@"2026-03-01"', '@ "2026-01-31"', '@"P1D"', "2026-01-31"])


def cells_of(constants: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Cells as people write them and mistype them, of constants of one type and some others."""
    compared = st.tuples(operators, spaces, constants).map("".join)
    interval = st.tuples(
        st.sampled_from("[(]"), spaces, constants, spaces, st.just(".."), constants, spaces, st.sampled_from("])[")
    ).map("".join)
    test = st.tuples(spaces, st.one_of(constants, constants, compared, compared, interval, interval, odd), spaces).map(
        "".join
    )
    several = st.lists(test, min_size=2, max_size=4)
    return st.one_of(test, several.map(",".join), several.map(lambda given: f"not({', '.join(given)})"))


def asked(constants: st.SearchStrategy[str], *subjects: Field) -> st.SearchStrategy[tuple[str, Field]]:
    """Cells with what they are about: mostly of the constants' type."""
    return st.tuples(cells_of(constants), st.sampled_from((*subjects, *subjects, *SUBJECTS)))


cells = st.one_of(asked(numbers, *SUBJECTS[:2]), asked(texts, *SUBJECTS[3:5]), asked(days, SUBJECTS[7]))
values = st.tuples(spaces, st.one_of(numbers, texts, days, odd), spaces).map("".join)


def fully_read(text: str, subject: Field) -> ir.Node | None:
    """What parser and checker make of a cell; None where they find a mistake."""
    places, noted = TextPlaces(text), list[Problem]()
    try:
        tree = parse_unary_tests(places, Names(), FUNCTION_NAMES, noted=noted)
        node = check_cell(tree, subject, SCOPE, places)
    except InvalidError:
        return None
    return None if noted else node


@settings(max_examples=2500)
@example(("[-5..-1]", SUBJECTS[1]))
@example(("[5..1]", SUBJECTS[0]))
@example(("(1..1]", SUBJECTS[0]))
@example(("[1..1]", SUBJECTS[0]))
@example(("1,", SUBJECTS[0]))
@example((",1", SUBJECTS[0]))
@example((" ", SUBJECTS[0]))
@example(("5\n", SUBJECTS[0]))
@example(('"a" , >= "b"', SUBJECTS[4]))
@given(cells)
def test_a_plain_cell_is_read_as_the_parser_reads_it(cell: tuple[str, Field]) -> None:
    """A cell that is read as plain has the typed form, spans included, that parser and checker give it."""
    text, subject = cell
    plain = plain_test(text, subject, "?")
    if plain is not None:
        assert repr(fully_read(text, subject)) == repr(plain)


@settings(max_examples=1500)
@example(("[5..5]", SUBJECTS[0]))
@example(("!= 5", SUBJECTS[1]))
@given(cells)
def test_a_plain_outline_is_that_of_the_typed_form(cell: tuple[str, Field]) -> None:
    """What is read of a cell for the index and the analysis is what its typed form says."""
    text, subject = cell
    plain = plain_test(text, subject, "?")
    if plain is not None and subject.type in INDEXED_ORDERED:
        assert outline(plain) == plain_outline(text, subject.type)
    elif subject.enum is None:
        assert plain_outline(text, subject.type) is None


@settings(max_examples=1000)
@example("-0", None)
@example(" 5 ", types.NUMBER)
@given(values, st.sampled_from(EXPECTED))
def test_a_plain_value_is_read_as_the_parser_reads_it(text: str, expect: types.Type | None) -> None:
    """An output that is read as plain has the typed form, spans included, that parser and checker give it."""
    plain = plain_value(text, expect)
    if plain is not None:
        places = TextPlaces(text)
        tree = parse(places, Names(), FUNCTION_NAMES)
        assert repr(check_tree(tree, SCOPE, places, expect)) == repr(plain)
        assert check(text, SCOPE, expect=expect).tree == tree


@settings(max_examples=500)
@given(cells)
def test_a_plain_cell_still_has_its_tree(cell: tuple[str, Field]) -> None:
    """The tree of a cell that was read without one is there when it is asked for, and writes the cell again."""
    text, subject = cell
    if plain_test(text, subject, "?") is not None:
        expression = check_unary_tests(text, subject, SCOPE)
        assert expression.tree == parse_unary_tests(TextPlaces(text), Names(), FUNCTION_NAMES)
        again = check_unary_tests(expression.to_text(), subject, SCOPE)
        assert expression.tree == again.tree


def test_nearly_all_cells_of_a_large_table_are_plain() -> None:
    """Constants, comparisons, intervals and lists of these are read as plain, so that large tables load fast."""
    written = {
        types.NUMBER: ("-", "5", "-1.5", ">= 5", "!= 3", "[1..5)", "(1..5]", "1, 2, 3", "[ -5 .. 0 ], > 100"),
        types.STRING: ('"web form"', '"a", "b"', '!= "a"'),
        types.DATE: ('@"2026-01-31"', '>= @"2026-01-31"', '[@"2026-01-31"..@"2026-03-01")'),
    }
    for type_, some in written.items():
        assert [text for text in some if plain_test(text, Field(type_), "?") is None] == []
