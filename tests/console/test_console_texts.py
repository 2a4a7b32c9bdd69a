"""Texts that nobody expects in every field of the console's own forms and in every part of its addresses.

A text is kept to the byte or refused beside its field; it is a text on every page that shows it, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
from console_house import NOW, Visitor, house, visitor
from console_markup import VOID, Page, faults
from flask import Flask
from naughty import NAUGHTY
from werkzeug.test import TestResponse

from adapters.wiring import Texts, Wiring
from engine.predicate import Always, Compare
from engine.records import RECORD_TYPES, FieldKind, Record
from engine.service.auditing import LONGEST_REASON
from engine.service.key_ring import LONGEST_NAME
from webapp.app import create_app

SAMPLE = {
    name: NAUGHTY[name]
    for name in (
        "nul", "half at the end", "64 kB", "as long as a field keeps", "only spaces", "line and paragraph separator",
        "escape sequence", "right to left override", "isolates left open", "astral letter", "noncharacters",
        "many marks", "script", "end of an attribute", "end of an attribute in single quotes", "end of a text area",
        "end of an option", "template expression", "format directives", "spreadsheet formula", "header", "SQL pattern",
        "JSON", "null",
    )
}  # fmt: skip
"""Of every kind some, for what is no more than looked for."""

HALF = re.compile("[\ud800-\udfff]")


@pytest.fixture(scope="module")
def wiring(tmp_path_factory: pytest.TempPathFactory, texts: Texts) -> Iterator[Wiring]:
    """One house for all texts."""
    with house(tmp_path_factory.mktemp("texts"), texts) as built:
        yield built


@pytest.fixture(scope="module")
def app(wiring: Wiring) -> Flask:
    """The application over it."""
    return create_app(wiring, clock=lambda: NOW)


@pytest.fixture(scope="module")
def admin(app: Flask, wiring: Wiring) -> Visitor:
    """Whoever is let into most pages."""
    return visitor(app, wiring, "person-platform_admin")


def wrong(answer: TestResponse) -> list[str]:
    """What is wrong with an answer: a fault of ours, another form than a page, markup that nobody of us wrote."""
    if 300 <= answer.status_code < 400:
        safe = re.fullmatch(r"/[!-~]*", answer.headers["Location"]) is not None
        return [] if safe and not answer.headers["Location"].startswith("//") else [answer.headers["Location"]]
    if answer.status_code >= 500 or answer.mimetype not in {"text/html", "application/jsonl"}:
        return [f"{answer.status} {answer.mimetype}"]
    if answer.mimetype != "text/html":
        return []
    page = Page(answer.get_data(as_text=True))
    foreign = [one.tag for one in page.elements if one.tag in {"base", "iframe", "object", "style"}]
    scripts = [one.attributes for one in page.all("script") if not one.attributes.get("src", "").startswith("/static/")]
    return [*foreign, *map(str, scripts), *faults(page)]


def faulty(ask: Callable[[str], TestResponse], texts: dict[str, str]) -> dict[str, object]:
    """What is wrong with the answers, by the text's name."""
    found = {name: wrong(ask(text)) for name, text in texts.items()}
    return {name: what for name, what in found.items() if what}


ADDRESSES = {
    "/leads": ("q", "owner", "band", "state"),
    "/deals": ("q", "owner", "stage"),
    "/statements": ("q", "plan", "period"),
    "/conflicts": ("state",),
    "/jobs": ("state", "kind", "done"),
    "/rules": ("kind",),
    "/rules/lead-priority/inbound": ("version",),
    "/audit": ("actor", "action", "outcome", "type", "record"),
    "/audit?from=": ("from", "to"),
    "/rights": ("person", "action", "type", "record"),
    "/people/sessions": ("person",),
    "/try": ("rule",),
    "/try?rule=lead-priority/inbound": ("at", "version", "case", "mode", "was", "facts"),
    "/try?rule=decision/discount-approval": ("lead",),
    "/sign-in": ("next", "left"),
}
"""The pages that read something from their address, and what."""


@pytest.mark.parametrize("address", ADDRESSES)
def test_texts_in_addresses_are_looked_for_and_shown_as_texts(admin: Visitor, address: str) -> None:
    """Whatever a filter or another part of an address holds, the answer is a page of ours or a refusal."""
    path, _, rest = address.partition("?")
    fixed = dict(part.split("=") for part in rest.split("&") if part and not part.endswith("="))

    def ask(text: str) -> TestResponse:
        query = {name: text.encode("utf-8", "surrogatepass")[:4_000] for name in ADDRESSES[address]}
        return admin.client.get(path, query_string={**fixed, **query})

    assert {} == faulty(ask, SAMPLE)


def test_texts_as_parts_of_addresses_are_not_found(admin: Visitor) -> None:
    """Whatever stands where an id or a name stands, there is nothing of it."""
    pages = [
        re.sub(r"<[^>]+>", "{}", rule.rule)
        for rule in admin.client.application.url_map.iter_rules()
        if rule.endpoint.startswith("console.") and "<" in rule.rule and "GET" in (rule.methods or ())
    ]
    assert len(pages) > 6
    for page in pages:

        def ask(text: str, page: str = page) -> TestResponse:
            return admin.client.get(page.replace("{}", quote(text[:500], safe="", errors="surrogatepass")))

        assert {} == faulty(ask, SAMPLE), page


FORMS = {
    "/jobs": [("kind",), ("plan", "period", "kind=incentive-run"), ("rule_set", "kind=score-leads")],
    "/try": [
        ("rule",),
        ("version", "at", "rule=lead-priority/inbound"),
        ("facts_json", "mode=json", "rule=lead-priority/inbound"),
        ("fact.seniority", "fact.employees", "fact.industry", "rule=lead-priority/inbound"),
    ],
    "/me/keys": [("days", "name=x", "reach=narrow"), ("scope", "name=x", "reach=narrow"), ("reach", "name=x")],
    "/audit/export": [("type", "record"), ("actor",), ("from", "to")],
    "/me/sessions/end": [("session_id",)],
    "/people/sessions/end": [("person",)],
    "/sign-in": [("person_id", "next"), ("next", "person_id=person-platform_admin")],
}
"""The forms that choose or look for something: names of fields that hold the text, and others with their values."""


@pytest.mark.parametrize("form", FORMS)
def test_texts_in_forms_are_refused_or_are_what_was_chosen(app: Flask, wiring: Wiring, form: str) -> None:
    """Whatever a field of a form holds, nothing but the form's own work is done, and what is wrong is told."""
    for fields in FORMS[form]:
        admin = visitor(app, wiring, "person-platform_admin")
        token, fixed = admin.token(), dict(one.split("=") for one in fields if "=" in one)

        def ask(text: str, admin=admin, token=token, fixed=fixed, fields=fields) -> TestResponse:
            given = {one: text.encode("utf-8", "surrogatepass") for one in fields if "=" not in one}
            return admin.client.post(form, data={**fixed, **given, "csrf_token": token})

        assert {} == faulty(ask, SAMPLE), fields


def as_sent(text: str) -> str:
    """The text as a browser sends it: a half of a surrogate pair has no bytes, lines end as forms' lines do."""
    return HALF.sub("\ufffd", re.sub(r"\r\n|\r|\n", "\r\n", text))


def refused_at(page: Page, tag: str, field: str) -> bool:
    """Whether the page says what is wrong beside a field, and the field says that it is wrong and where that stands."""
    wrong_one = page.one(tag, id=field).attributes
    told = page.all("span", id=f"{field}-problem")
    described = wrong_one.get("aria-describedby", "").split()
    return wrong_one.get("aria-invalid") == "true" and f"{field}-problem" in described and bool(told[0].text.strip())


def test_a_keys_name_is_kept_to_the_byte_or_refused_at_its_field(admin: Visitor, wiring: Wiring) -> None:
    """A key is called what was typed, without blanks around it; a name that cannot be kept is refused at its field."""
    token = admin.token()
    for name, text in NAUGHTY.items():
        sent = as_sent(text)
        answer = admin.post("/me/keys", token, name=sent, days="7", reach="narrow", scope="read:lead")
        assert [] == wrong(answer), name
        page = Page(answer.get_data(as_text=True))
        if "\0" in sent or not sent.strip() or len(sent) > LONGEST_NAME:
            assert (422, True) == (answer.status_code, refused_at(page, "input", "name")), name
            continue
        assert 201 == answer.status_code, name
        named = wiring.ports.store.scan("api_key", Compare("name", "=", sent.strip()))
        (key,) = (one for one in named if one["revoked_at"] is None)
        assert page.one("h2", id="new-key-title").text == f"The new key: {key['name']}", name
        with wiring.ports.store.transaction() as transaction:
            transaction.update(key.with_fields(revoked_at=NOW))


def test_a_reason_is_kept_to_the_byte_or_refused_at_its_field(texts: Texts, tmp_path: Path) -> None:
    """A conflict's reason is what was typed, without blanks around it, or it is refused at its field."""
    with house(tmp_path, texts) as wiring:
        rep = visitor(create_app(wiring, clock=lambda: NOW), wiring, "person-field_sales_rep")
        conflict = wiring.ports.store.get("conflict", "conflict-deal-981", Always())
        token, address = rep.token(), f"/conflicts/{conflict.id}"
        for name, text in NAUGHTY.items():
            sent = as_sent(text)
            open_again(wiring, conflict)
            form = {"revision": str(wiring.ports.store.get("conflict", conflict.id, Always()).revision)}
            answer = rep.post(f"{address}/resolution", token, reason=sent, **form)
            assert [] == wrong(answer), name
            if "\0" in sent or len(sent) > LONGEST_REASON:
                page = Page(answer.get_data(as_text=True))
                assert (422, True) == (answer.status_code, refused_at(page, "textarea", "reason")), name
                continue
            assert 303 == answer.status_code, name
            kept = wiring.ports.store.get("conflict", conflict.id, Always())["outcome"].get("reason")
            assert (sent.strip() or None) == kept, name
        assert [] == faults(rep.get(address))


def open_again(wiring: Wiring, conflict: Record) -> None:
    """Put the conflict and its deal back to what they were."""
    with wiring.ports.store.transaction() as transaction:
        for kind, record_id in (("conflict", conflict.id), ("deal", conflict["record_id"])):
            held = transaction.get(kind, record_id, Always())
            fields = dict(conflict.fields) if kind == "conflict" else dict(held.fields)
            transaction.update(replace(held, fields=fields))


def test_a_period_that_is_none_is_refused_at_its_field(admin: Visitor) -> None:
    """What is no period is told beside the field, with how to write one."""
    answer = admin.post("/jobs", kind="incentive-run", plan="sales-commission", period="<b>soon</b>")
    assert 422 == answer.status_code
    assert refused_at(Page(answer.get_data(as_text=True)), "input", "period")


OVERRIDE = "\u202eZq"
"""Turns what follows it on its line around, up to the end of the element that isolates it."""

PHRASING = frozenset({"a", "b", "button", "code", "em", "i", "label", "small", "span", "strong", "time"})
"""Elements that stand in a line with others."""

ISOLATING = frozenset({"bdi", "del", "ins", "option", "textarea", "title"})
"""Elements beyond which no override reaches: by what they are, and `del` and `ins` by our style sheet."""

SHOWN = (
    "name", "company", "source", "reference", "status", "account_name", "next_step", "product", "note", "title",
    "record_name", "device_id", "payee_name", "message", "outcome", "email", "sector", "location",
)  # fmt: skip


class Lines(HTMLParser):
    """Where a text with an override stands in a line with anything else, without an element that isolates it."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, str, list[str], list[tuple[str, bool]]]] = []
        self.mixed: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append((tag, dict(attrs).get("class") or "", [], []))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A drawing's part has no text."""

    def handle_endtag(self, tag: str) -> None:
        while self.open:
            closed, classes, texts, found = self.open.pop()
            in_line = (closed in PHRASING or closed in ISOLATING) and "sub" not in classes.split()
            if in_line and self.open:
                self.open[-1][2].extend(texts)
                self.open[-1][3].extend(found)
            else:
                line = "".join(texts).strip()
                self.mixed += [line for text, isolated in found if not isolated and text.strip() != line]
            if closed == tag:
                return

    def handle_data(self, data: str) -> None:
        if self.open:
            self.open[-1][2].append(data)
            if OVERRIDE in data:
                self.open[-1][3].append((data, any(tag in ISOLATING for tag, *_ in self.open)))


def test_no_text_turns_what_stands_beside_it_around(own_house: Wiring) -> None:
    """Whatever people write stands alone in its line or is isolated from what stands beside it, on every page."""
    with own_house.ports.store.transaction() as transaction:
        for known in RECORD_TYPES:
            names = [name for name in SHOWN if (held := known.field(name)) and held.kind is FieldKind.TEXT]
            for record in [] if known.append_only else list(transaction.scan(known.name, Always())):
                turned = {name: f"{OVERRIDE} {record[name]}" for name in names if record[name]}
                transaction.update(record.with_fields(**turned))
    admin = visitor(create_app(own_house, clock=lambda: NOW), own_house, "person-platform_admin")
    made = admin.post("/me/keys", name=f"{OVERRIDE} key", days="7", reach="narrow", scope="read:lead")
    pages = {"/me/keys, made": made.get_data(as_text=True)}
    lists = ("/leads", "/deals", "/statements", "/conflicts", "/jobs", "/audit")
    for address in (
        "/", *lists, "/rules", "/me", "/me/keys", "/me/sessions", "/try", "/sign-in",
        "/people/sessions?person=person-sales_rep", "/rights?type=lead&record=lead-1001&action=write",
    ):  # fmt: skip
        pages[address] = admin.client.get(address, follow_redirects=True).get_data(as_text=True)
    for address in lists:
        for record in Page(pages[address]).all("tbody")[0].inside:
            if record.tag == "a":
                there = record.attributes["href"]
                pages[there] = admin.client.get(there).get_data(as_text=True)
                break
    assert {} == {address: mixed for address, html in pages.items() if (mixed := Lines(html).mixed)}
    assert sum(html.count(OVERRIDE) for html in pages.values()) > 300
