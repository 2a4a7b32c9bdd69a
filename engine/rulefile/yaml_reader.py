"""From the bytes of a rule file to a tree of nodes: YAML without its surprises.

Read is a strict subset: one document, no anchors, aliases, tags, directives, duplicate or composite keys, no tab
characters. Only JSON's scalars have a type (`true`, `false`, `null`, JSON numbers); `no`, `010` and `12:30` stay text.
Size and depth are capped before and while reading. PyYAML supplies the events, never the values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

import yaml

from engine.problems import EXCERPT_LIMIT, InvalidError, Place, Problem, Report
from engine.rulefile.nodes import Node, NodeKind, PlainNumber, Scalar
from engine.rulefile.scalar_places import ScalarStyle

MAX_BYTES: Final = 2_000_000
"""Largest rule file."""

MAX_DEPTH: Final = 32
"""Deepest nesting of mappings and lists."""

MAX_NODES: Final = 200_000
"""Most values in a file, keys included."""

MAX_DIGITS: Final = 34
"""Digits a number keeps exactly (IEEE 754 decimal128)."""

MAX_PROBLEMS: Final = 50
"""Most problems told at once; a file with more is better read again after the first ones are mended."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LINE = re.compile(r"\r\n|[\r\n]")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Controls, ends of lines that editors do not show as such, and what turns the direction of writing around."""
_CONSTANTS: Final[dict[str, Scalar]] = {"true": True, "false": False, "null": None}


def read(text: bytes, source: str = "") -> Node:
    """The tree of a rule file. Raises `InvalidError` with `rules.*` codes, all problems that can be seen at once."""
    try:
        return _read(text, source)
    except InvalidError as error:
        shown = _UNPRINTABLE.sub("\ufffd", text[:MAX_BYTES].decode("utf-8-sig", "replace"))
        raise InvalidError(problem.in_text(source, shown) for problem in error.problems) from None


def decode(text: bytes, source: str = "") -> str:
    """The file's characters without a byte order mark. Raises `InvalidError`: too large, not UTF-8, controls."""
    if len(text) > MAX_BYTES:
        message = f"the file has {len(text):,} bytes; a rule file has at most {MAX_BYTES:,}"
        raise InvalidError(Problem("rules.too_large", message, Place(source), "split it into several rule sets"))
    try:
        # Windows editors put a byte order mark at the start; it means nothing in UTF-8 and is passed over.
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if text.startswith((b"\xff\xfe", b"\xfe\xff")):
            message = "the file is UTF-16, not UTF-8"
            raise InvalidError(Problem("rules.encoding", message, Place(source), "save the file as UTF-8")) from None
        good = error.object[: error.start].decode("utf-8", "replace")
        lines = _LINE.split(good)
        place = Place(source, len(lines), len(lines[-1]) + 1)
        message = f"byte {error.object[error.start]:#04x} is not valid UTF-8 here"
        raise InvalidError(Problem("rules.encoding", message, place, "save the file as UTF-8")) from None
    if strange := _UNPRINTABLE.search(decoded):
        lines = _LINE.split(decoded[: strange.start()])
        message = f"the control character U+{ord(strange.group()):04X} stands here"
        place = Place(source, len(lines), len(lines[-1]) + 1)
        raise InvalidError(Problem("rules.encoding", message, place, "remove it, or save the file as UTF-8"))
    return decoded


def _read(text: bytes, source: str) -> Node:
    characters = decode(text, source)
    lines = tuple(_LINE.split(characters))
    report = Report()
    for number, line in enumerate(lines, start=1):
        if "\t" in line and len(report.found) < MAX_PROBLEMS:
            place = Place(source, number, line.index("\t") + 1)
            report.add(
                "rules.tab", "a tab character stands here", place, "indent with spaces; in a quoted text write `\\t`"
            )
    report.raise_if_any()
    builder = _Builder(source, lines, report)
    try:
        for event in yaml.parse(characters, Loader=_Loader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        report.found.append(_syntax_problem(error, source, lines, builder.quoted_over_lines))
    report.raise_if_any()
    if builder.root is None:
        report.add("rules.empty", "the file holds no rules", Place(source, 1, 1), "start with `kind: decision`")
        report.raise_if_any()
        raise AssertionError("unreachable")
    return builder.root


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come yet."""

    kind: NodeKind
    place: Place
    key_place: Place | None
    members: dict[str, Node] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)
    key: str | None = None
    next_key_place: Place | None = None

    def next_path(self) -> str:
        """The path of the value that comes next."""
        if self.kind is NodeKind.LIST:
            return f"{self.place.path}[{len(self.items)}]"
        return f"{self.place.path}.{self.key}"


@dataclass(slots=True)
class _Builder:
    """Takes events one by one, with a stack of its own, so that nesting cannot exhaust Python's."""

    source: str
    lines: tuple[str, ...]
    report: Report
    root: Node | None = None
    stack: list[_Open] = field(default_factory=list)
    count: int = 0
    documents: int = 0
    quoted_over_lines: tuple[int, int] | None = None

    def take(self, event: yaml.Event) -> None:
        """One event of the parser."""
        if isinstance(event, yaml.NodeEvent):
            self._check_node(event)
        if isinstance(event, yaml.DocumentStartEvent):
            self._start_document(event)
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            # A stand-in keeps keys and values in step, so that later problems are still found.
            self._add(Node(NodeKind.SCALAR, self._value_place(event), self._key_place(), lines=self.lines))

    def _start_document(self, event: yaml.DocumentStartEvent) -> None:
        self.documents += 1
        place = self._mark_place(event)
        if event.version or event.tags:
            self.report.add("rules.directive", "a `%` directive stands here", place, "remove it; rule files need none")
        if self.documents > 1:
            help_text = "one file holds one rule set; remove the `---` or put the second part in a file of its own"
            self._fail("rules.several_documents", "a second document starts here", place, help_text)

    def _check_node(self, event: yaml.NodeEvent) -> None:
        self.count += 1
        if len(self.report.found) >= MAX_PROBLEMS:
            self.report.raise_if_any()
        tag, anchor = getattr(event, "tag", None), event.anchor
        if self.count <= MAX_NODES and tag is None and anchor is None:
            return
        place = self._mark_place(event)
        if self.count > MAX_NODES:
            message = f"the file holds more than {MAX_NODES:,} values"
            self._fail("rules.too_large", message, place, "split it into several rule sets")
        if isinstance(event, yaml.AliasEvent):
            name = str(event.anchor)
            message = f"the alias `*{name}` repeats another part of the file"
            self.report.add("rules.alias", message, self._sized(place, len(name) + 1), "write the value out")
        elif anchor is not None:
            message = f"the anchor `&{anchor}` names a part for reuse"
            self.report.add("rules.alias", message, place, "remove it and write the value out where it is used")
        if tag is not None:
            shown = str(tag).replace("tag:yaml.org,2002:", "!!")
            self.report.add(
                "rules.tag", f"the tag `{shown}` stands here", place, "remove it; quote a value to make it a text"
            )

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        place = self._mark_place(event)
        if len(self.stack) >= MAX_DEPTH:
            self._fail(
                "rules.too_deep", f"values are nested deeper than {MAX_DEPTH} levels here", place, "flatten this part"
            )
        parent = self.stack[-1] if self.stack else None
        kind = NodeKind.MAPPING if isinstance(event, yaml.MappingStartEvent) else NodeKind.LIST
        if parent is not None and parent.kind is NodeKind.MAPPING and parent.key is None:
            self._fail(
                "rules.composite_key",
                f"{kind.value} stands where a field's name belongs",
                place,
                "use a plain text as the name",
            )
        self.stack.append(_Open(kind, self._value_place(event), self._key_place()))

    def _close(self) -> None:
        done = self.stack.pop()
        node = Node(done.kind, done.place, done.key_place, done.members, tuple(done.items), lines=self.lines)
        self._add(node)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        parent = self.stack[-1] if self.stack else None
        if parent is not None and parent.kind is NodeKind.MAPPING and parent.key is None:
            place = self._mark_place(event, f"{parent.place.path}.{event.value}")
            parent.key, parent.next_key_place = event.value, place
            if (first := parent.members.get(event.value)) is not None:
                line = first.key_place.line if first.key_place else first.place.line
                message = f"the field `{event.value}` stands twice in one group"
                self.report.add(
                    "rules.duplicate_key", message, place, f"it stands first on line {line}; keep one of the two"
                )
            return
        style = ScalarStyle(event.style or "") if event.style in ("'", '"', "|", ">") else ScalarStyle.PLAIN
        place = self._value_place(event)
        if style in (ScalarStyle.SINGLE_QUOTED, ScalarStyle.DOUBLE_QUOTED) and event.end_mark is not None:
            last = event.end_mark.line + 1
            self.quoted_over_lines = (place.line, last) if last > place.line else self.quoted_over_lines
        value = self._value(event.value, place) if style is ScalarStyle.PLAIN else event.value
        self._add(
            Node(
                NodeKind.SCALAR, place, self._key_place(), value=value, text=event.value, style=style, lines=self.lines
            )
        )

    def _value(self, text: str, place: Place) -> Scalar:
        """JSON's scalars have a type; anything else is the text it is. A field without a value is null."""
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if not text:
            return None
        if not _NUMBER.fullmatch(text):
            return text
        digits = text.lower().partition("e")[0].replace("-", "").replace(".", "").lstrip("0")
        exponent = text.lower().partition("e")[2]
        if len(digits) > MAX_DIGITS or len(exponent.lstrip("+-0")) > 4 or abs(int(exponent or 0)) > 6_000:
            message = f"`{text[:50]}` has more digits than are kept exactly ({MAX_DIGITS})"
            self.report.add("rules.number_too_long", message, place, "round it, or quote it to make it a text")
            return Decimal(0)
        return PlainNumber.of(text)

    def _add(self, node: Node) -> None:
        if not self.stack:
            self.root = node
            return
        parent = self.stack[-1]
        if parent.kind is NodeKind.LIST:
            parent.items.append(node)
            return
        if parent.key is None:  # an alias used as a key; reported already
            parent.key = ""
            return
        parent.members.setdefault(parent.key, node)
        parent.key = None

    def _key_place(self) -> Place | None:
        return self.stack[-1].next_key_place if self.stack and self.stack[-1].kind is NodeKind.MAPPING else None

    def _value_place(self, event: yaml.Event) -> Place:
        path = self.stack[-1].next_path() if self.stack else "$"
        return self._mark_place(event, path)

    def _mark_place(self, event: yaml.Event, path: str = "") -> Place:
        start, end = event.start_mark, event.end_mark
        if start is None or end is None:
            raise AssertionError("the parser marks every event")
        if end.line == start.line:
            length = end.column - start.column
        else:
            length = len(self.lines[start.line]) - start.column if start.line < len(self.lines) else 1
        return Place(self.source, start.line + 1, start.column + 1, max(1, length), path)

    @staticmethod
    def _sized(place: Place, length: int) -> Place:
        return replace(place, length=length)

    def _fail(self, code: str, message: str, place: Place, help_text: str) -> None:
        """Problems after which reading on would be a risk or a guess."""
        self.report.add(code, message, place, help_text)
        self.report.raise_if_any()


_SYNTAX_SENTENCES: Final = (
    ("could not find expected ':'", "a field's name is not followed by `:`", "write `name: value`"),
    ("mapping values are not allowed", "a second `:` stands in an unquoted value", "quote the value: 'like this: one'"),
    (
        "did not find expected key",
        "this line does not fit the lines above it",
        "check its indentation, and quotes above",
    ),
    ("did not find expected '-' indicator", "this line does not fit the list above it", "check its indentation"),
    ("did not find expected ',' or ']'", "a `,` or `]` is missing in this list", "check brackets and quotes"),
    (
        "did not find expected ',' or '}'",
        "a `,` or `}` is missing in this group",
        "quote a value that holds `,` or `:`",
    ),
    ("unexpected end of stream", "the file ends inside a quoted text", "close the quotation mark"),
    (
        "unknown escape character",
        "this escape is not known in a double-quoted text",
        "use single quotes, or write `\\\\`",
    ),
    ("cannot start any token", "this character cannot start a value", "quote the value"),
    ("block sequence entries are not allowed", "a list cannot start here", "put `-` on a line of its own"),
    ("did not find expected <document start>", "text stands after the end of the rules", "check the indentation"),
    ("did not find expected node content", "a value is missing here", "check brackets and commas"),
    ("found undefined tag handle", "a tag stands here", "remove it; quote a value to make it a text"),
    ("unknown anchor", "an alias stands here", "write the value out"),
    ("anchor", "an anchor or alias stands here", "quote the value if `&` or `*` belongs to it"),
    ("alias", "an anchor or alias stands here", "quote the value if `&` or `*` belongs to it"),
    ("directive", "a `%` directive stands here", "remove it; quote a value that starts with `%`"),
)


def _syntax_problem(
    error: yaml.MarkedYAMLError, source: str, lines: tuple[str, ...], quoted: tuple[int, int] | None
) -> Problem:
    """The parser's own error as a sentence for an author; its mark is where reading stopped.

    `quoted` are the first and last line of the last quoted text that went over several lines: a forgotten quotation
    mark shows only where the next one ends the text.
    """
    mark = error.problem_mark or error.context_mark
    place = Place(source, mark.line + 1, mark.column + 1) if mark is not None else Place(source)
    at_end = place.line > len(lines) or (place.line == len(lines) and not lines[-1].strip())
    if at_end and error.context_mark is not None:
        # The end of the file says little; where the open part began says what to close.
        place = Place(source, error.context_mark.line + 1, error.context_mark.column + 1)
    given = f"{error.problem or ''}"
    for fragment, message, stated_help in _SYNTAX_SENTENCES:
        if fragment in given:
            help_text = stated_help
            if quoted is not None and quoted[1] == place.line:
                help_text = f"the text quoted from line {quoted[0]} on ends only here; close it where it should end"
            return Problem("rules.syntax", message, place, help_text, _excerpt(lines, place))
    return Problem("rules.syntax", "the file is not readable as YAML from here", place, given, _excerpt(lines, place))


def _excerpt(lines: tuple[str, ...], place: Place) -> str:
    return lines[place.line - 1][:EXCERPT_LIMIT] if 0 < place.line <= len(lines) else ""
