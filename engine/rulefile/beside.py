"""A table's rows as CSV: in a file beside the rule file (`rows_file`) or in a block of it (`rows_csv`).

Both are the same rules, and one is made of the other: a version is stored as one text, in which the line that names
the file is replaced by a block with the file's lines. The digest is that of this text, so it covers the rows too, and a
published version needs nothing beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from engine.importing import csv_text
from engine.problems import InvalidError, Place, Problem
from engine.rulefile import yaml_reader
from engine.rulefile.nearest import did_you_mean
from engine.rulefile.nodes import Node, NodeKind
from engine.rulefile.scalar_places import ScalarStyle

FILE: Final = "rows_file"
"""The field that names a CSV file in the rule file's own folder."""

BLOCK: Final = "rows_csv"
"""The field that holds the CSV text itself."""

_MARGIN: Final = 2
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,119}\.csv")


@dataclass(frozen=True, slots=True)
class CsvRows:
    """The CSV text of a table's rows and where it stands.

    `text` has line feeds only and ends with one. Its first line is line `first_line` of `source`, and each of its lines
    begins behind `margin` columns; `lines` are all lines of `source`.
    """

    text: str
    source: str
    first_line: int
    margin: int
    lines: tuple[str, ...]


def rows_of(tree: Node, source: str, beside: Mapping[str, bytes]) -> CsvRows | None:
    """The CSV rows of a rule file; None if its rows are written otherwise.

    `beside` are the files in the rule file's folder, by name. Raises `InvalidError`: the file that `rows_file` names is
    not there or cannot be read, or `rows_csv` is not written as a block.
    """
    if tree.kind is not NodeKind.MAPPING:
        return None
    if (named := tree.get(FILE)) is not None and named.text:
        return _from_file(named, source, beside)
    if (block := tree.get(BLOCK)) is not None and block.text:
        return _from_block(block)
    return None


def self_contained(text: str, tree: Node, rows: CsvRows | None) -> str:
    """The rule file as one text: `text` itself, unless its rows are in a file beside it.

    Raises `InvalidError`: `rows_file` does not stand on a line of its own, or the whole becomes too large.
    """
    if rows is None or (named := tree.get(FILE)) is None:
        return text
    key = named.key_place or named.place
    lines = text.split("\n")
    line = lines[key.line - 1] if key.line <= len(lines) else ""
    written = re.fullmatch(rf"{FILE}:\s+\S+?(?P<comment>\s+#.*)?\r?", line)
    if written is None:
        message = f"`{FILE}` must stand on a line of its own, at the line's start"
        raise InvalidError(Problem("rules.rows_file", message, key, f"write `{FILE}: {named.text}`"))
    # A field that begins with a space would be taken for the block's indentation.
    indicator = f"|{_MARGIN}" if rows.text[0] in " \n" else "|"
    comment = (written["comment"] or f"  # {named.text}").rstrip()
    block = [f"{BLOCK}: {indicator}{comment}"]
    block.extend(f"{' ' * _MARGIN}{each}" if each else "" for each in rows.text.removesuffix("\n").split("\n"))
    made = "\n".join([*lines[: key.line - 1], *block, *lines[key.line :]])
    if len(made.encode()) > yaml_reader.MAX_BYTES:
        message = f"with its rows the file has more than {yaml_reader.MAX_BYTES:,} bytes"
        raise InvalidError(Problem("rules.too_large", message, named.place, "split it into several rule sets"))
    return made


def document(data: bytes, source: str, beside: Mapping[str, bytes]) -> bytes:
    """A rule file's bytes as they are published: its own, or with the rows of the file beside it put into them.

    Raises `InvalidError` as reading the file does.
    """
    if FILE.encode() not in data:
        return data
    tree = yaml_reader.read(data, source)
    rows = rows_of(tree, source, beside)
    if rows is None or FILE not in tree:
        return data
    return self_contained(yaml_reader.decode(data, source), tree, rows).encode()


def files_beside(path: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Of files by path, the CSV files in the folder of the rule file at `path`, by name."""
    folder, slash, _ = path.rpartition("/")
    names = ((name, name.removeprefix(folder + slash)) for name in files if name.startswith(folder + slash))
    return {base: files[name] for name, base in names if base.endswith(".csv") and "/" not in base}


def _from_file(named: Node, source: str, beside: Mapping[str, bytes]) -> CsvRows:
    name = named.text
    if not _NAME.fullmatch(name):
        message = f"`{name[:60]}` is not the name of a CSV file in the rule file's own folder"
        raise InvalidError(Problem("rules.rows_file", message, named.place, "write its name alone: `rows.csv`"))
    if (data := beside.get(name)) is None:
        message = f"there is no file `{name}` beside the rule file{did_you_mean(name, tuple(beside))}"
        help_text = f"put it in the same folder; a text that travels alone holds its rows itself, under `{BLOCK}`"
        raise InvalidError(Problem("rules.rows_file", message, named.place, help_text))
    folder, slash, _ = source.replace("\\", "/").rpartition("/")
    where = f"{folder}{slash}{name}"
    text = csv_text.decode(data, where).replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
    lines = tuple(text.split("\n"))
    _check_characters(text, where, lines)
    return CsvRows(text, where, 1, 0, lines)


def _check_characters(text: str, source: str, lines: tuple[str, ...]) -> None:
    """What a rule file cannot hold its rows cannot hold either: they become one text."""
    if not text.strip():
        message = "the file is empty; its first line must name the columns"
        raise InvalidError(Problem("import.empty", message, Place(source)))
    if (tab := text.find("\t")) >= 0:
        line = text.count("\n", 0, tab) + 1
        place = Place(source, line, tab - text.rfind("\n", 0, tab))
        help_text = "separate the fields by commas; in a quoted text of the language write `\\t`"
        raise InvalidError(Problem("rules.tab", "a tab character stands here", place, help_text, lines[line - 1][:200]))
    yaml_reader.decode(text.encode(), source)


def _from_block(block: Node) -> CsvRows:
    if block.style is not ScalarStyle.LITERAL:
        message = f"`{BLOCK}` must hold its lines as a block"
        raise InvalidError(Problem("rules.rows_file", message, block.place, f"write `{BLOCK}: |` and indent the lines"))
    text = block.text.rstrip("\n") + "\n"
    first_line, column = block.line_columns[0]
    return CsvRows(text, block.place.source, first_line, column - 1, block.lines)
