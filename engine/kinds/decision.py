"""The kind `decision`: a decision table, or one expression, over any fact schema."""

from __future__ import annotations

from typing import Final

from engine.kinds._decision_expression import build_expression
from engine.kinds._decision_table import build_table
from engine.problems import InvalidError, Problem
from engine.rulefile.kind import Draft, Kind, RuleSetBody


def build(draft: Draft) -> RuleSetBody:
    """The body of a decision file. Raises `InvalidError` with all problems."""
    if (rows_file := draft.tree.get("rows_file")) is not None:
        message = "rows in a file beside this one are not read yet"
        raise InvalidError(Problem("rules.rows_file", message, rows_file.place, "write the rows under `rows`"))
    return build_expression(draft) if "expression" in draft.tree else build_table(draft)


KIND: Final = Kind("decision", "rules/decision.schema.json", build)
