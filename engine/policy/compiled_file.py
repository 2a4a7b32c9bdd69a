"""Compiled policies as a JSON text, one line for each tree and template so that a change of them can be reviewed.

```
{"format": 1, "policies": digest, "roles": [...], "actions": [...],
 "fields": {record_type: {field: type}},
 "templates": [{"shared": [condition], "alternatives": [[condition]]}],
 "trees": [template or {"ask": [attribute, "is", text], "no": tree, "yes": tree}],
 "cells": {role: {record_type: {action: tree}}}, "sha256": of all the rest}
```

A tree that asks nothing more is written as the number of a template, or null: nobody may. A condition is
`[field, operator, "value" or "user", what]`, `[field, "in", "values", [...]]` or, about the user's territories,
`[field, "in" or "!=", "territories"]`.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from engine import exact_json
from engine.policy.compiled import Compiled
from engine.policy.symbols import LIST, TEXTS, Question
from engine.policy.template import NEVER, Branch, Cell, Literal, NoneOfTheirs, OneOfTheirs, Template, ToUser, Tree
from engine.predicate import Compare, In
from engine.problems import InvalidError, Place, Problem

FORMAT = 1


def compiled_name(digest: str) -> str:
    """The file beside the policies that keeps those with this digest, compiled."""
    return f"compiled/{digest}.json"


def compiled_text(found: Compiled) -> str:
    """The file's text. The same policies always have the same one."""
    value = _value_of(found)
    checked = {**value, "sha256": _sum_of(value)}
    members = []
    for name, part in checked.items():
        deep = {"templates": 1, "trees": 1, "fields": 1, "cells": 2}.get(name, 0)
        members.append(f"  {_compact(name)}: {_laid_out(part, deep, '  ')}")
    return "{\n" + ",\n".join(members) + "\n}\n"


def read_compiled(text: str, source: str) -> Compiled | None:
    """What the file holds; None for one in a format of another version of Bylaw.

    Raises `InvalidError` (`policy.compiled_damaged`) for a text that was not written by `compiled_text`.
    """
    try:
        value = json.loads(text)
        if value["format"] != FORMAT:
            return None
        said = value.pop("sha256")
        if said != _sum_of(value):
            raise ValueError(said)
        return _compiled(value)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        message = f"`{source}` is not what `bylaw policies compile` wrote"
        problem = Problem("policy.compiled_damaged", message, Place(source), "remove it, or write it anew")
        raise InvalidError(problem) from None


def _laid_out(value: Any, deep: int, margin: str) -> str:
    """The value with a line for each of its parts, down to a depth; each part further down on one line."""
    if not deep:
        return _compact(value)
    inner = margin + "  "
    if isinstance(value, dict):
        parts = [f"{_compact(name)}: {_laid_out(part, deep - 1, inner)}" for name, part in value.items()]
        opening, closing = "{}"
    else:
        parts = [_laid_out(part, deep - 1, inner) for part in value]
        opening, closing = "[]"
    return f"{opening}\n{inner}" + f",\n{inner}".join(parts) + f"\n{margin}{closing}"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _sum_of(value: dict[str, Any]) -> str:
    return sha256(exact_json.canonical(value)).hexdigest()


# -- writing


def _value_of(found: Compiled) -> dict[str, Any]:
    templates: dict[Template, int] = {}
    trees: dict[Tree, int] = {}

    def tree_value(tree: Tree) -> Any:
        if isinstance(tree, Template):
            return None if tree == NEVER else templates.setdefault(tree, len(templates))
        asked = tree.question
        how = "is empty" if asked.attribute == LIST else "is user's" if asked.other else "is"
        return {"ask": [asked.attribute, how, asked.value], "no": tree_value(tree.no), "yes": tree_value(tree.yes)}

    cells: dict[str, dict[str, dict[str, int]]] = {}
    for (role, action, record_type), cell in sorted(found.cells.items()):
        number = trees.setdefault(cell.tree, len(trees))
        cells.setdefault(role, {}).setdefault(record_type, {})[action] = number
    written = [tree_value(tree) for tree in trees]
    return {
        "format": FORMAT,
        "policies": found.digest,
        "roles": list(found.roles),
        "actions": list(found.actions),
        "fields": {name: dict(asked) for name, asked in sorted(found.fields.items())},
        "templates": [_template_value(template) for template in templates],
        "trees": written,
        "cells": cells,
    }


def _template_value(template: Template) -> dict[str, Any]:
    return {
        "shared": [_literal_value(one) for one in template.shared],
        "alternatives": [[_literal_value(one) for one in part] for part in template.alternatives],
    }


def _literal_value(literal: Literal) -> list[Any]:
    match literal:
        case In(field, values):
            return [field, "in", "values", list(values)]
        case ToUser(field, operator, attribute):
            return [field, operator, "user", attribute]
        case OneOfTheirs(field):
            return [field, "in", "territories"]
        case NoneOfTheirs(field):
            return [field, "!=", "territories"]
    return [literal.field, literal.operator, "value", literal.value]


# -- reading


def _compiled(value: dict[str, Any]) -> Compiled:
    templates = [_template(one) for one in value["templates"]]

    def tree(one: Any) -> Tree:
        if one is None or isinstance(one, int):
            return NEVER if one is None else templates[one]
        attribute, how, other = one["ask"]
        return Branch(_question(attribute, how, other), no=tree(one["no"]), yes=tree(one["yes"]))

    trees = [Cell(tree(one)) for one in value["trees"]]
    return Compiled(
        value["policies"],
        tuple(value["roles"]),
        tuple(value["actions"]),
        value["fields"],
        {
            (role, action, record_type): trees[number]
            for role, kinds in value["cells"].items()
            for record_type, actions in kinds.items()
            for action, number in actions.items()
        },
    )


def _question(attribute: str, how: str, other: str) -> Question:
    match attribute, how:
        case _, "is empty" if attribute == LIST:
            return Question(LIST)
        case _, "is" | "is user's" if attribute in TEXTS:
            return Question(attribute, other, other=how == "is user's")
    raise ValueError(attribute, how)


def _template(value: dict[str, Any]) -> Template:
    return Template(
        tuple(_literal(one) for one in value["shared"]),
        tuple(tuple(_literal(one) for one in part) for part in value["alternatives"]),
    )


def _literal(value: list[Any]) -> Literal:
    match value:
        case [str(field), "in", "values", [*values]]:
            return In(field, tuple(values))
        case [str(field), "in", "territories"]:
            return OneOfTheirs(field)
        case [str(field), "!=", "territories"]:
            return NoneOfTheirs(field)
        case [str(field), ("=" | "!=" | "<" | "<=" | ">" | ">=") as operator, "user", str(attribute)]:
            return ToUser(field, operator, attribute)
        case [str(field), ("=" | "!=" | "<" | "<=" | ">" | ">=") as operator, "value", str() | int() as held]:
            return Compare(field, operator, held)
    raise ValueError(value)
