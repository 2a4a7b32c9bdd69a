"""Where people are signed in: the page, its JSON twin, and ending it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from console_house import NOW, Visitor, visitor
from console_markup import faults

from adapters.wiring import Wiring
from engine import exact_json
from engine.predicate import Compare, both
from engine.problems import Problem, UnavailableError
from engine.records import Record
from engine.service.directory import person_key_of
from webapp import identity
from webapp.app import create_app

Acting = Callable[[str | None], Visitor]


def entries(wiring: Wiring, action: str, outcome: str = "accepted") -> list[Record]:
    """Audit entries of an action, oldest first."""
    wanted = both(Compare("action", "=", action), Compare("outcome", "=", outcome))
    return sorted(wiring.ports.store.scan("audit_entry", wanted), key=lambda one: one["sequence"])


def listed(browser: Visitor) -> list[dict[str, object]]:
    """The sessions that the API lists."""
    return exact_json.parse(browser.client.get("/api/v1/me/sessions").data)["items"]


def ask(browser: Visitor, address: str) -> tuple[int, object]:
    """Send to the API with the session's token; status and body."""
    answer = browser.client.post(f"/api/v1{address}", headers={"X-CSRF-Token": browser.token()})
    return answer.status_code, exact_json.parse(answer.data)


def test_the_page_shows_each_session_and_which_is_this_one(acting: Acting) -> None:
    """Every living session has a row with its device; the one that asks is marked and offers to sign out."""
    acting("sales_rep")
    acting("sales_manager")
    browser = acting("sales_rep")
    page = browser.get("/me/sessions")
    assert [] == faults(page)
    assert 2 == len(page.rows())
    assert 1 == page.text.count("this one")
    assert 2 == page.text.count("By choosing a name")
    assert "End all others" in page.text


def test_the_same_in_json(acting: Acting) -> None:
    """The JSON twin lists the same sessions, and its ids let nobody in."""
    other, browser = acting("sales_rep"), acting("sales_rep")
    found = listed(browser)
    assert [[True, False], ["example"] * 2] == [
        sorted((one[name] for one in found), reverse=True) for name in ("current", "signed_in_with")
    ]
    cookie = other.client.get_cookie("bylaw_session")
    assert cookie is not None
    assert cookie.value not in {one["id"] for one in found}
    for one in found:
        other.client.set_cookie("bylaw_session", str(one["id"]))
        assert 401 == other.client.get("/api/v1/me").status_code


def test_ending_one(acting: Acting, own_house: Wiring) -> None:
    """Ending a session ends it at once for its browser, keeps this one, and leaves an entry."""
    other, browser = acting("sales_rep"), acting("sales_rep")
    (handle,) = [str(one["id"]) for one in listed(browser) if not one["current"]]
    response = browser.post("/me/sessions/end", session_id=handle)
    assert (303, "/me/sessions?done=ended") == (response.status_code, response.headers["Location"])
    assert (401, 200) == tuple(one.client.get("/api/v1/me").status_code for one in (other, browser))
    (entry,) = entries(own_house, "session.end")
    assert ("person-sales_rep", "session", handle) == (entry["actor_id"], entry["record_type"], entry["record_id"])
    assert 404 == browser.post("/me/sessions/end", session_id=handle).status_code


def test_ending_one_by_the_api(acting: Acting) -> None:
    """The API ends one session by the id of its list, once."""
    other, browser = acting("sales_rep"), acting("sales_rep")
    (handle,) = [str(one["id"]) for one in listed(browser) if not one["current"]]
    assert (200, {"ended": 1}) == ask(browser, f"/me/sessions/{handle}/end")
    assert (401, 200) == tuple(one.client.get("/api/v1/me").status_code for one in (other, browser))
    assert 404 == ask(browser, f"/me/sessions/{handle}/end")[0]


def test_ending_all_others(acting: Acting) -> None:
    """Ending all others keeps the session that asks and everybody else's."""
    mine, stranger = [acting("sales_rep") for _ in range(3)], acting("sales_manager")
    assert 303 == mine[1].post("/me/sessions/end-others").status_code
    assert [401, 200, 401, 200] == [one.client.get("/api/v1/me").status_code for one in (*mine, stranger)]
    assert (200, {"ended": 0}) == ask(mine[1], "/me/sessions/end-others")


def test_the_twenty_first_sign_in_ends_the_session_left_unused(acting: Acting, own_house: Wiring) -> None:
    """Beyond the sessions that a person may have the one left unused ends at once, with an entry, and is shown."""
    browsers = [acting("sales_rep") for _ in range(20)]
    (unused,) = [str(one["id"]) for one in listed(browsers[0]) if one["current"]]
    other = acting("sales_manager")
    assert [] == entries(own_house, "session.end")
    latest = acting("sales_rep")
    assert [401, 200, 200, 200] == [
        one.client.get("/api/v1/me").status_code for one in (browsers[0], browsers[1], latest, other)
    ]
    (entry,) = entries(own_house, "session.end")
    assert ("person-sales_rep", unused, "displaced") == (entry["actor_id"], entry["record_id"], entry["reason"])
    page = latest.get("/me/sessions")
    assert [] == faults(page)
    assert 20 == len(page.rows())
    assert (20, 1) == (len(page.rows()), len(page.rows(1)))
    assert "20 open now, of at most 20" in page.text
    assert "Ended to make room" in page.text
    assert "Ended to make room" not in other.get("/me/sessions").text
    found = exact_json.parse(latest.client.get("/api/v1/me/sessions").data)
    assert (20, 20, 1) == (len(found["items"]), found["most"], len(found["made_room"]))


def test_nobody_is_let_in_without_the_entry_of_who_made_room(
    acting: Acting, own_house: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the log cannot take that a session made room, the new session is none either."""
    (actor,) = {acting("sales_rep").actor for _ in range(20)}
    assert actor is not None
    away, noted = UnavailableError(Problem("store.unavailable", "the database is away")), identity.record_attempt

    def only_beginnings(*given: Any, **named: Any) -> int:
        if named["action"] == "session.end":
            raise away
        return noted(*given, **named)

    monkeypatch.setattr(identity, "record_attempt", only_beginnings)
    browser = acting(None)
    answer = browser.client.post("/sign-in", data={"person_id": "person-sales_rep"})
    assert (503, None) == (answer.status_code, browser.client.get_cookie("bylaw_session"))
    assert 19 == len(own_house.sessions.sessions_of(person_key_of(actor.organisation_id, actor.id)))


def test_nobody_ends_the_sessions_of_others(acting: Acting, own_house: Wiring) -> None:
    """By their own addresses people end only their own sessions, whatever id they send; the attempt is an entry."""
    victim, browser = acting("sales_manager"), acting("sales_rep")
    handle = str(listed(victim)[0]["id"])
    status, problem = ask(browser, f"/me/sessions/{handle}/end")
    assert (404, "session.not_found") == (status, problem["code"])
    assert 200 == victim.client.get("/api/v1/me").status_code
    assert [] == entries(own_house, "session.end")
    (attempt,) = entries(own_house, "session.end", "failed")
    assert ("person-sales_rep", "session.not_found") == (attempt["actor_id"], attempt["reason"])


def test_an_administrator_ends_the_sessions_of_somebody(acting: Acting, own_house: Wiring) -> None:
    """Who may change a person's record sees and ends that person's sessions, at once and with an entry."""
    rep, again, admin = acting("sales_rep"), acting("sales_rep"), acting("platform_admin")
    assert "Somebody else" in admin.get("/me/sessions").text
    page = admin.get("/people/sessions?person=person-sales_rep")
    assert [] == faults(page)
    assert 2 == len(page.rows())
    assert 303 == admin.post("/people/sessions/end", person="person-sales_rep").status_code
    assert [401, 401, 200] == [one.client.get("/api/v1/me").status_code for one in (rep, again, admin)]
    (entry,) = entries(own_house, "session.end")
    assert ("person-platform_admin", "person-sales_rep") == (entry["actor_id"], entry["record_id"])
    assert (200, {"ended": 0}) == ask(admin, "/people/person-sales_rep/sessions/end")


@pytest.mark.parametrize("role", ["sales_rep", "field_sales_rep", "sales_manager", "revops_analyst"])
def test_others_do_not(acting: Acting, own_house: Wiring, role: str) -> None:
    """Who may not change a person's record neither sees nor ends their sessions, and each try to end is logged."""
    victim, browser = acting("platform_admin"), acting(role)
    assert "Somebody else" not in browser.get("/me/sessions").text
    assert 403 == browser.client.get("/api/v1/people/person-platform_admin/sessions").status_code
    assert 403 == browser.client.get("/people/sessions?person=person-platform_admin").status_code
    assert 403 == browser.post("/people/sessions/end", person="person-platform_admin").status_code
    assert 403 == ask(browser, "/people/person-platform_admin/sessions/end")[0]
    assert 404 == ask(browser, "/people/nobody/sessions/end")[0]
    assert 200 == victim.client.get("/api/v1/me").status_code
    assert 3 == len(entries(own_house, "session.end", "denied"))


def test_a_person_who_has_left_is_out_at_the_next_request(acting: Acting, own_house: Wiring) -> None:
    """Somebody who may not sign in any more is a stranger at the next click, and the session is gone for good."""
    browser, store = acting("sales_rep"), own_house.ports.store
    for active, expected in ((False, 401), (True, 401)):
        with store.transaction() as transaction:
            person = transaction.get("person", "person-sales_rep", Compare("id", "=", "person-sales_rep"))
            transaction.update(person.with_fields(active=active))
        assert expected == browser.client.get("/api/v1/me").status_code


def test_every_sign_in_and_out_leaves_an_entry(acting: Acting, own_house: Wiring) -> None:
    """Signing in, failing to, and signing out each leave one entry, of the person where it is known who it was."""
    browser = acting("sales_rep")
    acting(None).client.post("/sign-in", data={"person_id": "person-nobody"})
    acting(None).client.post("/sign-in", data={"person_id": "person-sales_rep"}, headers={"Via": "1.1 proxy"})
    browser.post("/sign-out")
    assert [("person-sales_rep", "person-sales_rep", "example", NOW)] == [
        (one["actor_id"], one["record_id"], one["reason"], one["at"]) for one in entries(own_house, "session.begin")
    ]
    assert [("stranger", "person.not_found"), ("stranger", "identity.local_only")] == [
        (one["actor_id"], one["reason"]) for one in entries(own_house, "session.begin", "denied")
    ]
    assert ["person-sales_rep"] == [one["actor_id"] for one in entries(own_house, "session.end")]


def test_strangers_cannot_fill_the_log(own_house: Wiring) -> None:
    """Of a thousand sign-ins of nobody the log has one entry a minute for each reason, with how many there were."""
    clock = [NOW]
    app = create_app(own_house, clock=lambda: clock[0])
    for number in range(1_000):
        clock[0] = NOW + number * timedelta(seconds=0.1)
        visitor(app, own_house, None).client.post("/sign-in", data={"person_id": f"person-{number}"})
        if number % 10 == 0:
            visitor(app, own_house, None).client.get("/sign-in/callback?state=made-up")
    found = [
        (one["reason"], one["changes"]["refused"]["after"]) for one in entries(own_house, "session.begin", "denied")
    ]
    assert [
        ("person.not_found", 1), ("identity.state", 1), ("person.not_found", 600), ("identity.state", 60),
    ] == found  # fmt: skip


def test_an_administrator_sees_the_sign_ins_of_strangers(acting: Acting, own_house: Wiring) -> None:
    """Where there is one organisation its administrator finds strangers' sign-ins in its log, and nobody else does."""
    acting(None).client.post("/sign-in", data={"person_id": "person-nobody"})
    address = "/audit?action=session.begin&outcome=denied"
    page = acting("platform_admin").get(address)
    assert 1 == len(page.rows())
    assert "person.not_found" in page.text
    for role in ("sales_rep", "field_sales_rep", "sales_manager"):
        assert "person.not_found" not in acting(role).get(address).text, role


def test_every_page_says_that_no_password_was_asked(looking: Acting) -> None:
    """Whoever has signed in by choosing a name reads so on every page, errors included."""
    browser = looking("sales_rep")
    for address, status in (("/", 200), ("/leads", 200), ("/me/sessions", 200), ("/leads/none", 404)):
        assert "Example sign-in. No password was asked" in browser.get(address, status).text, address
