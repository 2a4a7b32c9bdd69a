"""From a request to what a view takes: accepted media, query, body, revision. Every problem of one part at once."""

from __future__ import annotations

import re
from typing import Any

from flask import Request

from engine import exact_json
from engine.problems import InvalidError, NotFoundError, Place, Problem, Report
from engine.service.spelling import did_you_mean
from webapp.api.operation import Body, Member, Operation, Parameter, UnreadableError

JSON = "application/json"
YAML = "application/yaml"
PROBLEM = "application/problem+json"
ENTITY_TAG = re.compile(r'"([0-9]{1,15})"')
KEY = re.compile(r"[!-~]{1,255}")
LONGEST_ID = 200
MOST_MEMBERS = 1_000
"""Of one object in a body: each unknown name costs a look for what was meant."""

ANNOUNCE_BODY = ("Content-Type", "Transfer-Encoding")
"""A request with one of these has a body to read."""


def wants_yaml(request: Request, operation: Operation) -> bool:
    """Whether the answer shall be the rule file's bytes. Raises `InvalidError` if nothing that we write is accepted."""
    if "Accept" not in request.headers:
        return False
    offered = [operation.success.media, YAML] if operation.success.yaml else [operation.success.media]
    best = request.accept_mimetypes.best_match(offered)
    if best is None and not request.accept_mimetypes.quality(PROBLEM):
        raise InvalidError(
            Problem(
                "request.not_acceptable",
                "none of the media types in `Accept` is written here",
                help=f"offered: {', '.join(offered)}",
            )
        )
    return best == YAML


def read_query(request: Request, parameters: tuple[Parameter, ...]) -> dict[str, Any]:
    """The typed query parameters, with defaults. Unknown, repeated and unreadable ones are problems, all at once."""
    report = Report()
    known = {parameter.name: parameter for parameter in parameters}
    found: dict[str, Any] = {parameter.name: parameter.default for parameter in parameters}
    for name, texts in request.args.lists():
        place = Place("query", path=f"?{name[:60]}")
        parameter = known.get(name)
        if parameter is None:
            suggestion = did_you_mean(name, known) or (
                "known: " + ", ".join(known) if known else "this address takes none"
            )
            report.add(
                "request.unknown_parameter", f"there is no query parameter `{name[:60]}` here", place, suggestion
            )
        elif len(texts) > 1:
            report.add("request.repeated_parameter", f"`{name}` is given {len(texts)} times", place)
        else:
            try:
                found[name] = parameter.reader.read(texts[0])
            except UnreadableError as wanted:
                report.add("request.bad_parameter", f"`{name}` must be {wanted}; `{texts[0][:60]}` was given", place)
    for parameter in parameters:
        if parameter.required and parameter.name not in request.args:
            place = Place("query", path=f"?{parameter.name}")
            report.add("request.bad_parameter", f"`{parameter.name}` is required", place)
    report.raise_if_any()
    return found


def read_raw(request: Request, body: Body) -> bytes:
    """The body's bytes. What is larger than the operation reads is refused before it is read."""
    if body.optional and not any(request.headers.get(name) for name in ANNOUNCE_BODY):
        return b"{}"
    media = [JSON, YAML] if body.yaml else [JSON]
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype not in media or charset not in {"utf-8", "utf8"}:
        given = f"`{request.content_type[:80]}` was sent" if request.content_type else "no `Content-Type` was sent"
        raise InvalidError(
            Problem("request.media_type", f"{given}; this address reads {' or '.join(f'`{one}`' for one in media)}")
        )
    if request.content_length is not None and request.content_length > body.limit_bytes:
        raise _too_large(f"the body has {request.content_length:,} bytes", body.limit_bytes)
    # A body that comes in chunks has no length: one byte more than allowed is read to know that it is too large,
    # because the framework would otherwise cut it off silently.
    request.max_content_length = body.limit_bytes + 1
    raw = request.get_data(cache=False)
    if len(raw) > body.limit_bytes:
        raise _too_large("the body goes on", body.limit_bytes)
    return raw


def _too_large(found: str, limit_bytes: int) -> InvalidError:
    return InvalidError(Problem("request.too_large", f"{found}; at most {limit_bytes:,} bytes are read here"))


def read_body(request: Request, body: Body, raw: bytes) -> Any:
    """The typed members of a JSON body, or the bytes of a rule file."""
    if request.mimetype == YAML:
        return {"text": raw}
    given = exact_json.parse(raw, max_bytes=body.limit_bytes, max_members=MOST_MEMBERS)
    if not isinstance(given, dict):
        raise InvalidError(Problem("field.wrong_kind", "the body must be an object", Place("body", path="$")))
    return given if body.members is None else read_members(given, body.members)


def read_members(given: dict[str, Any], members: tuple[Member, ...], path: str = "$") -> dict[str, Any]:
    """The typed members of an object at `path`. Raises `InvalidError` with every problem of it."""
    report = Report()
    known = {member.name: member for member in members}
    found: dict[str, Any] = {member.name: member.default for member in members}
    for name, value in given.items():
        place = Place("body", path=f"{path}.{name}" if name.isidentifier() else f'{path}["{name[:60]}"]')
        member = known.get(name)
        if member is None:
            report.add("field.unknown", f"the body has no member `{name[:60]}`", place, did_you_mean(name, known))
        elif value is not None or member.required:
            try:
                found[name] = member.reader.read(value)
            except UnreadableError as wanted:
                report.add("field.wrong_kind", f"`{name}` must be {wanted}", place)
    for member in members:
        if member.required and member.name not in given:
            report.add("field.missing", f"`{member.name}` is required", Place("body", path=f"{path}.{member.name}"))
    report.raise_if_any()
    return found


def read_revision(request: Request) -> int:
    """The revision that the caller has seen, from `If-Match`."""
    given = request.headers.get("If-Match")
    if given is None:
        raise InvalidError(
            Problem(
                "request.precondition_required",
                "`If-Match` is required: it names the revision that you have seen",
                help='send the `ETag` of your last reading, such as `"3"`',
            )
        )
    tag = ENTITY_TAG.fullmatch(given.strip())
    if tag is None:
        raise InvalidError(
            Problem("request.bad_header", f'`If-Match` must be one revision such as `"3"`; `{given[:60]}` was sent')
        )
    return int(tag[1])


def read_key(request: Request) -> str:
    """The `Idempotency-Key`, which makes a request that is sent twice count once."""
    given = request.headers.get("Idempotency-Key")
    if given is None:
        raise InvalidError(
            Problem(
                "request.idempotency_key_required",
                "`Idempotency-Key` is required where something is created",
                help="send a fresh random text, and the same one when you repeat the request",
            )
        )
    if not KEY.fullmatch(given):
        raise InvalidError(
            Problem(
                "request.bad_header", "`Idempotency-Key` must be 1 to 255 printable ASCII characters without spaces"
            )
        )
    return given


def printable(text: str) -> str:
    """The text with every character that cannot be shown replaced."""
    return "".join(character if character.isprintable() else "�" for character in text)


def check_path(path: dict[str, str]) -> None:
    """Refuse ids that no record can have before a store is asked."""
    for value in path.values():
        if len(value) > LONGEST_ID or not value.isprintable():
            raise NotFoundError(Problem("record.not_found", f"there is nothing called `{printable(value[:60])}`"))
