"""Keys with which programs ask as me: making, rotating and revoking them. A new key's text is on one page, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import groupby

from flask import Response, request

from adapters.wiring import new_api_key
from engine.problems import BylawError, NotFoundError, Problem
from engine.records import Record
from engine.service import key_ring
from webapp.api.routes import OPERATIONS
from webapp.console.frame import Route, api, caller, page, ports, see_other
from webapp.console.listing import person_names
from webapp.problems import status_of

LIVES: Mapping[str, str] = {"7": "7 days", "30": "30 days", "90": "90 days", "180": "180 days", "366": "a year"}
NARROW, WHOLE = "narrow", "whole"
USUAL = ("read:", "write:")
"""What most keys do, and so comes first of what there is to tick."""


def my_keys() -> Response:
    """My keys; for administrators everybody's they see."""
    return _keys_page()


def make_key() -> Response:
    """A new key for me, with its text."""
    name, days = request.form.get("name", "")[:400], request.form.get("days", "")
    scopes = None if request.form.get("reach") == WHOLE else request.form.getlist("scope")[: len(_scopes()) + 1]
    return _with_text(
        lambda text: key_ring.create_api_key(
            ports(), caller(), caller().actor.id, name, text, scopes=scopes, life=_life(days)
        )
    )


def rotate_key(record_id: str) -> Response:
    """A new key in the place of one, with its text; the old one serves for a day still."""
    return _with_text(lambda text: key_ring.rotate_api_key(ports(), caller(), record_id, text))


def revoke_key(record_id: str) -> Response:
    """End a key now."""
    key_ring.revoke_api_key(ports(), caller(), record_id)
    return see_other("my_keys", done="revoked")


def _life(days: str) -> timedelta:
    return timedelta(days=int(days)) if days in LIVES else key_ring.DEFAULT_LIFE


def _with_text(made_with: Callable[[str], Record]) -> Response:
    """The page with a new key's text, which is kept nowhere; or with what was wrong."""
    text = new_api_key()
    try:
        made = made_with(text)
    except NotFoundError:
        raise
    except BylawError as error:
        return _keys_page(problems=error.problems, status=status_of(error))
    return _keys_page(made=made, text=text, status=201)


def _keys_page(
    *, problems: tuple[Problem, ...] = (), made: Record | None = None, text: str = "", status: int = 200
) -> Response:
    found = key_ring.list_api_keys(ports(), caller())
    own = [key for key in found if key["person_id"] == caller().actor.id]
    return page(
        "keys.html",
        section="me",
        title="My keys",
        crumbs=(("Me", "/me"),),
        json_url=api("keys", person_id=caller().actor.id),
        status=status,
        problems=problems,
        made=made,
        text=text,
        keys=own,
        others=[key for key in found if key["person_id"] != caller().actor.id],
        state=lambda key: key_ring.state_of(key, caller().now),
        names=person_names(),
        lives=LIVES,
        scopes={kind: list(found) for kind, found in groupby(_scopes(), key=_kind)},
        form=_filled_in() if problems else {"name": "", "days": "90", "reach": NARROW, "scope": []},
    )


def _filled_in() -> dict[str, object]:
    """The form as it was sent, to be corrected."""
    return {
        "name": request.form.get("name", "")[:400],
        "days": request.form.get("days", ""),
        "reach": request.form.get("reach", NARROW),
        "scope": request.form.getlist("scope"),
    }


def _scopes() -> tuple[str, ...]:
    """Every scope that some operation of the API needs: what is worth giving to a key."""
    needed = {scope for operation in OPERATIONS for scope in operation.scopes}
    return tuple(sorted(needed, key=lambda scope: (_kind(scope), not scope.startswith(USUAL), scope)))


def _kind(scope: str) -> str:
    """The type of record that a scope is about."""
    return scope.partition(":")[2]


SHOWN = ("read:api_key", "read:person")
CHANGED = (*SHOWN, "write:api_key")
ENDED = ("read:api_key", "write:api_key")

ROUTES = (
    Route("/me/keys", "my_keys", my_keys, asks=SHOWN),
    Route("/me/keys", "make_key", make_key, methods=("POST",), asks=CHANGED),
    Route("/me/keys/<record_id>/rotate", "rotate_key", rotate_key, methods=("POST",), asks=CHANGED),
    Route(
        "/me/keys/<record_id>/revoke",
        "revoke_key",
        revoke_key,
        methods=("POST",),
        asks=("read:api_key", "write:api_key"),
    ),
)
