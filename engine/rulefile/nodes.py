"""The tree a rule file is read into: every value knows where it stands.

A scalar keeps both its value (JSON's types: text, `Decimal`, truth value, null) and its text as written, so that `1.10`
is a number where a number is due and the text `1.10` where a text is due.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from engine.problems import Place
from engine.rulefile.scalar_places import ScalarStyle, character_places


class PlainNumber(Decimal):
    """A number as an unquoted scalar wrote it: a `Decimal` that remembers its `text` for fields that want a text."""

    text: str

    @classmethod
    def of(cls, text: str) -> PlainNumber:
        """The number that `text` (JSON's grammar) writes."""
        made = cls(text)
        made.text = text
        return made


_QUOTES: Final = {
    ScalarStyle.PLAIN: "",
    ScalarStyle.SINGLE_QUOTED: "'",
    ScalarStyle.DOUBLE_QUOTED: '"',
    ScalarStyle.CSV: "",
    ScalarStyle.CSV_QUOTED: '"',
}
Scalar = str | Decimal | bool | None


class NodeKind(Enum):
    """What a node is, in the words problems use."""

    MAPPING = "a group of fields"
    LIST = "a list"
    SCALAR = "a single value"


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a rule file.

    `place` is the value's own place, `key_place` that of its key (for a member of a mapping). `members` is filled for a
    mapping, `items` for a list, `value` and `text` for a scalar; `lines` are the file's lines, shared by all nodes.
    `margin` is how far the lines of CSV text are indented that stands in a block of the file.
    """

    kind: NodeKind
    place: Place
    key_place: Place | None = None
    members: Mapping[str, Node] = field(default_factory=dict)
    items: tuple[Node, ...] = ()
    value: Scalar = None
    text: str = ""
    style: ScalarStyle = ScalarStyle.PLAIN
    lines: tuple[str, ...] = field(default=(), repr=False, compare=False)
    margin: int = field(default=0, repr=False, compare=False)

    def get(self, name: str) -> Node | None:
        """The member of this name, or None."""
        return self.members.get(name)

    def __getitem__(self, name: str) -> Node:
        return self.members[name]

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def __iter__(self) -> Iterator[Node]:
        return iter(self.items)

    def text_of(self, name: str, default: str = "") -> str:
        """The text of a scalar member, `default` where it is absent."""
        found = self.members.get(name)
        return default if found is None else found.text

    def number_of(self, name: str) -> Decimal | None:
        """The number of a scalar member as a plain `Decimal`, None where it is absent or no number."""
        found = self.members.get(name)
        return Decimal(found.value) if found is not None and isinstance(found.value, Decimal) else None

    def list_of(self, name: str) -> tuple[Node, ...]:
        """The items of a list member, none where it is absent."""
        found = self.members.get(name)
        return () if found is None else found.items

    def to_value(self) -> Any:
        """Dicts, lists, texts, truth values, null and `PlainNumber` decimals: what schemas and facts are checked on."""
        if self.kind is NodeKind.MAPPING:
            return {name: node.to_value() for name, node in self.members.items()}
        if self.kind is NodeKind.LIST:
            return [node.to_value() for node in self.items]
        return self.value

    def at(self, path: tuple[str | int, ...] | list[str | int]) -> Node:
        """The node a path of names and positions leads to; the nearest one above where it leads nowhere."""
        node = self
        for step in path:
            found = (
                node.members.get(step)
                if isinstance(step, str)
                else (node.items[step] if step < len(node.items) else None)
            )
            if found is None:
                return node
            node = found
        return node

    @property
    def text_place(self) -> Place:
        """Where a scalar's text starts: behind the opening quote, on the first line of a block."""
        if self.kind is not NodeKind.SCALAR or not self.text:
            return self.place
        line, column = self._first_character() or self._characters()[0]
        place = self.place
        return Place(place.source, line, column, place.length, place.path)

    @property
    def line_columns(self) -> tuple[tuple[int, int], ...]:
        """The place (line, column) in the file at which each line of a scalar's text begins."""
        if (first := self._first_character()) is not None:
            return (first,)
        places = self._characters()
        starts = [0] + [index + 1 for index, character in enumerate(self.text) if character == "\n"]
        return tuple(places[min(start, len(places) - 1)] for start in starts)

    def exact_place(self, naive: Place) -> Place:
        """The true place for one that was counted from `text_place` and `line_columns`, character by character.

        Quotes that are written twice, escapes and folded lines make a text shorter than what stands in the file.
        """
        starts = self.line_columns
        rows = self.text.split("\n")
        # The empty row behind a last line feed has no line of its own in the file.
        known = len(starts) - (1 if len(rows) > 1 and not rows[-1] else 0)
        row = max((index for index, (line, _) in enumerate(starts[:known]) if line <= naive.line), default=0)
        offset = sum(len(before) + 1 for before in rows[:row]) + naive.column - starts[row][1]
        places = self._characters()
        first = places[min(max(offset, 0), len(places) - 1)]
        last = places[min(max(offset + naive.length - 1, 0), len(places) - 1)]
        shown = last[1] - first[1] + 1 if last[0] == first[0] else len(self.lines[first[0] - 1]) - first[1] + 1
        return replace(self.place, line=first[0], column=first[1], length=max(1, shown))

    def _first_character(self) -> tuple[int, int] | None:
        """Where a text begins that stands on one line as it is, without escapes: nearly every text does."""
        quotes = _QUOTES.get(self.style)
        line, begin = self.place.line, self.place.column - 1
        if quotes is None or not self.text or line > len(self.lines):
            return None
        written = f"{quotes}{self.text}{quotes}"
        return (line, begin + len(quotes) + 1) if self.lines[line - 1].startswith(written, begin) else None

    def _characters(self) -> tuple[tuple[int, int], ...]:
        place = self.place
        found = character_places(self.text, self.lines, self.style, place.line, place.column, margin=self.margin)
        return found or ((place.line, place.column),)
