"""The language page cannot lag: each of its examples is run."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.feel import Field, Scope, check, limits, literal, types
from engine.feel.builtins import BUILTINS
from engine.feel.functions.signature import Parameter
from engine.feel.types import Type
from engine.problems import InvalidError

PAGE = (Path(__file__).parents[2] / "docs" / "language.md").read_text(encoding="utf-8")
AT = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
INDUSTRIES = ("retail", "logistics", "software")


def record() -> tuple[Scope, dict[str, Any]]:
    """The page's record, with the types of its values."""
    found = re.search(r"```yaml facts\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    given = yaml.load(found[1], Loader=yaml.BaseLoader)
    facts = {name: check(text, Scope()).evaluate({}) for name, text in given.items()}
    scope: dict[str, Field] = {}
    for name, text in given.items():
        type_: Type = check(text, Scope()).type
        optional = type_ == types.NULL
        scope[name] = Field(types.NUMBER if optional else type_, optional, INDUSTRIES if name == "industry" else None)
    return Scope(scope), facts


def examples() -> list[Any]:
    found = []
    for block in re.findall(r"```feel\n(.*?)```", PAGE, re.DOTALL):
        for line in block.splitlines():
            text, _, wanted = line.rpartition("->")
            found.append(pytest.param(text.strip(), wanted.strip(), id=text.strip()))
    assert len(found) > 200
    return found


@pytest.mark.parametrize(("text", "wanted"), examples())
def test_an_example_on_the_page_gives_what_it_says(text: str, wanted: str) -> None:
    """An example gives the value, or the problem code, written beside it."""
    scope, facts = record()
    if wanted.startswith("feel."):
        with pytest.raises(InvalidError) as caught:
            check(text, scope).evaluate(facts, at=AT)
        assert wanted == caught.value.code
    else:
        assert wanted == literal(check(text, scope).evaluate(facts, at=AT))


REFERENCE = PAGE[PAGE.index("## Reference of functions") : PAGE.index("## Limits")]


def test_the_reference_has_every_form_of_every_function() -> None:
    """The reference lists the forms of the one table, with the names of their parameters, and no others."""
    forms = {
        f"{builtin.name}({', '.join(shown(parameter) for parameter in form.parameters)})"
        for builtin in BUILTINS
        for form in builtin.signatures
    }
    rows = re.findall(r"^\| (`[^|]*`) \|", REFERENCE, re.MULTILINE)
    assert forms == {form for row in rows for form in re.findall("`([^`]+)`", row)}


def shown(parameter: Parameter) -> str:
    """A parameter as the reference writes it."""
    return parameter.name + ("..." if parameter.rest else "?" if parameter.optional else "")


def test_every_function_has_an_example_in_the_reference() -> None:
    """Each built-in is called in an example of the reference, which is run."""
    blocks = "".join(re.findall(r"```feel\n(.*?)```", REFERENCE, re.DOTALL))
    assert [] == [builtin.name for builtin in BUILTINS if not re.search(rf"(?<![\w ]){builtin.name}\(", blocks)]


def test_the_limits_on_the_page_are_those_of_the_language() -> None:
    """The numbers in the table of limits are the constants."""
    section = PAGE[PAGE.index("## Limits") :]
    for limit in (
        limits.MAX_SOURCE_CHARACTERS,
        limits.MAX_DEPTH,
        limits.NUMBER_DIGITS,
        limits.MAX_EXPONENT,
        limits.MAX_STEPS,
        limits.MAX_CALLS,
        limits.MAX_LIST_ITEMS,
        limits.MAX_TEXT_CHARACTERS,
        limits.MAX_DIFFERENT_VALUES,
        limits.MAX_PATTERN_CHARACTERS,
    ):
        assert f"| {limit:,} |" in section
