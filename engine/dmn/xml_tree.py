"""XML to a tree of elements, for files from anywhere.

No document type, no entities of its own, nothing fetched, everything bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from xml.parsers import expat

from engine.problems import InvalidError, Place, Problem

MAX_BYTES: Final = 20_000_000
MAX_DEPTH: Final = 100
MAX_ELEMENTS: Final = 1_000_000
"""Largest file in bytes, deepest nesting, and most elements that are read."""

XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_SEPARATOR: Final = "\n"  # cannot stand in a name or a namespace


@dataclass(slots=True)
class Element:
    """An element: local name and namespace, attributes by local name (`{namespace}name` when they have one)."""

    name: str
    namespace: str
    attributes: Mapping[str, str]
    line: int
    column: int
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def get(self, name: str, default: str = "") -> str:
        """An attribute's value, without space around it."""
        return self.attributes.get(name, default).strip()

    def all(self, name: str) -> Iterator[Element]:
        """The children of a name in this element's own namespace."""
        return (child for child in self.children if child.name == name and child.namespace == self.namespace)

    def first(self, name: str) -> Element | None:
        """The first child of a name."""
        return next(self.all(name), None)

    def own(self) -> Iterator[Element]:
        """The children in this element's own namespace."""
        return (child for child in self.children if child.namespace == self.namespace)

    def text_of(self, name: str) -> str:
        """The text of the first child of a name; empty if there is none."""
        found = self.first(name)
        return "" if found is None else found.text


def read_xml(document: bytes, source: str = "") -> Element:
    """The root element. Raises `InvalidError` with a `dmn.*` code and the place."""
    if len(document) > MAX_BYTES:
        raise InvalidError(
            Problem("dmn.too_large", f"the file has more than {MAX_BYTES:,} bytes", Place(source), "split the model")
        )
    return _Reading(source).read(document)


class _Reading:
    """One pass of the parser."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.stack: list[Element] = []
        self.texts: list[list[str]] = []
        self.root: Element | None = None
        self.count = 0
        parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
        parser.buffer_text = True
        parser.ordered_attributes = True
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartDoctypeDeclHandler = self.refuse
        parser.EntityDeclHandler = self.refuse
        parser.ExternalEntityRefHandler = self.refuse
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.characters
        self.parser = parser

    def read(self, document: bytes) -> Element:
        try:
            self.parser.Parse(document, True)  # noqa: FBT003  # expat takes no keywords
        except expat.ExpatError as error:
            reason = expat.errors.messages.get(error.code, "unknown")
            raise InvalidError(
                Problem("dmn.xml", f"the file is not XML: {reason}", Place(self.source, error.lineno, error.offset + 1))
            ) from None
        except (LookupError, ValueError):
            raise InvalidError(
                Problem("dmn.xml", "the file's text encoding is not known", Place(self.source), "save it as UTF-8")
            ) from None
        if self.root is None:
            raise self.problem("dmn.xml", "the file is empty")
        return self.root

    def problem(self, code: str, message: str, help: str = "") -> InvalidError:
        place = Place(self.source, self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1)
        return InvalidError(Problem(code, message, place, help))

    def refuse(self, *_: Any) -> int:
        raise self.problem(
            "dmn.forbidden_xml", "the file declares a document type or entities", "remove `<!DOCTYPE ...>`"
        )

    def start(self, name: str, attributes: list[str]) -> None:
        self.count += 1
        if self.count > MAX_ELEMENTS or len(self.stack) >= MAX_DEPTH:
            raise self.problem(
                "dmn.too_large", f"the file has more than {MAX_ELEMENTS:,} elements or {MAX_DEPTH} levels of them"
            )
        namespace, _, local = name.rpartition(_SEPARATOR)
        pairs = zip(attributes[::2], attributes[1::2], strict=True)
        element = Element(
            local,
            namespace,
            {_attribute_name(key): value for key, value in pairs},
            self.parser.CurrentLineNumber,
            self.parser.CurrentColumnNumber + 1,
        )
        if self.stack:
            self.stack[-1].children.append(element)
        else:
            self.root = element
        self.stack.append(element)
        self.texts.append([])

    def end(self, _: str) -> None:
        self.stack.pop().text = "".join(self.texts.pop())

    def characters(self, text: str) -> None:
        if self.texts:
            self.texts[-1].append(text)


def _attribute_name(name: str) -> str:
    namespace, _, local = name.rpartition(_SEPARATOR)
    return f"{{{namespace}}}{local}" if namespace else local
