"""Where a sign-in leads: to a page of this console and nowhere else, whatever the address says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

import pytest
from console_house import Visitor

Acting = Callable[[str | None], Visitor]

CASES = Path(__file__).resolve().parents[1] / "cases" / "redirects" / "elsewhere.txt"
ELSEWHERE = CASES.read_text("utf-8").splitlines()
CONTROLS = (
    "/\tevil.test",
    "/\n/evil.test",
    "\t//evil.test",
    "/\r\nSet-Cookie: a=b",
    "/\0",
    "//evil.test\0",
    "\x01//evil.test",
)
HERE = ("/leads", "/leads?band=A&q=a%20b", "/leads/lead-1", "/try?facts=%7B%7D#result", "/", "")


def place(client: Visitor, wanted: str) -> str:
    """Where a sign-in with this `next` leads, as the answer's header says."""
    answer = client.client.post("/sign-in", data={"person_id": "person-sales_rep", "next": wanted})
    assert 303 == answer.status_code, wanted
    assert ["bylaw_session"] == [cookie.partition("=")[0] for cookie in answer.headers.getlist("Set-Cookie")]
    return answer.headers["Location"]


@pytest.mark.parametrize("wanted", [*ELSEWHERE, *CONTROLS])
def test_nothing_leads_elsewhere(looking: Acting, wanted: str) -> None:
    """Foreign hosts in every disguise, scripts, relative addresses and line breaks all lead to the home page."""
    location = place(looking(None), wanted)
    assert "localhost" == urlsplit(urljoin("http://localhost/sign-in", location)).netloc
    assert "/" == location


@pytest.mark.parametrize("wanted", HERE)
def test_own_pages_are_kept(looking: Acting, wanted: str) -> None:
    """A page of this console is gone on to, with its query."""
    assert (wanted or "/") == place(looking(None), wanted)


@pytest.mark.parametrize("wanted", [*ELSEWHERE, *CONTROLS])
def test_who_is_signed_in_is_not_led_elsewhere_either(looking: Acting, wanted: str) -> None:
    """The sign-in page sends on whoever is signed in, and holds `next` to the same rule."""
    answer = looking("sales_rep").client.get(f"/sign-in?next={quote(wanted)}")
    assert (303, "/") == (answer.status_code, answer.headers["Location"])


def test_the_page_that_is_asked_for_holds_no_foreign_address(looking: Acting) -> None:
    """The sign-in page writes no refused address into its forms."""
    client = looking(None).client
    for wanted in ELSEWHERE:
        page = client.get(f"/sign-in?next={quote(wanted)}")
        assert 200 == page.status_code, wanted
        assert b"evil" not in page.data, wanted


def test_browsers_read_them_as_the_corpus_says() -> None:
    """The corpus has what a browser would follow to another host, so that refusing it proves something."""
    followed = [one for one in ELSEWHERE if one.replace("\\", "/").startswith("//")]
    assert len(followed) >= 15
    assert len(ELSEWHERE) >= 50
