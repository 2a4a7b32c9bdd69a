"""One small record for everything that can be wrong, and the error that carries a list of them.

A problem has a stable code that is declared once in `CODES`, a lower-case sentence, the place it was found, and
what to do about it. Stages collect problems and raise them together, sorted by place, so that an author sees all
of a file's mistakes at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from engine.problem_codes import CODES


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something is: a file (or `facts`, `body`), a 1-based line and column, a length in characters, a path.

    `path` is a JSONPath-like pointer such as `$.groups[0].rules[2].when`; it is empty where it does not apply.
    """

    source: str = ""
    line: int = 0
    column: int = 0
    length: int = 1
    path: str = ""

    def __str__(self) -> str:
        """`file:line:column`, or `file $.path` where there is no line."""
        if self.line:
            return f"{self.source}:{self.line}:{self.column}"
        return f"{self.source} {self.path}".strip()


NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    `code` is stable and stands in `CODES`; `message` is one lower-case sentence with input in back-ticks; `excerpt`
    is the offending source line; `help` says what to do next; `given` are facts that show it, as a JSON text that can
    stand as a test's `given`.
    """

    code: str
    message: str
    place: Place = NOWHERE
    help: str = ""
    excerpt: str = ""
    given: str = ""

    def __post_init__(self) -> None:
        """Refuse a code that is not declared: programs depend on the list being complete."""
        if self.code not in CODES:
            raise LookupError(f"undeclared problem code {self.code!r}: add it to engine/problem_codes.py")

    def __str__(self) -> str:
        return self.message

    def in_text(self, source: str, text: str) -> Problem:
        """The same problem with the source's name and the line it points at as its excerpt."""
        excerpt = self.excerpt
        if not excerpt and self.place.line:
            lines = _LINE_END.split(text, self.place.line)
            if self.place.line <= len(lines):
                excerpt = lines[self.place.line - 1][:EXCERPT_LIMIT]
        return replace(self, place=replace(self.place, source=source), excerpt=excerpt)

    def to_json(self) -> dict[str, object]:
        """Shape: `{code, message, source?, line?, column?, length?, path?, excerpt?, help?, given?}`; none is empty."""
        found: dict[str, object] = {"code": self.code, "message": self.message}
        if self.place.source:
            found["source"] = self.place.source
        if self.place.line:
            found |= {"line": self.place.line, "column": self.place.column, "length": self.place.length}
        for name, value in (
            ("path", self.place.path),
            ("excerpt", self.excerpt),
            ("help", self.help),
            ("given", self.given),
        ):
            if value:
                found[name] = value
        return found

    def render(self) -> str:
        """Plain text for a terminal: `file:line:column: code: message`, the line, a caret under the text, help."""
        place = f"{self.place}: " if str(self.place) else ""
        lines = [_printable(f"{place}{self.code}: {self.message}")]
        if self.excerpt:
            gutter = f"{self.place.line:>5} | "
            lines.append(gutter + _CONTROL.sub(_one_wide, self.excerpt))
            before, room = self.place.column - 1, max(1, len(self.excerpt) - self.place.column + 1)
            if before <= len(self.excerpt):  # of a long line only the beginning is kept
                lines.append(" " * (len(gutter) + before) + "^" * min(room, max(1, self.place.length)))
        if self.given:
            lines.append(_printable(f"      = given: {self.given}"))
        if self.help:
            lines.append(_printable(f"      = help: {self.help}"))
        return "\n".join(lines)


EXCERPT_LIMIT = 200

_LINE_END = re.compile("\r\n|\r|\n")

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""What would move a terminal's cursor, colour it, turn the text around or not be written at all.

Files that are quoted may hold it.
"""


def _printable(text: str) -> str:
    """Input quoted in a sentence, with what controls a terminal written as its number."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _one_wide(found: re.Match[str]) -> str:
    """One column for one character, so that the caret below stays under its place."""
    return " " if found.group() == "\t" else "\ufffd"


class BylawError(Exception):
    """Base of every error that Bylaw raises on purpose. `problems` is never empty."""

    problems: tuple[Problem, ...]

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        """Keep the problems once each, sorted by source, line and column."""
        given = (problems,) if isinstance(problems, Problem) else tuple(problems)
        self.problems = tuple(
            sorted(dict.fromkeys(given), key=lambda p: (p.place.source, p.place.line, p.place.column, p.code))
        )
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @property
    def code(self) -> str:
        """The code of the first problem."""
        return self.problems[0].code


class InvalidError(BylawError):
    """What was given cannot be read or does not fit: a rule file, an expression, facts, a request body."""


class NotFoundError(BylawError):
    """There is no such thing, or the caller may not know that there is."""


class DeniedError(BylawError):
    """The policies do not allow this caller to do this."""


class StaleError(BylawError):
    """The record has changed since the caller read it. `current_revision` is the one to read again."""

    def __init__(self, problems: Problem | Iterable[Problem], current_revision: int | None = None) -> None:
        """See the class."""
        super().__init__(problems)
        self.current_revision = current_revision


class ConflictError(BylawError):
    """The request is right in itself but not in the present state: already exists, already finished, key reused."""


class UnavailableError(BylawError):
    """Something outside (database, queue) does not answer now; trying again later may work."""


@dataclass(slots=True)
class Report:
    """A collector: stages add problems and go on; `raise_if_any` ends the stage."""

    found: list[Problem] = field(default_factory=list)

    def add(self, code: str, message: str, place: Place = NOWHERE, help: str = "") -> None:
        """Record one problem."""
        self.found.append(Problem(code, message, place, help))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Record several."""
        self.found.extend(problems)

    def raise_if_any(self) -> None:
        """Raise `InvalidError` with everything found so far."""
        if self.found:
            raise InvalidError(self.found)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.found)

    def __bool__(self) -> bool:
        return bool(self.found)
