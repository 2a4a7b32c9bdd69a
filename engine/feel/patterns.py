"""Regular expressions of the strict language: what RE2 can run, in linear time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from engine.feel.limits import MAX_PATTERN_CHARACTERS
from engine.feel.operations import joined, list_limit
from engine.feel.values import Fault

_FLAGS: Final = {"i": "i", "s": "s", "m": "m"}


@lru_cache(maxsize=512)
def pattern_of(pattern: str, flags: str) -> Any:  # re2 has no type of its own to name
    """A compiled regular expression of linear running time; kept because rules ask with the same patterns again."""
    import re2  # noqa: PLC0415  # keeps the language importable without it, and the import light

    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise Fault("feel.bad_pattern", f"the pattern has more than {MAX_PATTERN_CHARACTERS} characters")
    wanted = ""
    for flag in flags:
        if flag == "x":
            pattern = re.sub(r"\s+", "", pattern)
        elif flag in _FLAGS:
            wanted += flag
        elif flag != "q":
            raise Fault("feel.bad_pattern", f"`{flag}` is not a flag of a pattern", "known are i, s, m, x, q")
    if "q" in flags:
        pattern = re2.escape(pattern)
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    try:
        return re2.compile(f"(?{wanted}){pattern}" if wanted else pattern, options)
    except re2.error as error:
        raise Fault(
            "feel.bad_pattern",
            f"`{pattern[:60]}` is not a pattern this language can run: {_reason(error)}",
            "patterns run in linear time: no look-around and no back references; write `\\\\.` for a literal dot",
        ) from None


def _reason(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return (said.decode() if isinstance(said, bytes) else str(said)).lower()


def matches(text: str, pattern: str, flags: str | None = None) -> bool:
    """Whether a pattern is found anywhere in a text. Raises `Fault` `feel.bad_pattern`."""
    return pattern_of(pattern, flags or "").search(text) is not None


def replace(text: str, pattern: str, replacement: str, flags: str | None = None) -> str:
    """The text with what the pattern finds replaced. Raises `Fault`."""
    flags = flags or ""
    compiled = pattern_of(pattern, flags)
    if compiled.search("") is not None:
        raise Fault("feel.bad_pattern", f"`{pattern[:60]}` matches the empty text, so there is nothing to replace")
    plain = "q" in flags

    def pieces() -> Iterator[str]:
        at = 0
        for match in compiled.finditer(text):
            yield text[at : match.start()]
            yield replacement if plain else _filled(replacement, match, compiled.groups)
            at = match.end()
        yield text[at:]

    return joined(pieces())


def _filled(replacement: str, match: Any, groups: int) -> str:  # re2's match
    def group(reference: re.Match[str]) -> str:
        if reference[1] is None:
            return reference[2]
        index = int(reference[1])
        return (match.group(index) or "") if index <= groups else ""

    return re.sub(r"\$([0-9])|\\([$\\])", group, replacement)


def split(text: str, delimiter: str) -> tuple[str, ...]:
    """The parts of a text between what the pattern finds. Raises `Fault`."""
    compiled = pattern_of(delimiter, "")
    if compiled.search("") is not None:
        return tuple(text)
    parts: list[str] = []
    at = 0
    for match in compiled.finditer(text):
        parts.append(text[at : match.start()])
        at = match.end()
    return tuple(list_limit((*parts, text[at:])))  # type: ignore[arg-type]  # all are texts
