"""Elements as XML text: names as given, everything escaped, one element a line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_SPECIAL: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
_IN_TEXT: Final = re.compile("[&<>\r]")
_IN_ATTRIBUTE: Final = re.compile('[&<>"\n\r\t]')


@dataclass(frozen=True, slots=True)
class Tag:
    """An element: either `text` or `children`. Attributes that are empty are left out."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: tuple[Tag, ...] = ()
    text: str | None = None


def xml(root: Tag) -> str:
    """The whole document, in UTF-8."""
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + "\n".join(_lines(root, "")) + "\n"


def _lines(tag: Tag, indent: str) -> list[str]:
    attributes = "".join(
        f' {name}="{_escaped(_IN_ATTRIBUTE, value)}"' for name, value in tag.attributes.items() if value
    )
    if tag.text is not None:
        return [f"{indent}<{tag.name}{attributes}>{_escaped(_IN_TEXT, tag.text)}</{tag.name}>"]
    if not tag.children:
        return [f"{indent}<{tag.name}{attributes}/>"]
    inner = [line for child in tag.children for line in _lines(child, f"{indent}  ")]
    return [f"{indent}<{tag.name}{attributes}>", *inner, f"{indent}</{tag.name}>"]


def _escaped(special: re.Pattern[str], text: str) -> str:
    return special.sub(lambda found: _SPECIAL[found.group()], text)
