"""Functions on contexts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.feel.functions.signature import Builtin, form, function
from engine.feel.operations import Operations, article
from engine.feel.text import feel_text
from engine.feel.types import ANY, ANY_CONTEXT, STRING, ContextType, Field, ListType
from engine.feel.values import Fault

_ENTRY: Final = ContextType({"key": Field(STRING), "value": Field(ANY, optional=True)})


def contexts(operations: Operations) -> tuple[Builtin, ...]:
    """The functions of this module over a mode's values."""

    def get_value(context: Mapping[str, Any], key: str) -> Any:
        return operations.member(context, key)

    def get_deep(context: Mapping[str, Any], keys: Sequence[Any]) -> Any:
        value: Any = context
        for key in keys:
            if value is None:
                return None
            if not isinstance(value, Mapping) or not isinstance(key, str):
                shown = feel_text(key, operations.calendar)
                raise Fault("feel.unknown_name", f"{article(operations.kind_of(value))} has no entry `{shown}`")
            value = operations.member(value, key)
        return value

    def merge(given: Sequence[Any]) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for context in given:
            if not isinstance(context, Mapping):
                kind = article(operations.kind_of(context))
                raise Fault("feel.wrong_type", f"`context merge` takes contexts, not {kind}")
            merged.update(context)
        return merged

    return (
        Builtin(
            "get value",
            tuple(
                form(f"{name}: context, {keys}", ANY, call, may_be_null=True)
                for name, keys, call in (
                    ("m", "key: string", get_value),
                    ("context", "keys: list<string>", get_deep),
                    ("context", "key: string", get_value),
                )
            ),
        ),
        Builtin(
            "get entries", tuple(form(f"{name}: context", ListType(_ENTRY), _entries) for name in ("m", "context"))
        ),
        function("context", "entries: list<context>", ANY_CONTEXT, _context),
        Builtin(
            "context put",
            (
                form("context: context, key: string, value: any?", ANY_CONTEXT, _put, total=True),
                form("context: context, keys: list<string>, value: any?", ANY_CONTEXT, _put_deep),
            ),
        ),
        function("context merge", "contexts: list<context>", ANY_CONTEXT, merge),
    )


def _entries(context: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    return tuple({"key": key, "value": value} for key, value in context.items())


def _put(context: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    return {**context, key: value}


def _put_deep(context: Mapping[str, Any], keys: Sequence[Any], value: Any) -> dict[str, Any]:
    if not keys or not all(isinstance(key, str) for key in keys):
        raise Fault("feel.wrong_arguments", "`context put` takes the names on the way to the entry")
    first, *rest = keys
    if not rest:
        return {**context, first: value}
    inner = context.get(first)
    if not isinstance(inner, Mapping):
        raise Fault("feel.wrong_arguments", f"the entry `{first}` is no context")
    return {**context, first: _put_deep(inner, rest, value)}


def _context(entries: Sequence[Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for entry in entries:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("key"), str) or "value" not in entry:
            raise Fault("feel.wrong_arguments", "`context` takes entries with a text `key` and a `value`")
        if entry["key"] in made:
            raise Fault("feel.wrong_arguments", f"two entries have the key `{entry['key'][:60]}`")
        made[entry["key"]] = entry["value"]
    return made
