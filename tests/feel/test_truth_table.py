"""Conditions over whole sets of points: what is found for all points at once is what each point gives."""

from __future__ import annotations

from itertools import product
from typing import Any

from expressions import SCOPE, conditions
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.feel import check, ir, types
from engine.feel.domains import complete_record
from engine.feel.interpret import interpret
from engine.feel.operations import Run
from engine.feel.truth_table import TruthTable
from engine.problems import InvalidError

MOST_POINTS = 400


def checked(text: str) -> ir.Node | None:
    """The condition, or None where a constant part is a mistake."""
    try:
        return check(text, SCOPE, expect=types.BOOLEAN).ir
    except InvalidError:
        return None


simple = st.sampled_from(
    [
        "a >= 1",
        "a in [0..2)",
        "b < 3",
        "b = null",
        "b != 2 or p",
        'not(e in ("retail", "software"))',
        's = "a"',
        "q",
        "not(q and p)",
        'q or t != "b"',
        "b > a",
        "true",
        'a > 1 and (e = "retail" or f < @"2026-02-01")',
        "c.n >= 2",
    ]
)


@settings(max_examples=300)
@given(st.lists(st.one_of(simple, simple, conditions(1)), min_size=1, max_size=3))
def test_all_points_at_once_are_as_each_point(texts: list[str]) -> None:
    """A condition is true at just the points at whose values the interpreter finds it true, in the fixed order."""
    nodes = [node for text in texts if (node := checked(text)) is not None]
    assume(nodes)
    table = TruthTable(nodes, {})
    variables = tuple(dict.fromkeys(each for node in nodes for each in table.variables(node)))
    assume(table.size(variables) <= MOST_POINTS)
    points = table.points(variables)
    every = [points.point(number) for number in range(points.size)]
    choices = [table.choices(variable) for variable in variables]
    assert every == [dict(zip(variables, chosen, strict=True)) for chosen in product(*choices)]
    known = points.known()
    for number, point in enumerate(every):
        values = table.values(point)
        assert bool(known >> number & 1) is any(value is not None for value in values.values())
        record: dict[str, Any] = complete_record(SCOPE, values, {})
        for node in nodes:
            if table.sees_through(node):
                assert bool(points.true(node) >> number & 1) is (interpret(node, Run(record)) is True)
    for node in nodes:
        first = next((point for number, point in enumerate(every) if points.true(node) >> number & 1), None)
        assert points.first(points.true(node)) == first


def test_a_part_that_cannot_be_seen_through_may_have_any_truth() -> None:
    """A comparison of two facts is a variable of its own: true, false or null, whatever the facts are."""
    node = check("b > a and p", SCOPE, expect=types.BOOLEAN).ir
    table = TruthTable([node], {})
    points = table.points(table.variables(node))
    assert not table.sees_through(node)
    assert points.size == 3 * 2
    assert points.true(node).bit_count() == 1
