"""Whole models: each `.dmn` file in tests/cases/dmn/models, with the inputs and results beside it."""

from __future__ import annotations

import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cli.dmn_kit import decide, load
from engine import exact_json
from engine.dmn import load_model
from engine.dmn.json_values import to_json
from engine.dmn.kit import read_kit_file
from engine.dmn.xml_tree import MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS
from engine.feel.limits import MAX_STANDARD_CALLS
from engine.feel.standard.java_methods import METHODS
from engine.feel.standard.patterns import MAX_PATTERN_STEPS
from engine.feel.standard.temporal import MAX_YEAR
from engine.problems import InvalidError, NotFoundError

CASES = Path(__file__).resolve().parents[1] / "cases" / "dmn"
MODELS = sorted(path for path in (CASES / "models").glob("*.dmn") if path.with_suffix(".json").exists())
HOSTILE = sorted((CASES / "hostile").glob("*.dmn"))
NULLS = sorted((CASES / "nulls").glob("*.dmn"))


def plain(value: Any) -> Any:
    """A value as the case files write it, where a text may stand for the exact number."""
    return exact_json.plain(to_json(value))


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_model_decides_as_written_beside_it(path: Path) -> None:
    """Every decision that the case file names gives what stands there."""
    model = load(path)
    assert () == model.warnings
    for case in exact_json.parse(path.with_suffix(".json").read_bytes()):
        expected = case["expect"]
        found = decide(model, case["input"], tuple(expected), None)
        assert {name: plain(value) for name, value in expected.items()} == {
            name: plain(outcome.value) for name, outcome in found.items()
        }


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.name)
def test_hostile_file_is_refused_with_its_code(path: Path) -> None:
    """A file that must not be read is refused with the code in its name and the place, not run in part."""
    with pytest.raises(InvalidError) as caught:
        load(path)
    assert {path.name.split(".", 1)[1].removesuffix(".dmn")} == {problem.code for problem in caught.value.problems}


@pytest.mark.parametrize("path", NULLS, ids=lambda path: path.name)
def test_null_of_a_model_has_its_reason(path: Path) -> None:
    """What gives null when it runs is told with the code in the file's name, at load or beside the result."""
    model = load(path)
    outcome = model.evaluate("D", {})
    told = [*model.warnings, *outcome.notes]
    assert path.name.split(".", 1)[1].removesuffix(".dmn") in {each.code for each in told}
    assert all(each.message[0].islower() or each.message[0] == "`" for each in told)


def test_file_without_test_cases_is_refused() -> None:
    """A kit file that holds no test cases is told as such."""
    with pytest.raises(InvalidError) as caught:
        read_kit_file(b"<testCases/>", "kit.xml")
    assert "dmn.not_test_cases" == caught.value.code


def test_file_of_fifty_megabytes_is_refused() -> None:
    """A model larger than the limit is refused before it is parsed."""
    with pytest.raises(InvalidError) as caught:
        load_model(b"<a>" + b" " * 50_000_000 + b"</a>")
    assert "dmn.too_large" == caught.value.problems[0].code


def test_model_whose_expressions_are_too_long_together_is_refused() -> None:
    """Many expressions of a file take no more memory than the limit of all their characters allows."""
    literal = "<literalExpression><text>" + "1 + " * 10_000 + "1</text></literalExpression>"
    decisions = "".join(
        f'<decision name="d{n}" id="d{n}"><variable name="d{n}"/>{literal}</decision>' for n in range(100)
    )
    head = '<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="m" namespace="m">'
    with pytest.raises(InvalidError) as caught:
        load_model(f"{head}{decisions}</definitions>".encode())
    assert ["dmn.too_large"] == [problem.code for problem in caught.value.problems]


def test_unknown_decision_is_told() -> None:
    """Asking for what the model does not have is an error, not null."""
    with pytest.raises(NotFoundError):
        load(CASES / "discount.dmn").evaluate("Discounts", {})


def test_unreadable_expression_warns_and_gives_null() -> None:
    """One bad expression does not stop the model: it is told at load, and its decision is null with the reason."""
    text = (CASES / "discount.dmn").read_text().replace("round half up(price", "round half up((price")
    model = load_model(text.encode(), source="discount.dmn")
    assert [("feel.syntax", "discount.dmn", 26)] == [
        (problem.code, problem.place.source, problem.place.line) for problem in model.warnings
    ]
    outcome = model.evaluate("Discount", {"Employees": Decimal(1), "List price": Decimal(10)})
    assert outcome.value is None
    assert "feel.syntax" in {note.code for note in outcome.notes}
    assert "small" == model.evaluate("Segment", {"Employees": Decimal(1)}).value


def test_input_outside_its_type_is_null_with_a_note() -> None:
    """An input of another type than the model says is null, and the note names it."""
    outcome = load(CASES / "discount.dmn").evaluate("Segment", {"Employees": "many"})
    assert outcome.value is None
    assert "dmn.bad_input" == outcome.notes[0].code
    assert "`Employees`" in outcome.notes[0].message


def test_endless_recursion_ends_with_an_error() -> None:
    """A knowledge model that calls itself for ever meets the limit of calls."""
    text = (CASES / "discount.dmn").read_text()
    text = text.replace("round half up(price * percent / 100, 2)", "Percent off(price, percent + 1)")
    with pytest.raises(InvalidError) as caught:
        load_model(text.encode()).evaluate("Discount", {"Employees": Decimal(1), "List price": Decimal(10)})
    assert "feel.call_depth" == caught.value.problems[0].code


def test_long_chain_of_decisions_is_no_recursion() -> None:
    """Two thousand decisions, each needing the one before it, are decided."""
    parts = [
        f'<decision id="_{i}" name="d{i}"><variable name="d{i}"/>'
        f'<informationRequirement><requiredDecision href="#_{i - 1}"/></informationRequirement>'
        f"<literalExpression><text>d{i - 1} + 1</text></literalExpression></decision>"
        for i in range(1, 2000)
    ]
    first = '<decision id="_0" name="d0"><literalExpression><text>0</text></literalExpression></decision>'
    text = '<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" namespace="x" name="chain">'
    model = load_model(f"{text}{first}{''.join(parts)}</definitions>".encode())
    assert Decimal(1999) == model.evaluate("d1999", {}).value


def test_outcome_can_be_pickled() -> None:
    """What a model gives can travel between processes."""
    outcome = load(CASES / "discount.dmn").evaluate("Segment", {"Employees": Decimal(800)})
    assert outcome == pickle.loads(pickle.dumps(outcome))


PAGE = (Path(__file__).resolve().parents[2] / "docs" / "dmn.md").read_text(encoding="utf-8")


def test_every_java_method_stands_on_the_page() -> None:
    """The page lists every class and method that an external function may name."""
    listed = PAGE.split("## Java functions")[1]
    names = {part for key in METHODS for part in key.split("(")[0].removeprefix("java.lang.").split(".")}
    assert set() == {name for name in names if name not in listed}


def test_limits_on_the_page_are_those_of_the_code() -> None:
    """The figures in the table of limits are the constants."""
    for limit in (MAX_BYTES, MAX_ELEMENTS, MAX_DEPTH, MAX_STANDARD_CALLS, MAX_PATTERN_STEPS, MAX_YEAR):
        assert f"{limit:,}" in PAGE
