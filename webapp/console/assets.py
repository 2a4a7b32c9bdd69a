"""Static files under an address that changes with their contents, so that browsers keep them without asking again."""

from __future__ import annotations

from flask import Response, abort, send_from_directory

from webapp.console.frame import STATIC, Route, build_id

KEEP = "public, max-age=31536000, immutable"


def static_file(build: str, filename: str) -> Response:
    """One file of this build. A page of another build gets 404: it reloads anyway."""
    if build != build_id():
        abort(404)
    response = send_from_directory(STATIC, filename)
    response.headers["Cache-Control"] = KEEP
    return response


ROUTES = (
    Route(
        "/static/<build>/<path:filename>",
        "static_file",
        static_file,
        open_to_all=True,
        needs_no_right="files of the build, the same for everybody",
    ),
)
