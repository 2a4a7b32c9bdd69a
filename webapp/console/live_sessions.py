"""Where one is signed in, and ending it there; administrators do the same for those whose record they may change."""

from __future__ import annotations

from flask import Response, request

from engine.service import records
from webapp import live_sessions
from webapp.console.frame import Route, caller, page, ports, see_other

MOST_PEOPLE = 200


def my_sessions() -> Response:
    """My sessions with their devices, each with a button that ends it."""
    return page(
        "sessions.html",
        section="me",
        title="Where I am signed in",
        crumbs=_crumbs(),
        json_url="/api/v1/me/sessions",
        listed=live_sessions.mine(caller()),
        person=None,
        people=_people(),
    )


def end_session() -> Response:
    """End one of my sessions."""
    live_sessions.end_mine(caller(), request.form.get("session_id", "")[:100])
    return see_other("my_sessions", done="ended")


def end_other_sessions() -> Response:
    """End all my sessions but this one."""
    live_sessions.end_my_others(caller())
    return see_other("my_sessions", done="ended_others")


def somebodys_sessions() -> Response:
    """Somebody else's sessions, for those who may end them."""
    person_id = request.args.get("person", "")[:200]
    person = records.get_record(ports(), caller(), "person", person_id)
    return page(
        "sessions.html",
        section="me",
        title=f"Where {person['name']} is signed in",
        crumbs=(*_crumbs(), ("Where I am signed in", "/me/sessions")),
        json_url=f"/api/v1/people/{person.id}/sessions",
        listed=live_sessions.of_person(caller(), person_id),
        person=person,
        people=(),
    )


def end_somebodys_sessions() -> Response:
    """End all sessions of somebody else, at once."""
    person_id = request.form.get("person", "")[:200]
    live_sessions.end_all_of(caller(), person_id)
    return see_other("somebodys_sessions", person=person_id, done="ended_all")


def _people() -> list[tuple[str, str]]:
    """Id and name of those whose sessions the caller may end, without the caller."""
    if caller().actor.role != "platform_admin":
        return []
    found = records.list_records(ports(), caller(), "person", limit=MOST_PEOPLE).records
    others = [one for one in found if one.id != caller().actor.id and records.may_write(ports(), caller(), one)]
    return sorted(((one.id, one["name"]) for one in others), key=lambda pair: (pair[1], pair[0]))


def _crumbs() -> tuple[tuple[str, str], ...]:
    return (("Me", "/me"),)


CELLS = ("read:person", "write:person")
THEIR_OWN = "people end where they themselves are signed in"

ROUTES = (
    Route("/me/sessions", "my_sessions", my_sessions, asks=CELLS),
    Route("/me/sessions/end", "end_one_session", end_session, methods=("POST",), needs_no_right=THEIR_OWN),
    Route(
        "/me/sessions/end-others", "end_other_sessions", end_other_sessions, methods=("POST",), needs_no_right=THEIR_OWN
    ),
    Route("/people/sessions", "somebodys_sessions", somebodys_sessions, asks=CELLS),
    Route("/people/sessions/end", "end_somebodys_sessions", end_somebodys_sessions, methods=("POST",), asks=CELLS),
)
