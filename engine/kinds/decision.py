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
    table = [name for name in ("columns", "rows", "hit_policy", "default") if name in draft.tree]
    if (expression := draft.tree.get("expression")) is None:
        for name in ("columns", "rows"):
            if name not in draft.tree:
                message = f"a decision needs `columns` and `rows`, or an `expression`; there is no `{name}`"
                draft.report.add("rules.missing_field", message, draft.tree["kind"].key_place or draft.tree.place)
        draft.report.raise_if_any()
        return build_table(draft)
    if table:
        message = f"a decision is one expression or a table; `{table[0]}` stands beside `expression`"
        place = expression.key_place or expression.place
        raise InvalidError(Problem("rules.wrong_value", message, place, "remove one of the two"))
    return build_expression(draft)


KIND: Final = Kind("decision", "rules/decision.schema.json", build)
