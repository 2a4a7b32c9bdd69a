"""The page of keys: made, shown once, used, rotated and revoked by people in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from console_house import Visitor
from console_markup import Page, faults
from werkzeug.test import TestResponse

from adapters.wiring import Wiring
from engine.predicate import Always

Acting = Callable[[str | None], Visitor]
TEXT = re.compile(r"byl_[a-z0-9]{8}_[A-Za-z0-9_-]{43}")


def text_in(response: TestResponse) -> str:
    """The one key that a page shows."""
    (found,) = TEXT.findall(response.get_data(as_text=True))
    return str(found)


def status_with(browser: Visitor, text: str, path: str = "/leads") -> int:
    """How the API answers to a key."""
    client = browser.client.application.test_client()
    return client.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {text}"}).status_code


def ids(wiring: Wiring) -> list[str]:
    """All keys, the oldest first."""
    return [key.id for key in wiring.ports.store.scan("api_key", Always())]


def test_the_page_without_keys(acting: Acting) -> None:
    """Who has no key is told what one is for, and can make it there."""
    page = acting("sales_rep").get("/me/keys")
    assert [] == faults(page)
    assert "No keys yet" in page.text
    assert "Keys of others" not in page.text


def test_a_key_is_shown_once(acting: Acting, own_house: Wiring) -> None:
    """The page after making a key holds its text, and no page afterwards does; the key works within its scopes."""
    browser = acting("sales_rep")
    made = browser.post("/me/keys", name="phone", days="30", reach="narrow", scope="read:lead")
    assert 201 == made.status_code
    assert "no-store" in made.headers["Cache-Control"]
    assert [] == faults(Page(made.get_data(as_text=True)))
    text = text_in(made)
    assert (200, 403) == (status_with(browser, text), status_with(browser, text, "/deals"))
    after = browser.get("/me/keys")
    assert [] == TEXT.findall(after.text)
    assert f"byl_{text[4:12]}_…" in after.text
    assert "read:lead" in after.text
    assert text not in str(list(own_house.ports.store.scan("api_key", Always())))


def test_rotating_and_revoking(acting: Acting, own_house: Wiring) -> None:
    """Rotating shows the next key once while the old one serves; revoking ends a key at once."""
    browser = acting("sales_rep")
    old = text_in(browser.post("/me/keys", name="phone", reach="whole"))
    (old_id,) = ids(own_house)
    rotated = browser.post(f"/me/keys/{old_id}/rotate")
    assert 201 == rotated.status_code
    new = text_in(rotated)
    assert (200, 200) == (status_with(browser, old), status_with(browser, new))
    (new_id,) = [key for key in ids(own_house) if key != old_id]
    assert "/me/keys?done=revoked" == browser.post(f"/me/keys/{new_id}/revoke").headers["Location"]
    assert (200, 401) == (status_with(browser, old), status_with(browser, new))
    assert 409 == browser.post(f"/me/keys/{old_id}/rotate").status_code


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"name": " ", "reach": "whole"}, "a key's name has 1 to 200 characters"),
        ({"name": "x", "reach": "narrow"}, "A key has 1 to 50 scopes"),
        ({"name": "x"}, "A key has 1 to 50 scopes"),
        ({"name": "x", "scope": "read:nonsense"}, "There is no scope read:nonsense"),
    ],
)
def test_forms_that_are_filled_in_wrongly(acting: Acting, form: dict[str, str], sentence: str) -> None:
    """What is wrong is said on the same page, which keeps what was filled in; no chance gives the whole role."""
    browser = acting("sales_rep")
    answered = browser.post("/me/keys", days="30", **form)
    page = Page(answered.get_data(as_text=True))
    assert 422 == answered.status_code
    assert [] == faults(page)
    assert sentence in page.text
    assert "No keys yet" in page.text


def test_other_peoples_keys(acting: Acting, own_house: Wiring) -> None:
    """People neither see nor end others' keys; administrators see them, without any text, and end them."""
    rep, admin = acting("sales_rep"), acting("platform_admin")
    text = text_in(rep.post("/me/keys", name="the rep's phone", reach="whole"))
    (key_id,) = ids(own_house)
    assert "the rep's phone" not in acting("sales_manager").get("/me/keys").text
    for what in ("revoke", "rotate"):
        assert 404 == acting("sales_manager").post(f"/me/keys/{key_id}/{what}").status_code
    page = admin.get("/me/keys")
    assert [] == faults(page)
    assert "the rep's phone" in page.text
    assert 303 == admin.post(f"/me/keys/{key_id}/revoke").status_code
    assert 401 == status_with(rep, text)


def test_names_are_shown_as_they_are(acting: Acting) -> None:
    """A key's name is text wherever it is shown, whatever it holds."""
    browser = acting("sales_rep")
    made = browser.post("/me/keys", name="<script>alert(1)</script>", reach="whole")
    assert "<script>alert(1)" not in made.get_data(as_text=True)
    assert isinstance(browser.get("/me/keys"), Page)
