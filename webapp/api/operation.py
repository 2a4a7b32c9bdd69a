"""What an operation of the API is: one value that is registered as a route and written into the OpenAPI document.

Parameters and bodies are read by the same declarations that describe them, so that the document cannot say otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Response

from engine.caller import Caller
from engine.predicate import Operator

Schema = Mapping[str, Any]


class UnreadableError(Exception):
    """A value that is not what it must be; the text says what was wanted, for the reader's sentence."""


@dataclass(frozen=True, slots=True)
class Reader:
    """How a text or JSON value becomes a typed value: `read` raises `UnreadableError` with what is wanted."""

    schema: Schema
    read: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter."""

    name: str
    reader: Reader
    about: str
    default: Any = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """A query parameter that narrows a list: `field operator value`; the operator `prefix` ignores letter case."""

    parameter: Parameter
    field: str
    operator: Operator | None = "="


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a JSON body."""

    name: str
    reader: Reader
    about: str
    required: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON body: its members; or, with `members` None, any object, which the use case reads field by field itself.

    `yaml` allows the bytes of a rule file as `application/yaml` instead. An `optional` body may be left out altogether,
    which says the same as an empty object.
    """

    schema: Schema
    members: tuple[Member, ...] | None = None
    yaml: bool = False
    limit_bytes: int = 1_000_000
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Success:
    """The answer when all is well: status, the schema's name in the document, headers besides those of every answer.

    `media` is the type of an answer that is not JSON.
    """

    status: int
    schema: str
    about: str
    headers: tuple[str, ...] = ()
    yaml: bool = False
    media: str = "application/json"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as a view sees it: who, and what of it has been read. `new_id` is the id of what will be created."""

    caller: Caller
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Any = None
    revision: int = 0
    new_id: str = ""
    wants_yaml: bool = False

    def to_create(self, new_id: str) -> Asked:
        """The same with the id of what will be created."""
        return replace(self, new_id=new_id)


NAMED_BY_THE_REQUEST = "*:*"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address. `creates` asks for an `Idempotency-Key`, `changes` for an `If-Match`.

    `keyed_when` names a truth-valued body member that makes the operation a creating one. `asks` are the cells of the
    policies that are asked before it is answered, such as `read:lead` (`*:*`: the cell that the request names); one
    that asks none says in `needs_no_right` why. `needs` are those of them that a key or token must have as scopes; None
    is all. `shown_once` names a member of the answer that a repetition does not get again, because it is kept nowhere.
    """

    method: str
    path: str
    id: str
    tag: str
    summary: str
    view: Callable[[Asked], Response]
    success: Success
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    creates: bool = False
    keyed_when: str = ""
    changes: bool = False
    public: bool = False
    problems: tuple[int, ...] = field(default=())
    asks: tuple[str, ...] = ()
    needs_no_right: str = ""
    needs: tuple[str, ...] | None = None
    shown_once: str = ""

    @property
    def creating(self) -> tuple[str, str]:
        """Of an operation that creates: the action and the record type, such as `write` and `lead`."""
        action, _, record_type = next(cell for cell in self.asks if not cell.startswith("read:")).partition(":")
        return action, record_type

    @property
    def scopes(self) -> tuple[str, ...]:
        """What a key or token must have as scopes; cells that the request names are seen to by the policies."""
        return tuple(cell for cell in self.asks if cell != NAMED_BY_THE_REQUEST) if self.needs is None else self.needs
