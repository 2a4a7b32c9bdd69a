"""From character offsets in an expression to places in the file the expression stands in."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.problems import EXCERPT_LIMIT, NOWHERE, InvalidError, Place, Problem


@dataclass(frozen=True, slots=True)
class TextPlaces:
    """Where an expression's text stands.

    `start` is the place of its first character. `line_columns` gives, for a text of several lines, the (line, column)
    of each line's first character in the file; without it the lines are taken to follow each other from `start`, and
    from the second line on to begin in column 1. Without a line in `start`, places count within the text itself.
    """

    text: str
    start: Place = NOWHERE
    line_columns: Sequence[tuple[int, int]] | None = None

    def place(self, span: tuple[int, int]) -> Place:
        """The place of the characters `span[0]` up to `span[1]`."""
        begin, end = span
        starts = [0] + [at + 1 for at, character in enumerate(self.text) if character == "\n"]
        row = bisect_right(starts, begin) - 1
        offset = begin - starts[row]
        line_end = starts[row + 1] - 1 if row + 1 < len(starts) else len(self.text)
        length = max(1, min(end, line_end) - begin)
        if self.line_columns and row < len(self.line_columns):
            line, column = self.line_columns[row]
        else:
            line = (self.start.line or 1) + row
            column = (self.start.column or 1) if row == 0 else 1
        return replace(self.start, line=line, column=column + offset, length=length)

    def problem(self, code: str, message: str, span: tuple[int, int], help: str = "") -> Problem:
        """A problem about `span`; it carries its line as excerpt when the text stands in no file."""
        excerpt = ""
        if not self.start.line:
            lines = self.text.split("\n")
            excerpt = lines[self.text.count("\n", 0, span[0])][:EXCERPT_LIMIT] if lines else ""
        return Problem(code, message, self.place(span), help, excerpt)

    def error(self, code: str, message: str, span: tuple[int, int], help: str = "") -> InvalidError:
        """The same as an error with this one problem."""
        return InvalidError(self.problem(code, message, span, help))
