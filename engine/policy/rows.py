"""Where a record type's rows stand in the policy files: for problems that Oso reports without a place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from engine.policy.vocabulary import RESOURCES, class_name
from engine.problems import Place

_COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*")|#[^\n]*')
_ROW = re.compile(r'\ballow\s*\([^(),]*,\s*("(?:[^"\\\n]|\\.)*"|[^(),]*),[^(),]*:\s*(\w+)\s*\)')
_STATEMENT = re.compile(r'(?:"(?:[^"\\\n]|\\.)*"|[^";])*;')
_ALLOW = re.compile(r'allow\s*\((?:"(?:[^"\\\n]|\\.)*"|[^()"]|\([^()]*\))*\)')
_HEAD = re.compile(r"allow ?\([^(),]*,([^(),]*),[^(),:]*(?::\s*(\w+)[^()]*)?\)")
_CALL = re.compile(r'"(?:[^"\\\n]|\\.)*"|\b(allow)\b')
_CLASSES = frozenset(map(class_name, RESOURCES))


def without_comments(text: str) -> str:
    """The text with comments blanked out: everything else keeps its place."""
    return _COMMENT.sub(lambda found: found.group(1) or " " * len(found.group()), text)


def rows(files: Mapping[str, str]) -> Iterator[tuple[str, str, Place]]:
    """The action (`"read"` with its quotes, or a variable), the class and the place of each `allow` row."""
    for source, text in sorted(files.items()):
        bare = without_comments(text)
        for found in _ROW.finditer(bare):
            before = bare[: found.start()]
            line, column = before.count("\n") + 1, found.start() - before.rfind("\n")
            length = len(found.group().splitlines()[0])
            yield found.group(1).strip(), found.group(2), Place(source, line, column, length)


@dataclass(frozen=True, slots=True)
class Rule:
    """One `allow` rule: its place and head, and from where to where it stands in its file."""

    place: Place
    head: str
    start: int
    end: int

    def is_about(self, action: str, record_type: str) -> bool:
        """Whether the head admits the action and the record type."""
        found = _HEAD.match(self.head)
        named = found.group(1).strip() if found else ""
        return (not named.startswith('"') or named == f'"{action}"') and self.is_about_type(record_type)

    def is_about_type(self, record_type: str) -> bool:
        """Whether the head admits the record type: it names no other one."""
        found = _HEAD.match(self.head)
        return found is None or found.group(2) not in _CLASSES - {class_name(record_type)}


def allow_rules(files: Mapping[str, str]) -> Iterator[Rule]:
    """Every `allow` rule of the files, whatever its form."""
    for source, text in sorted(files.items()):
        bare, start = without_comments(text), 0
        for piece in _STATEMENT.finditer(bare):
            start = piece.start() + len(piece.group()) - len(piece.group().lstrip())
            statement = bare[start : piece.end()]
            if found := _ALLOW.match(statement):
                before = bare[:start]
                place = Place(source, before.count("\n") + 1, start - before.rfind("\n"), len(found.group()))
                yield Rule(place, " ".join(found.group().split()), start, piece.end())


def told_apart(files: Mapping[str, str]) -> tuple[Rule, ...] | None:
    """Every `allow` rule, or None where `allow` stands anywhere else: a condition that asks it needs all of them."""
    found = tuple(allow_rules(files))
    standing = (word for text in files.values() for word in _CALL.finditer(without_comments(text)) if word.group(1))
    return found if len(found) == sum(1 for _ in standing) else None


def without(files: Mapping[str, str], dropped: Collection[Rule]) -> dict[str, str]:
    """The files with some `allow` rules blanked out: what is left keeps its place."""
    left = dict(files)
    for rule in dropped:
        text = left[rule.place.source]
        blank = re.sub(r"[^\n]", " ", text[rule.start : rule.end])
        left[rule.place.source] = text[: rule.start] + blank + text[rule.end :]
    return left


def only(files: Mapping[str, str], kept: Rule) -> dict[str, str]:
    """The files with every other `allow` rule blanked out."""
    return without(files, [rule for rule in allow_rules(files) if rule != kept])


def place_of(files: Mapping[str, str], action: str, record_type: str) -> Place:
    """The place of the first row for this action on this record type; a path where there is none."""
    for named, model, place in rows(files):
        if model == class_name(record_type) and (named == f'"{action}"' or not named.startswith('"')):
            return place
    return Place(path=f"$.{record_type}.{action}")
