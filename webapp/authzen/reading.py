"""The standard's entities out of a JSON body: subject, action, resource, page. What it does not name is ignored."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any

from engine import exact_json
from engine.problems import InvalidError, Place, Problem, Report
from engine.service.authorization import Target

MALFORMED = "authzen.malformed"
DEFAULT_LIMIT, MOST = 100, 1_000
DIGEST_LENGTH = 16

Entity = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Paging:
    """How many results at most, and the token of the page before (empty for the first)."""

    limit: int
    token: str


class Body:
    """A body that is read; every problem is noted with its place, `raise_if_any` tells them together.

    `path` is where the body stands: `$`, or `$.evaluations[3]` with `defaults` from around it. An entity that is given
    stands for itself; only its required members come from the defaults where it lacks them.
    """

    def __init__(self, body: Mapping[str, Any], path: str = "$", defaults: Mapping[str, Any] | None = None) -> None:
        """Begin to read."""
        self._body, self._path, self._defaults = body, path, defaults or {}
        self._report = Report()
        self._object("context")

    def subject(self, *, identified: bool = True) -> Entity:
        """`type`, and `id` if the question names somebody."""
        return self._entity("subject", ("type", "id") if identified else ("type",))

    def resource(self, *, identified: bool = True) -> Entity:
        """`type`, `id` unless it is searched, and `properties`."""
        return self._entity("resource", ("type", "id") if identified else ("type",))

    def action(self) -> str:
        """Its `name`."""
        return str(self._entity("action", ("name",))["name"])

    def paging(self) -> Paging:
        """`page`: a limit (0 says nothing, more than the most says the most) and a token."""
        page = self._object("page")
        limit, token = page.get("limit"), page.get("token")
        if limit is not None and not (isinstance(limit, Decimal) and limit >= 0 and limit == limit.to_integral_value()):
            self._note("a whole number that is not negative", "page.limit")
            limit = None
        if token is not None and not isinstance(token, str):
            self._note("a text", "page.token")
            token = None
        asked = int(min(limit, Decimal(MOST))) if limit else DEFAULT_LIMIT
        return Paging(asked, token or "")

    def raise_if_any(self) -> None:
        """Raise `InvalidError` (`authzen.malformed`) with everything that was noted."""
        self._report.raise_if_any()

    def _object(self, name: str) -> Mapping[str, Any]:
        given = self._body.get(name)
        if given is not None and not isinstance(given, dict):
            self._note("an object", name)
            return {}
        return given or {}

    def _entity(self, name: str, required: tuple[str, ...]) -> Entity:
        default = self._defaults.get(name)
        fallback = default if isinstance(default, dict) else {}
        if self._body.get(name) is None and name not in self._defaults:
            self._note("given", name)
            return dict.fromkeys(required, "")
        given = self._object(name) if self._body.get(name) is not None else fallback
        found: dict[str, Any] = {}
        for part in required:
            value = given.get(part, fallback.get(part))
            if not isinstance(value, str) or not value:
                self._note("a text", f"{name}.{part}")
            found[part] = value if isinstance(value, str) else ""
        properties = given.get("properties")
        if properties is not None and not isinstance(properties, dict):
            self._note("an object", f"{name}.properties")
        return {**found, "properties": properties if isinstance(properties, dict) else {}}

    def _note(self, wanted: str, path: str) -> None:
        message = f"`{path}` must be {wanted}"
        self._report.add(MALFORMED, message, Place("body", path=f"{self._path}.{path}"))


def target(resource: Entity) -> Target:
    """The resource as the use cases take it."""
    return Target(resource["type"], resource["id"], resource["properties"])


def token_after(position: str, *query: Any) -> str:
    """A page's token: where the next page begins, bound to the question. It opens nothing, so it is not signed."""
    return f"{_digest(query)}.{urlsafe_b64encode(position.encode()).decode()}"


def position_of(token: str, *query: Any) -> str:
    """Where the page begins; empty for the first. Raises `InvalidError` (`cursor.invalid`) for another question's."""
    if not token:
        return ""
    digest, _, position = token.partition(".")
    try:
        if digest == _digest(query):
            return urlsafe_b64decode(position.encode("ascii")).decode()
    except (ValueError, UnicodeError):
        pass
    raise InvalidError(Problem("cursor.invalid", "the page token does not belong to this question"))


def _digest(query: tuple[Any, ...]) -> str:
    return sha256(exact_json.canonical(list(query))).hexdigest()[:DIGEST_LENGTH]
