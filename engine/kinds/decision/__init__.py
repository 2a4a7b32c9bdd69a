"""The kind `decision`: a decision table, or one expression, over any fact schema."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from engine.kinds.decision.csv_rows import read_rows
from engine.kinds.decision.expression import build_expression
from engine.kinds.decision.table import build_table
from engine.problems import InvalidError, Problem
from engine.rulefile.beside import BLOCK, FILE, CsvRows
from engine.rulefile.kind import Draft, Kind, RuleSetBody

_ROWS: Final = ("rows", FILE, BLOCK)
"""How a table's rows may be written."""


def build(draft: Draft) -> RuleSetBody:
    """The body of a decision file. Raises `InvalidError` with all problems."""
    table = [name for name in ("columns", *_ROWS, "hit_policy", "default") if name in draft.tree]
    if (expression := draft.tree.get("expression")) is None:
        _require_table(draft)
        if draft.rows is not None:
            draft = _with_csv(draft, draft.rows)
        return build_table(draft)
    if table:
        message = f"a decision is one expression or a table; `{table[0]}` stands beside `expression`"
        place = expression.key_place or expression.place
        raise InvalidError(Problem("rules.wrong_value", message, place, "remove one of the two"))
    return build_expression(draft)


def _require_table(draft: Draft) -> None:
    """Columns, and rows written in one of the three ways."""
    place = draft.tree["kind"].key_place or draft.tree.place
    written = [name for name in _ROWS if name in draft.tree]
    for name, lacks in (("columns", "columns" not in draft.tree), ("rows", not written)):
        if lacks:
            message = f"a decision needs `columns` and `rows`, or an `expression`; there is no `{name}`"
            draft.report.add("rules.missing_field", message, place)
    if len(written) > 1:
        second = draft.tree[written[1]]
        message = f"the rows stand under `{written[0]}` and under `{written[1]}`"
        draft.report.add("rules.wrong_value", message, second.key_place or second.place, "keep one of the two")
    draft.report.raise_if_any()


def _with_csv(draft: Draft, rows: CsvRows) -> Draft:
    """The draft as if its rows were written under `rows`."""
    columns = draft.tree["columns"]
    inputs, outputs = ([node.text_of("id") for node in columns.list_of(part)] for part in ("inputs", "outputs"))
    members = {**draft.tree.members, "rows": read_rows(rows, inputs, outputs)}
    return replace(draft, tree=replace(draft.tree, members=members))


KIND: Final = Kind("decision", "rules/decision.schema.json", build)
