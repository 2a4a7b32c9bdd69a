"""The language page cannot lag: each of its examples is run."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.feel import Field, Scope, check, literal, types
from engine.feel.builtins import BUILTINS
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
    assert len(found) > 60
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


def test_every_function_is_tried_in_a_case() -> None:
    """Each built-in stands in at least one case file."""
    cases = "".join(
        path.read_text(encoding="utf-8") for path in (Path(__file__).parents[1] / "cases" / "feel").glob("*.*")
    )
    assert [] == [builtin.name for builtin in BUILTINS if f"{builtin.name}(" not in cases]
