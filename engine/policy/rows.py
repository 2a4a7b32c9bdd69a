"""Where a record type's rows stand in the policy files: for problems that Oso reports without a place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from engine.policy.vocabulary import class_name
from engine.problems import Place

_COMMENT = re.compile(r"#[^\n]*")
_ROW = re.compile(r'\ballow\s*\([^(),]*,\s*("(?:[^"\\\n]|\\.)*"|[^(),]*),[^(),]*:\s*(\w+)\s*\)')


def without_comments(text: str) -> str:
    """The text with comments blanked out: everything else keeps its place."""
    return _COMMENT.sub(lambda found: " " * len(found.group()), text)


def rows(files: Mapping[str, str]) -> Iterator[tuple[str, str, Place]]:
    """The action (`"read"` with its quotes, or a variable), the class and the place of each `allow` row."""
    for source, text in sorted(files.items()):
        bare = without_comments(text)
        for found in _ROW.finditer(bare):
            before = bare[: found.start()]
            line, column = before.count("\n") + 1, found.start() - before.rfind("\n")
            length = len(found.group().splitlines()[0])
            yield found.group(1).strip(), found.group(2), Place(source, line, column, length)


def place_of(files: Mapping[str, str], action: str, record_type: str) -> Place:
    """The place of the first row for this action on this record type; a path where there is none."""
    for named, model, place in rows(files):
        if model == class_name(record_type) and (named == f'"{action}"' or not named.startswith('"')):
            return place
    return Place(path=f"$.{record_type}.{action}")
