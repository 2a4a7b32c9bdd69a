"""The functions of the public list: texts and plain dictionaries in, rule sets and expressions out.

Nothing here reads a file, a clock or the environment, and nothing is kept between two calls.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine import feel
from engine.feel import types
from engine.kinds import load as load_any
from engine.problems import InvalidError, Problem
from engine.rulefile import CheckReport, RuleSet, SchemaSource
from engine.rulefile.nearest import did_you_mean

Schemas = SchemaSource | Mapping[str, str | bytes | Mapping[str, Any]]
"""Schemas by their paths below `schemas/`, as texts or as dictionaries."""


def schemas(
    texts: Mapping[str, str | bytes | Mapping[str, Any]] | None = None,
    *,
    facts: Mapping[str, Mapping[str, Any]] | None = None,
) -> SchemaSource:
    """Schemas for `load`: `texts` by their paths below `schemas/`, and fact schemas by their names, such as `lead/2`.

    Loading a rule file needs the schema of its kind (`rules/lead-priority.schema.json`), so `texts` are usually those
    that come with Bylaw. Parsed schemas are kept in the result: use one for many rule files. Raises `InvalidError`
    (`facts.schema`) for a schema with a binary float, or a name that is not a name, `/` and a number.
    """
    found = {path: _text(path, schema) for path, schema in (texts or {}).items()}
    for name, schema in (facts or {}).items():
        base, slash, number = name.rpartition("/")
        if not (base and slash and number.isascii() and number.isdigit()):
            message = f"`{name}` is no name of a fact schema"
            raise InvalidError(Problem("facts.schema", message, help="a name, `/` and a number, such as `lead/2`"))
        found[f"facts/{base}-{number}.schema.json"] = _text(name, schema)
    return SchemaSource(found)


def load(
    text: str | bytes, *, schemas: Schemas, source: str = "rules", beside: Mapping[str, bytes] | None = None
) -> RuleSet:
    """The compiled rule set that a rule file's text defines, of any kind.

    `source` names the text in problems; one that looks like `rules/<kind>/<name>@<n>.yaml` must agree with the text.
    `beside` are CSV files by name, of which one may hold a table's rows. Raises `InvalidError` with every problem of
    the text, sorted by place.
    """
    data = text.encode() if isinstance(text, str) else text
    return load_any(data, source=source, schemas=_source(schemas), beside=beside)


def check(
    text: str | bytes, *, schemas: Schemas, source: str = "rules", beside: Mapping[str, bytes] | None = None
) -> CheckReport:
    """Everything that is wrong or doubtful in a rule file's text, and how its own tests went. Raises nothing for it."""
    return CheckReport.of(lambda: load(text, schemas=schemas, source=source, beside=beside))


def expression(
    text: str, facts: Mapping[str, str] | types.Scope | None = None, *, expect: str | None = None
) -> feel.Expression:
    """A checked expression of the language.

    `facts` name the types of what it may read: FEEL's names (`number`, `date and time`, ...), `list<...>` of them, with
    a `?` behind for what may be unknown; or a `Scope`, such as a fact schema's. `expect` is the type it must give.
    Raises `InvalidError` (`feel.*`) with all mistakes, `facts.schema` for a type that is none.
    """
    scope = facts if isinstance(facts, types.Scope) else types.Scope(_fields(facts or {}))
    return feel.check(text, scope, expect=None if expect is None else _type(expect))


def _fields(facts: Mapping[str, str]) -> dict[str, types.Field]:
    return {name: types.Field(_type(text.removesuffix("?")), text.endswith("?")) for name, text in facts.items()}


def _type(text: str) -> types.Type:
    if text.startswith("list<") and text.endswith(">"):
        return types.ListType(_type(text.removeprefix("list<").removesuffix(">")))
    found = types.TYPE_NAMES.get(text)
    if found is None:
        known = sorted(types.TYPE_NAMES)
        message = f"`{text}` is not a type{did_you_mean(text, known)}"
        raise InvalidError(Problem("facts.schema", message, help=f"one of: {', '.join(known)}, list<...>"))
    return found


def _source(given: Schemas) -> SchemaSource:
    return given if isinstance(given, SchemaSource) else schemas(given)


def _text(name: str, schema: str | bytes | Mapping[str, Any]) -> str | bytes:
    return schema if isinstance(schema, str | bytes) else _json(name, schema)


def _json(name: str, value: Any) -> str:
    """A schema as JSON whose decimals are numbers."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(key))}: {_json(name, item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_json(name, item) for item in value) + "]"
    if isinstance(value, float):
        message = f"the schema `{name}` has a binary float ({value!r}), which has no exact value"
        raise InvalidError(Problem("facts.schema", message, help="give a whole number or a decimal"))
    return str(value) if isinstance(value, Decimal) else json.dumps(value)
