"""Regular expressions of XPath (and so of XML Schema): read into a small program, run with a limit on its steps.

Rule files run patterns in linear time; the standard also has back references, which no linear engine can run. So the
models' patterns run here by backtracking on a stack of our own, and end with a fault after `MAX_PATTERN_STEPS`. What a
search takes is also paid by the evaluation it belongs to, so that patterns in loops end as well.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from engine.feel.limits import MAX_PATTERN_CHARACTERS
from engine.feel.operations import Budget
from engine.feel.values import Fault

MAX_PATTERN_STEPS: Final = 1_000_000
"""Steps one search may take."""

_PATTERN_STEPS_OF_A_STEP: Final = 16
"""Steps of a search for each step of the evaluation, as for the characters that other functions look at."""

_MAX_PROGRAM: Final = 20_000
_MAX_NESTING: Final = 50

Test = Callable[[str], bool]
Instruction = tuple[str, Any, Any]

_SINGLE: Final = {"n": "\n", "r": "\r", "t": "\t"} | {c: c for c in "\\|.?*+(){}-[]^$"}
_BLOCKS: Final[dict[str, tuple[int, int]]] = {
    "BasicLatin": (0x0000, 0x007F),
    "Latin-1Supplement": (0x0080, 0x00FF),
    "LatinExtended-A": (0x0100, 0x017F),
    "LatinExtended-B": (0x0180, 0x024F),
    "IPAExtensions": (0x0250, 0x02AF),
    "SpacingModifierLetters": (0x02B0, 0x02FF),
    "CombiningDiacriticalMarks": (0x0300, 0x036F),
    "Greek": (0x0370, 0x03FF),
    "GreekandCoptic": (0x0370, 0x03FF),
    "Cyrillic": (0x0400, 0x04FF),
    "Armenian": (0x0530, 0x058F),
    "Hebrew": (0x0590, 0x05FF),
    "Arabic": (0x0600, 0x06FF),
    "Devanagari": (0x0900, 0x097F),
    "Thai": (0x0E00, 0x0E7F),
    "HangulJamo": (0x1100, 0x11FF),
    "LatinExtendedAdditional": (0x1E00, 0x1EFF),
    "GreekExtended": (0x1F00, 0x1FFF),
    "GeneralPunctuation": (0x2000, 0x206F),
    "CurrencySymbols": (0x20A0, 0x20CF),
    "LetterlikeSymbols": (0x2100, 0x214F),
    "NumberForms": (0x2150, 0x218F),
    "Arrows": (0x2190, 0x21FF),
    "MathematicalOperators": (0x2200, 0x22FF),
    "BoxDrawing": (0x2500, 0x257F),
    "Hiragana": (0x3040, 0x309F),
    "Katakana": (0x30A0, 0x30FF),
    "CJKUnifiedIdeographs": (0x4E00, 0x9FFF),
    "HangulSyllables": (0xAC00, 0xD7AF),
}
_SUBCATEGORIES: Final = {"L": "ultmo", "M": "nce", "N": "dlo", "P": "cdseifo", "Z": "slp", "S": "mcko", "C": "cfon"}
_CATEGORIES: Final = frozenset(kind + part for kind, parts in _SUBCATEGORIES.items() for part in ("", *parts))


def _bad(what: str) -> Fault:
    return Fault("feel.bad_pattern", f"the pattern cannot be read: {what}")


@dataclass(frozen=True, slots=True)
class Match:
    """Where a pattern was found: pairs of offsets, the whole first; -1 for a group that took no part."""

    text: str
    spans: tuple[int, ...]

    @property
    def start(self) -> int:
        """Offset of the first character."""
        return self.spans[0]

    @property
    def end(self) -> int:
        """Offset after the last character."""
        return self.spans[1]

    def group(self, index: int) -> str:
        """What a group matched; empty for one that took no part."""
        begin, end = self.spans[2 * index : 2 * index + 2]
        return self.text[begin:end] if begin >= 0 <= end else ""


class Pattern:
    """A compiled pattern."""

    __slots__ = ("_fold", "_multiline", "_program", "_slots", "groups")

    def __init__(self, pattern: str, flags: str) -> None:
        """Raises `Fault` `feel.bad_pattern`."""
        if len(pattern) > MAX_PATTERN_CHARACTERS:
            raise Fault("feel.bad_pattern", f"the pattern has more than {MAX_PATTERN_CHARACTERS} characters")
        for flag in flags:
            if flag not in "smixq":
                raise Fault("feel.bad_pattern", f"`{flag}` is not a flag of a pattern", "known are s, m, i, x, q")
        reader = _Reader(pattern, flags)
        tree = reader.whole()
        self.groups = reader.groups
        self._fold = "i" in flags
        self._multiline = "m" in flags
        builder = _Builder(2 * (reader.groups + 1))
        builder.add(("group", 0, tree))
        builder.emit("match")
        self._program = tuple(builder.program)
        self._slots = builder.slots

    def search(self, text: str, budget: Budget, start: int = 0) -> Match | None:
        """The first match at or after an offset.

        Raises `Fault` `feel.bad_pattern` when the search takes too many steps, `feel.step_limit`
        when the evaluation does.
        """
        steps, found = MAX_PATTERN_STEPS, None
        for at in range(start, len(text) + 1):
            found, steps = self._run(text, at, steps)
            if found is not None or steps < 0:
                break
        budget.spend((MAX_PATTERN_STEPS - steps) // _PATTERN_STEPS_OF_A_STEP)
        if steps < 0:
            raise Fault("feel.bad_pattern", f"the pattern takes more than {MAX_PATTERN_STEPS} steps")
        return None if found is None else Match(text, found)

    def matches(self, text: str, budget: Budget) -> Iterator[Match]:
        """All matches, one after the other. Raises as `search` does."""
        at = 0
        while at <= len(text):
            found = self.search(text, budget, at)
            if found is None:
                return
            yield found
            at = found.end if found.end > found.start else found.end + 1

    def _run(self, text: str, at: int, steps: int) -> tuple[tuple[int, ...] | None, int]:
        """The groups found at an offset, if any, and the steps that are left: below 0 when they did not suffice."""
        program, size = self._program, len(text)
        saving = self._slots // 16  # the groups are copied, and each copy may wait on the stack
        stack: list[tuple[int, int, tuple[int, ...]]] = [(0, at, (-1,) * self._slots)]
        while stack:
            pc, at, slots = stack.pop()
            while True:
                steps -= 1
                if steps < 0:
                    return None, steps
                op, one, two = program[pc]
                if op == "set":
                    if at >= size or not one(text[at]):
                        break
                    at += 1
                elif op == "split":
                    stack.append((two, at, slots))
                    pc = one
                    continue
                elif op == "jump":
                    pc = one
                    continue
                elif op == "save":
                    steps -= saving
                    slots = (*slots[:one], at, *slots[one + 1 :])
                elif op == "moved":
                    if slots[one] == at:
                        break
                elif op == "back":
                    begin, end = slots[2 * one], slots[2 * one + 1]
                    earlier = text[begin:end] if begin >= 0 <= end else ""
                    here = text[at : at + len(earlier)]
                    if here != earlier and not (self._fold and here.casefold() == earlier.casefold()):
                        break
                    at += len(earlier)
                elif op == "start":
                    if at and not (self._multiline and text[at - 1] == "\n" and at < size):
                        break
                elif op == "end":
                    if at != size and not (self._multiline and text[at] == "\n"):
                        break
                else:
                    return slots, steps
                pc += 1
        return None, steps


@lru_cache(maxsize=512)
def pattern_of(pattern: str, flags: str) -> Pattern:
    """A compiled pattern, kept because models ask with the same ones again. Raises `Fault` `feel.bad_pattern`."""
    return Pattern(pattern, flags)


class _Builder:
    """The tree as instructions."""

    def __init__(self, slots: int) -> None:
        self.program: list[Instruction] = []
        self.slots = slots

    def emit(self, op: str, one: Any = None, two: Any = None) -> int:
        if len(self.program) >= _MAX_PROGRAM:
            raise _bad("it repeats too much")
        self.program.append((op, one, two))
        return len(self.program) - 1

    def add(self, node: Any) -> None:
        kind = node[0]
        if kind == "set":
            self.emit("set", node[1])
        elif kind in {"start", "end"}:
            self.emit(kind)
        elif kind == "back":
            self.emit("back", node[1])
        elif kind == "all":
            for part in node[1]:
                self.add(part)
        elif kind == "group":
            self.emit("save", 2 * node[1])
            self.add(node[2])
            self.emit("save", 2 * node[1] + 1)
        elif kind == "any":
            self.alternatives(node[1])
        else:
            self.repeat(*node[1:])

    def alternatives(self, branches: list[Any]) -> None:
        ends = []
        for branch in branches[:-1]:
            split = self.emit("split")
            self.add(branch)
            ends.append(self.emit("jump"))
            self.program[split] = ("split", split + 1, len(self.program))
        self.add(branches[-1])
        for end in ends:
            self.program[end] = ("jump", len(self.program), None)

    def repeat(self, node: Any, least: int, most: int | None, greedy: bool) -> None:  # noqa: FBT001  # of the tree
        for _ in range(least):
            self.add(node)
        if most is None:
            slot = self.slots
            self.slots += 1
            split = self.emit("split")
            self.emit("save", slot)
            self.add(node)
            self.emit("moved", slot)
            self.emit("jump", split)
            self.fork(split, greedy)
            return
        splits = []
        for _ in range(most - least):
            splits.append(self.emit("split"))
            self.add(node)
        for split in splits:
            self.fork(split, greedy)

    def fork(self, split: int, greedy: bool) -> None:  # noqa: FBT001  # as above
        inside, outside = split + 1, len(self.program)
        self.program[split] = ("split", inside, outside) if greedy else ("split", outside, inside)


class _Reader:
    """One pass over the pattern."""

    def __init__(self, pattern: str, flags: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.groups = 0
        self.closed: set[int] = set()
        self.level = 0
        self.fold = "i" in flags
        self.dot_all = "s" in flags
        self.literal = "q" in flags
        if "x" in flags and not self.literal:
            self.pattern = _without_space(pattern)

    def whole(self) -> Any:
        if self.literal:
            return ("all", [("set", self.one(c)) for c in self.pattern])
        tree = self.branches()
        if self.at < len(self.pattern):
            raise _bad(f"`{self.pattern[self.at]}` closes nothing")
        return tree

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def take(self) -> str:
        if self.at >= len(self.pattern):
            raise _bad("it ends too early")
        self.at += 1
        return self.pattern[self.at - 1]

    def branches(self) -> Any:
        self.level += 1
        if self.level > _MAX_NESTING:
            raise _bad(f"it is nested deeper than {_MAX_NESTING} levels")
        found = [self.branch()]
        while self.peek() == "|":
            self.take()
            found.append(self.branch())
        self.level -= 1
        return found[0] if len(found) == 1 else ("any", found)

    def branch(self) -> Any:
        parts = []
        while self.peek() not in {"", "|", ")"}:
            parts.append(self.quantified(self.atom()))
        return ("all", parts)

    def quantified(self, atom: Any) -> Any:
        mark = self.peek()
        if mark == "":
            return atom
        if mark in "?*+":
            self.take()
            least, most = {"?": (0, 1), "*": (0, None), "+": (1, None)}[mark]
        elif mark == "{":
            least, most = self.counts()
        else:
            return atom
        greedy = self.peek() != "?"
        if not greedy:
            self.take()
        if self.peek() and self.peek() in "?*+{":
            raise _bad("a quantifier follows a quantifier")
        return ("repeat", atom, least, most, greedy)

    def counts(self) -> tuple[int, int | None]:
        end = self.pattern.find("}", self.at)
        text = self.pattern[self.at + 1 : end]
        low, comma, high = text.partition(",")
        if end < 0 or not _is_count(low) or (high and not _is_count(high)):
            raise _bad("`{` begins no count")
        self.at = end + 1
        least = int(low)
        most = (int(high) if high else None) if comma else least
        if max(least, most or 0) > _MAX_PROGRAM or (most is not None and most < least):
            raise _bad("a count is too large or the wrong way round")
        return least, most

    def atom(self) -> Any:
        char = self.take()
        match char:
            case "(":
                return self.group()
            case "[":
                return ("set", self.char_class())
            case ".":
                return ("set", _anything if self.dot_all else _not_line_end)
            case "^":
                return ("start",)
            case "$":
                return ("end",)
            case "\\":
                return self.escape()
        if char in "?*+{}]":
            raise _bad(f"`{char}` stands alone")
        return ("set", self.one(char))

    def group(self) -> Any:
        if self.pattern.startswith("?:", self.at):
            self.at += 2
            inner = self.branches()
        else:
            self.groups += 1
            number = self.groups
            inner = ("group", number, self.branches())
            self.closed.add(number)
        if self.take() != ")":
            raise _bad("a bracket is not closed")
        return inner

    def escape(self) -> Any:
        char = self.peek()
        if char.isascii() and char.isdigit():
            return self.back_reference()
        test = self.escaped_set()
        if test is not None:
            return ("set", test)
        return ("set", self.one(self.escaped_char()))

    def back_reference(self) -> Any:
        number = int(self.take())
        while self.peek().isascii() and self.peek().isdigit() and number * 10 + int(self.peek()) <= self.groups:
            number = number * 10 + int(self.take())
        if number not in self.closed:
            raise _bad(f"there is no closed group {number} to refer back to")
        return ("back", number)

    def escaped_char(self) -> str:
        char = self.take()
        if char not in _SINGLE:
            raise _bad(f"`\\{char}` is not an escape")
        return _SINGLE[char]

    def escaped_set(self) -> Test | None:
        char = self.peek()
        if char in {"p", "P"}:
            self.take()
            return self.category(negated=char == "P")
        found = _SETS.get(char)
        if found is None:
            return None
        self.take()
        return found

    def category(self, *, negated: bool) -> Test:
        end = self.pattern.find("}", self.at)
        if self.peek() != "{" or end < 0:
            raise _bad("`\\p` needs a category in braces")
        name = self.pattern[self.at + 1 : end]
        self.at = end + 1
        if name in _CATEGORIES:
            return lambda c: unicodedata.category(c).startswith(name) is not negated
        if name.startswith("Is") and name[2:] in _BLOCKS:
            low, high = _BLOCKS[name[2:]]
            return lambda c: (low <= ord(c) <= high) is not negated
        raise _bad(f"`{name[:40]}` is no category or block of characters")

    def one(self, char: str) -> Test:
        if not self.fold:
            return lambda c: c == char
        variants = _variants(char)
        return lambda c: c == char or not variants.isdisjoint(_variants(c))

    def char_class(self) -> Test:
        self.level += 1
        if self.level > _MAX_NESTING:
            raise _bad(f"it is nested deeper than {_MAX_NESTING} levels")
        negated = self.peek() == "^"
        if negated:
            self.take()
        tests: list[Test] = []
        removed: Test | None = None
        while True:
            if self.peek() == "]" and tests:
                self.take()
                break
            if self.pattern.startswith("-[", self.at) and tests:
                self.at += 2
                removed = self.char_class()
                if self.take() != "]":
                    raise _bad("nothing may follow what is taken out of a class")
                break
            tests.append(self.class_part(first=not tests))
        self.level -= 1
        return _class_test(tests, removed, negated=negated)

    def class_part(self, *, first: bool) -> Test:
        low: str
        if self.peek() == "\\":
            self.take()
            test = self.escaped_set()
            if test is not None:
                return test
            low = self.escaped_char()
        else:
            low = self.take()
            if low == "[":
                raise _bad("`[` must be escaped within a class")
            if low == "-" and not first and self.peek() != "]":
                raise _bad("`-` within a class stands between two characters, first or last")
        if self.peek() != "-" or self.pattern[self.at + 1 : self.at + 2] in {"]", "[", ""}:
            return self.one(low)
        self.take()
        high = self.take()
        if high == "\\":
            high = self.escaped_char()
        if high < low:
            raise _bad(f"the range `{low}-{high}` is the wrong way round")
        if not self.fold:
            return lambda c: low <= c <= high
        return lambda c: any(low <= variant <= high for variant in _variants(c))


def _class_test(tests: list[Test], removed: Test | None, *, negated: bool) -> Test:
    def test(char: str) -> bool:
        inside = any(each(char) for each in tests) is not negated
        return inside and not (removed is not None and removed(char))

    return test


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 6  # no count is longer


def _without_space(pattern: str) -> str:
    """The pattern as the flag `x` reads it: white space outside classes does not count."""
    found: list[str] = []
    depth = 0
    escaped = False
    for char in pattern:
        if not depth and char in "\t\n\r ":
            continue
        found.append(char)
        if escaped:
            escaped = False
            continue
        escaped = char == "\\"
        depth += {"[": 1, "]": -1}.get(char, 0) if depth or char == "[" else 0
    return "".join(found)


def _variants(char: str) -> frozenset[str]:
    return frozenset((char, char.lower(), char.upper(), char.lower().upper(), char.upper().lower()))


def _anything(_: str) -> bool:
    return True


def _not_line_end(char: str) -> bool:
    return char not in "\n\r"


def _is_word(char: str) -> bool:
    return unicodedata.category(char)[0] not in "PZC"


def _is_name_start(char: str) -> bool:
    return char in "_:" or char.isalpha()


def _is_name_part(char: str) -> bool:
    return char in "_:-.\u00b7" or char.isalnum() or unicodedata.category(char)[0] == "M"


def _negation(test: Test) -> Test:
    return lambda c: not test(c)


_POSITIVE: Final[dict[str, Test]] = {
    "s": lambda c: c in " \t\n\r",
    "d": lambda c: unicodedata.category(c) == "Nd",
    "w": _is_word,
    "i": _is_name_start,
    "c": _is_name_part,
}
_SETS: Final[dict[str, Test]] = _POSITIVE | {name.upper(): _negation(test) for name, test in _POSITIVE.items()}
