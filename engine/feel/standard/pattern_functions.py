"""What `matches`, `replace` and `split` do with the standard's patterns."""

from __future__ import annotations

from collections.abc import Iterator

from engine.feel.operations import Budget, joined, list_limit
from engine.feel.standard.patterns import Match, pattern_of
from engine.feel.values import Fault


def matches(budget: Budget, text: str, pattern: str, flags: str | None = None) -> bool:
    """Whether a pattern is found anywhere in a text. Raises `Fault` `feel.bad_pattern`."""
    return pattern_of(pattern, flags or "").search(text, budget) is not None


def replace(budget: Budget, text: str, pattern: str, replacement: str, flags: str | None = None) -> str:
    """The text with what the pattern finds replaced. Raises `Fault`."""
    compiled = pattern_of(pattern, flags or "")
    if compiled.search("", budget) is not None:
        raise Fault("feel.bad_pattern", "the pattern matches the empty text, so there is nothing to replace")
    literal = "q" in (flags or "")
    pieces = [] if literal else _replacement(replacement, compiled.groups)

    def parts() -> Iterator[str]:
        at = 0
        for match in compiled.matches(text, budget):
            yield text[at : match.start]
            yield replacement if literal else joined(_piece(piece, match) for piece in pieces)
            at = match.end
        yield text[at:]

    return joined(parts())


def _piece(piece: str | int, match: Match) -> str:
    if isinstance(piece, str):
        return piece
    return match.text[match.start : match.end] if piece == 0 else match.group(piece)


def _replacement(text: str, groups: int) -> list[str | int]:
    """The replacement's pieces: texts, and numbers of groups. A backslash makes a text of `$` and of itself."""
    pieces: list[str | int] = []
    at = 0
    while at < len(text):
        char, after = text[at], text[at + 1 : at + 2]
        at += 1
        if char == "\\":
            if after not in {"\\", "$"}:
                raise Fault("feel.bad_pattern", "a backslash in a replacement stands before `$` or another backslash")
            pieces.append(after)
            at += 1
        elif char == "$":
            if not (after.isascii() and after.isdigit()):
                raise Fault("feel.bad_pattern", "`$` in a replacement stands before the number of a group")
            group = int(after)
            at += 1
            while text[at : at + 1].isascii() and text[at : at + 1].isdigit() and group * 10 + int(text[at]) <= groups:
                group = group * 10 + int(text[at])
                at += 1
            pieces.append(group if group <= groups else "")
        else:
            pieces.append(char)
    return pieces


def split(budget: Budget, text: str, delimiter: str) -> tuple[str, ...]:
    """The parts of a text between what the pattern finds. Raises `Fault`."""
    parts: list[str] = []
    at = 0
    for match in pattern_of(delimiter, "").matches(text, budget):
        if match.end == match.start:
            continue
        parts.append(text[at : match.start])
        at = match.end
    found = (*parts, text[at:])
    list_limit(found)
    return found
