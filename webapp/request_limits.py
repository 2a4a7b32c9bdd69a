"""What of a request is refused before anything in it is read: by its size, its encoding, its shape.

gunicorn refuses heads beyond its own limits (`adapters.web_server`), and the worker senders that are too slow. Bodies
are measured where they are read (`webapp.api.requests`), JSON before it is parsed (`engine.exact_json`).
"""

from __future__ import annotations

from flask import Flask, request

from engine.problems import InvalidError, Problem

BODY_BYTES = 10_000_000
"""No address reads more, whatever it allows itself; what is larger is refused before it is read."""

FORM_BYTES = 1_000_000
"""A form as a whole; files are not taken."""

FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})

FORM_PARTS = 1_000
ADDRESS_CHARACTERS = 4_000
"""Path and query. gunicorn's own limit lies above it, so that this one's problem document is the answer."""


def install(app: Flask) -> None:
    """Refuse what is too large or packed, before a view or a form's token is looked at."""
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = FORM_BYTES  # one field of a multipart form
    app.config["MAX_FORM_PARTS"] = FORM_PARTS
    app.before_request(_refuse)


def _refuse() -> None:
    if len(request.environ.get("RAW_URI", request.full_path)) > ADDRESS_CHARACTERS:
        raise InvalidError(
            Problem(
                "request.address_too_long",
                f"the address is longer than {ADDRESS_CHARACTERS:,} characters",
                help="send less in the query; POST takes a body",
            )
        )
    packed = request.headers.get("Content-Encoding", "identity").strip().lower()
    if packed == "identity":
        packed = request.headers.get("Transfer-Encoding", "chunked").strip().lower()  # gunicorn takes chunks apart
    if packed not in {"identity", "chunked"}:
        raise InvalidError(
            Problem(
                "request.packed",
                f"the body is packed with `{packed[:40]}`; bodies are read as they are",
                help="send it as it is, with a length or in chunks",
            )
        )
    if request.mimetype in FORMS:
        request.max_content_length = FORM_BYTES
