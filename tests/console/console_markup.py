"""Reading pages the way assistive technology and a strict browser do, with the standard library's parser."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {
    "area",
    "base",
    "br",
    "col",
    "embed",
    "hr",
    "img",
    "input",
    "link",
    "meta",
    "source",
    "track",
    "wbr",
    "rect",
    "line",
}
NAMED_BY_LABEL = {"input", "select", "textarea"}


@dataclass
class Element:
    """One element with its text."""

    tag: str
    attributes: dict[str, str]
    parents: tuple[str, ...]
    text: str = ""
    inside: list[Element] = field(default_factory=list)


class Page(HTMLParser):
    """All elements of a page, in order."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.open: list[Element] = []
        self.html = html
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs}, tuple(one.tag for one in self.open))
        for one in self.open:
            one.inside.append(made)
        self.elements.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        while self.open and tag not in VOID:
            if self.open.pop().tag == tag:
                return

    def handle_data(self, data: str) -> None:
        for one in self.open:
            one.text += data

    def all(self, tag: str, **wanted: str) -> list[Element]:
        """Elements of a tag with these attributes."""
        return [
            one
            for one in self.elements
            if one.tag == tag and all(one.attributes.get(name.rstrip("_")) == value for name, value in wanted.items())
        ]

    def one(self, tag: str, **wanted: str) -> Element:
        """The only such element."""
        (found,) = self.all(tag, **wanted)
        return found

    @property
    def text(self) -> str:
        """The text of the main part, with single spaces."""
        return " ".join(self.one("main").text.split())

    def rows(self, table: int = 0) -> list[list[str]]:
        """The cells of a table's body, with single spaces."""
        bodies = list(self.all("tbody"))
        return [
            [" ".join(cell.text.split()) for cell in row.inside if cell.tag in {"td", "th"}]
            for row in bodies[table].inside
            if row.tag == "tr"
        ]

    def links(self) -> list[str]:
        """Where the page's links lead."""
        return [one.attributes["href"] for one in self.all("a") if "href" in one.attributes]


def faults(page: Page) -> list[str]:
    """What a person with a screen reader, a keyboard or a strict browser would stumble over; empty is right."""
    return [*_inline(page), *_names(page), *_headings(page), *_ids(page), *_tables(page), *_landmarks(page)]


def _inline(page: Page) -> list[str]:
    found = []
    for one in page.elements:
        if one.tag == "style" or "style" in one.attributes:
            found.append(f"inline style on <{one.tag}>")
        if one.tag == "script" and "src" not in one.attributes:
            found.append("inline script")
        found += [f"inline handler {name}" for name in one.attributes if name.startswith("on")]
        target = one.attributes.get("href") or one.attributes.get("src") or ""
        if target.startswith(("http:", "https:", "//", "javascript:")):
            found.append(f"foreign address {target}")
    return found


def _names(page: Page) -> list[str]:
    labelled = {one.attributes["for"] for one in page.all("label") if "for" in one.attributes}
    found = []
    for one in page.elements:
        attributes = one.attributes
        named = "aria-label" in attributes or "aria-labelledby" in attributes
        if one.tag in NAMED_BY_LABEL and attributes.get("type") != "hidden" and not named:
            if attributes.get("id") not in labelled:
                found.append(f"<{one.tag} name={attributes.get('name')}> has no label")
        elif one.tag in {"a", "button", "summary"} and not named and not one.text.strip():
            found.append(f"<{one.tag}> says nothing: {attributes}")
        elif one.tag == "img" and "alt" not in attributes:
            found.append("image without alt")
        elif one.tag == "svg" and not ("aria-hidden" in attributes or attributes.get("role") == "img"):
            found.append("a drawing is neither hidden nor named")
        elif one.tag == "progress" and not named:
            found.append("progress without a name")
    return found


def _headings(page: Page) -> list[str]:
    levels = [int(one.tag[1]) for one in page.elements if one.tag in {"h1", "h2", "h3", "h4"}]
    found = [] if levels.count(1) == 1 and levels[0] == 1 else [f"headings {levels}: one h1, first"]
    return found + [
        f"heading jumps from {before} to {after}" for before, after in itertools.pairwise(levels) if after > before + 1
    ]


def _ids(page: Page) -> list[str]:
    ids = [one.attributes["id"] for one in page.elements if "id" in one.attributes]
    found = [f"id {one} twice" for one in set(ids) if ids.count(one) > 1]
    for one in page.elements:
        for name in ("aria-labelledby", "aria-describedby", "for"):
            asked = one.attributes.get(name, "").split()
            found += [f"{name}={wanted} points nowhere" for wanted in asked if wanted not in ids]
    return found


def _tables(page: Page) -> list[str]:
    found = []
    for table in page.all("table"):
        if not any(one.tag == "caption" and one.text.strip() for one in table.inside):
            found.append("table without a caption")
        found += [
            "header cell without scope" for one in table.inside if one.tag == "th" and "scope" not in one.attributes
        ]
    return found


def _landmarks(page: Page) -> list[str]:
    found = [] if len(page.all("main")) == 1 else ["not one main"]
    found += [] if page.one("html").attributes.get("lang") else ["no language"]
    unnamed = [one for one in page.all("nav") if "aria-label" not in one.attributes]
    return found + ["navigation without a name"] * len(unnamed)
