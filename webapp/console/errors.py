"""What people see when something is refused or missing: what happened, and what they can do now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from flask import Response, g, make_response, redirect, render_template, request, url_for

from engine.problems import BylawError, Problem, UnavailableError
from webapp import identity
from webapp.console.frame import NAVIGATION, ZONE_NAME, asked_by_htmx, asset
from webapp.problems import NotSignedInError, status_of

TITLES: Mapping[int, str] = {
    400: "That address cannot be read",
    403: "You may not do this",
    404: "There is nothing here for you",
    405: "This address does not answer that way",
    409: "Not in its present state",
    412: "It has changed meanwhile",
    413: "That is too much at once",
    422: "Something in it does not fit",
    429: "That is too often",
    500: "The fault is ours",
    503: "A part of Bylaw does not answer",
}

ADVICE: Mapping[int, str] = {
    403: "Your role decides what you may read and change. Your page shows both; an admin can change your role.",
    404: "It does not exist, or it lies outside what you may read; which of the two is not said on purpose.",
    412: "Somebody changed it since you opened the page. Open it again and repeat what you did.",
    429: "Nothing was changed by this request. Wait for the time that is named, then try again.",
    500: "Nothing was changed by this request. Quote the request's number to whoever looks after Bylaw.",
    503: "Nothing was changed by this request. Trying again in a little while may work.",
}


def _for_people(problem: Problem) -> Problem:
    """Without the pointer to the API's document, which helps no reader of pages."""
    return replace(problem, help="") if problem.code == "request.no_such_address" else problem


def error_page(error: BylawError) -> Response:
    """The page for an error, in the frame for those who are signed in; strangers are sent to the sign-in."""
    status = status_of(error)
    if isinstance(error, NotSignedInError):
        if asked_by_htmx():
            response = make_response("", 204)  # a page that asks for news while signed out is told to load anew
            response.headers["HX-Redirect"] = url_for("console.sign_in")
            return response
        here = request.full_path.rstrip("?") if request.method == "GET" else "/"
        return cast("Response", redirect(url_for("console.sign_in", next=here if here != "/" else None), code=303))
    try:
        actor = identity.current_caller().actor
        token = identity.csrf_token()
    except BylawError:  # no identity, or the very store that is asked for it is away
        actor, token = None, ""
    return make_response(
        render_template(
            "error.html" if actor else "error_bare.html",
            section="",
            title=TITLES.get(status, TITLES[500]),
            status=status,
            advice=ADVICE.get(status, ""),
            problems=tuple(map(_for_people, error.problems)),
            unavailable=isinstance(error, UnavailableError),
            request_id=g.get("request_id", ""),
            without_query=request.path if status == 400 and request.method == "GET" and request.args else None,
            crumbs=(),
            messages=[],
            json_url=None,
            rights_url=None,
            actor=actor,
            by_example=actor is not None and identity.by_example(),
            navigation=NAVIGATION,
            zone_name=ZONE_NAME,
            csrf_token=token,
            asset=asset,
        ),
        status,
    )
