"""Names of other formats as names of ours, and texts of the language with the new names in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

from engine.feel import syntax
from engine.feel.standard import syntax_tree
from engine.problems import InvalidError, Problem

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_OTHER: Final = re.compile(r"[^a-z0-9]+")
MAX_NAME: Final = 60


def snake_case(name: str) -> str:
    """A name in small letters, digits and underscores that begins with a letter: `Credit Score` is `credit_score`."""
    words = _OTHER.sub("_", _CAMEL.sub("_", name).lower()).strip("_")[:MAX_NAME].rstrip("_")
    return words if words[:1].isalpha() else f"n_{words}".rstrip("_")


def renamed(text: str, names: Mapping[str, str], parts: Mapping[str, str], *, unary_tests: bool = False) -> str:
    """A text in which names, and names of parts after a dot, are replaced; everything else stays as it is written.

    Raises `InvalidError`: `feel.*` for what cannot be read, `dmn.not_convertible` where a renamed name has another
    meaning within the text.
    """
    tree = syntax_tree(text, {*names, *parts}, unary_tests=unary_tests)
    spans: list[tuple[int, int, str]] = []
    for node in _nodes(tree):
        if isinstance(node, syntax.Name) and names.get(node.name, node.name) != node.name:
            spans.append((*node.span, names[node.name]))
        elif isinstance(node, syntax.Path) and parts.get(node.name, node.name) != node.name:
            spans.append((*node.name_span, parts[node.name]))
        elif isinstance(node, syntax.Iteration | syntax.Parameter) and names.get(node.name, node.name) != node.name:
            message = f"`{node.name}` is an input and a variable of its own in one text"
            raise InvalidError(Problem("dmn.not_convertible", message, help=f"rename one of them in `{text.strip()}`"))
    for start, end, new in sorted(spans, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _nodes(value: Any) -> Iterator[syntax.Node]:
    if isinstance(value, syntax.Node):
        yield value
    if isinstance(value, tuple):
        for item in value:
            yield from _nodes(item)
    elif is_dataclass(value):
        for each in fields(value):
            yield from _nodes(getattr(value, each.name))
