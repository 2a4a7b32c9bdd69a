"""The application's frame: who is asked before a view runs, what answers carry, how errors become answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from flask import Flask, Response, g, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import HTTPException

from engine import exact_json
from engine.problem_codes import CODES
from engine.problems import BylawError, InvalidError, NotFoundError, Problem
from webapp import api, authzen, console, headers, health, hosts, identity, rate_limits, request_limits, violations
from webapp.api import document
from webapp.context import EXTENSION, Surroundings
from webapp.problems import from_framework, problem_response, unexpected

if TYPE_CHECKING:
    from adapters.wiring import Wiring

log = logging.getLogger("bylaw.web")

NEEDS_NO_RIGHT = {
    "health.live": "a supervisor asks, and nothing of anybody's is told",
    "health.ready": "a supervisor asks, and the state of parts and which policies are in force is told",
    "take_violations": "any browser sends them by itself, and nothing of anybody's is told or changed",
    "problem_page": "the meaning of a code, the same for everybody",
}
"""Addresses beside the API's and the console's, which declare what they ask themselves."""

ANSWERS_IN_JSON = ("/api/", "/access/", "/.well-known/", "/health/", "/problems/", rate_limits.REPORTS)


def create_app(wiring: Wiring, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Flask:
    """The whole web application over one wiring. `clock` gives the present instant; tests give their own."""
    app = Flask("webapp", static_folder=None, template_folder="templates")
    app.url_map.merge_slashes = False  # an address is right or it is not; nothing is guessed
    described = document.build(wiring.shipped.schemas()["api/components.json"])
    app.extensions[EXTENSION] = Surroundings(
        wiring, clock, described, exact_json.canonical(described), violations.Told()
    )
    headers.install(app)
    app.before_request(hosts.refuse_unknown)
    rate_limits.install(app)
    request_limits.install(app)
    identity.install(app)
    rate_limits.install_sign_in(app)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(authzen.blueprint)
    app.register_blueprint(console.blueprint)
    violations.install(app)
    app.add_url_rule("/problems/<code>", "problem_page", _problem_page)
    app.register_error_handler(BylawError, _refused)
    app.register_error_handler(HTTPException, _refused_by_framework)
    app.register_error_handler(ParseException, _refused_by_server)
    app.register_error_handler(Exception, _failed)
    return app


def _refused(error: BylawError) -> Response:
    """As a problem document for programs, as a page for people; under a foreign name there are no pages."""
    if request.path.startswith(ANSWERS_IN_JSON) or error.code == hosts.UNKNOWN:
        return problem_response(error)
    return console.error_page(error)


def _refused_by_framework(error: HTTPException) -> Response:
    if error.code is not None and error.code < 400:
        # A redirect, such as to the same address with its slash.
        return cast("Response", Response.force_type(error.get_response(), request.environ))
    response = _refused(from_framework(error))
    if error.code == 405:
        response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
    return response


def _refused_by_server(_error: Exception) -> Response:
    """A body in chunks that breaks off or is none shows only when a view reads it."""
    return _refused(
        InvalidError(Problem("request.malformed", "the body cannot be read: its chunks are not as they must be"))
    )


def _failed(error: Exception) -> Response:
    """A fault of ours: the log gets everything, the caller only where to find it."""
    log.error("request %s failed: %s %s", g.get("request_id", ""), request.method, request.path, exc_info=error)
    return _refused(unexpected())


def _problem_page(code: str) -> Response:
    """What a problem's `type` points at: the code and its sentence."""
    if code not in CODES:
        raise NotFoundError(Problem("request.no_such_address", f"there is no problem code `{code[:80]}`"))
    body = exact_json.canonical({"code": code, "meaning": CODES[code]})
    return Response(body, mimetype="application/json", headers={"Cache-Control": "public, max-age=3600"})
