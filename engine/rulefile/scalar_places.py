"""Where each character of a YAML scalar's text stands in its file, whatever the quoting, folding or escaping.

Expressions are scalars; a problem inside one must point at the very character in the rule file.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

Position = tuple[int, int]
"""1-based line and column."""

_ESCAPE_LENGTHS = {"x": 4, "u": 6, "U": 10}


class ScalarStyle(Enum):
    """How a scalar is written, by YAML's indicator; the last two are a CSV file's fields."""

    PLAIN = ""
    SINGLE_QUOTED = "'"
    DOUBLE_QUOTED = '"'
    LITERAL = "|"
    FOLDED = ">"
    CSV = "csv"
    CSV_QUOTED = 'csv"'


def character_places(
    text: str, lines: Sequence[str], style: ScalarStyle, line: int, column: int, *, margin: int = 0
) -> tuple[Position, ...]:
    """One position for each character of `text`, whose scalar starts at `line` and `column` of the file's `lines`.

    `margin` is how far the lines of a CSV text are indented.
    """
    if not text:
        return ()
    if style in (ScalarStyle.CSV, ScalarStyle.CSV_QUOTED):
        return _field(text, style, line, column, margin)
    if style in (ScalarStyle.LITERAL, ScalarStyle.FOLDED):
        return _block(text, lines, line, column)
    return _flow(text, lines, style, line, column)


def _field(text: str, style: ScalarStyle, line: int, column: int, margin: int) -> tuple[Position, ...]:
    """A field of a CSV file: inside quotes a quote is written twice, and the field may go over several lines."""
    quoted = style is ScalarStyle.CSV_QUOTED
    at, found = column + quoted, []
    for character in text:
        found.append((line, at))
        if character == "\n":
            line, at = line + 1, margin + 1
        else:
            at += 2 if quoted and character == '"' else 1
    return tuple(found)


def _block(text: str, lines: Sequence[str], line: int, column: int) -> tuple[Position, ...]:
    header = lines[line - 1][column - 1 :]
    body = lines[line:]
    stated = next((int(sign) for sign in header[1:3] if sign.isdigit()), None)
    first = next((row for row in body if row.strip()), "")
    indent = len(first) - len(first.lstrip(" "))
    if stated is not None:
        outer = lines[line - 1]
        indent = min(indent, len(outer) - len(outer.lstrip(" -")) + stated)
    found: list[Position] = []
    for number, row in enumerate(body, start=line + 1):
        content = row[indent:]
        if not text.startswith(content, len(found)):
            continue
        found.extend((number, indent + 1 + offset) for offset in range(len(content)))
        if len(found) < len(text) and text[len(found)] in " \n":
            found.append((number, indent + 1 + len(content)))
        if len(found) >= len(text):
            break
    return _filled(found, len(text), (line, column))


def _flow(text: str, lines: Sequence[str], style: ScalarStyle, line: int, column: int) -> tuple[Position, ...]:
    row, at = line - 1, column - 1 + (style is not ScalarStyle.PLAIN)
    found: list[Position] = []
    measured, end = -1, 0
    while len(found) < len(text) and row < len(lines):
        source = lines[row]
        if row != measured:  # once a line: a text of a megabyte may stand on one
            measured, end = row, len(source.rstrip())
        if at >= end:  # a folded line end: one break is a space, each further one a line feed
            start = (row + 1, min(at, len(source)) + 1)
            row, breaks = row + 1, 1
            while row < len(lines) and not lines[row].strip():
                row, breaks = row + 1, breaks + 1
            found.extend([start] * max(1, breaks - 1))
            at = len(lines[row]) - len(lines[row].lstrip(" ")) if row < len(lines) else 0
            continue
        found.append((row + 1, at + 1))
        if style is ScalarStyle.SINGLE_QUOTED and source.startswith("''", at):
            at += 2
        elif style is ScalarStyle.DOUBLE_QUOTED and source[at] == "\\":
            if at + 1 >= len(source):  # an escaped line end joins the lines without a space
                found.pop()
                row += 1
                at = len(lines[row]) - len(lines[row].lstrip(" ")) if row < len(lines) else 0
            else:
                at += _ESCAPE_LENGTHS.get(source[at + 1], 2)
        else:
            at += 1
    return _filled(found, len(text), (line, column))


def _filled(found: list[Position], wanted: int, start: Position) -> tuple[Position, ...]:
    """Exactly one position a character; what could not be followed gets the last known place."""
    last = found[-1] if found else start
    return tuple(found[:wanted]) + (last,) * (wanted - len(found))
