"""The record types of the operations database: one visible tuple, read by every store, the policies and the API.

A field has a kind, which fixes its Python value, how stores keep it exactly and how JSON writes it:

| kind | Python | JSON |
| --- | --- | --- |
| TEXT | `str` | string |
| INTEGER | `int` | number |
| DECIMAL | `Decimal` | string |
| MONEY | `Money` | `{"amount": "12.00", "currency": "USD"}` |
| BOOLEAN | `bool` | true, false |
| DATE | `date` | string |
| INSTANT | zone-aware `datetime` (UTC) | string ending in `Z` |
| TEXTS | tuple of `str` | array of strings |
| DOCUMENT | mapping or sequence of JSON values with `Decimal` numbers | the same, decimals as strings |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any

MINOR_UNITS: Mapping[str, int] = {"USD": 2, "EUR": 2, "GBP": 2, "CHF": 2, "JPY": 0, "KWD": 3}
"""Digits after the point of each currency that is accepted (ISO 4217)."""


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An exact amount in a currency; at rest it is whole minor units."""

    amount: Decimal
    currency: str

    @classmethod
    def of_minor(cls, minor: int, currency: str) -> Money:
        """The amount for a number of minor units: `of_minor(1050, "USD")` is 10.50 USD."""
        return cls(Decimal(minor).scaleb(-MINOR_UNITS[currency]), currency)

    @property
    def minor(self) -> int:
        """Whole minor units. Raises `ValueError` if the amount is finer than the currency."""
        scaled = self.amount.scaleb(MINOR_UNITS[self.currency])
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{self.amount} {self.currency} is finer than the currency's minor unit")
        return int(scaled)

    def to_json(self) -> dict[str, str]:
        """Amount in plain notation with the currency's digits: `{"amount": "12000.00", "currency": "USD"}`."""
        return {"amount": f"{self.amount:.{MINOR_UNITS[self.currency]}f}", "currency": self.currency}

    def __str__(self) -> str:
        return f"{self.amount:,.{MINOR_UNITS[self.currency]}f} {self.currency}"


class FieldKind(Enum):
    """See the table at the top of the module."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    MONEY = "money"
    BOOLEAN = "boolean"
    DATE = "date"
    INSTANT = "instant"
    TEXTS = "texts"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class RecordField:
    """One field of a record type; `personal` fields are shown only where the record may be read and can be erased."""

    name: str
    kind: FieldKind
    required: bool = False
    personal: bool = False


@dataclass(frozen=True, slots=True)
class RecordType:
    """A kind of record: its fields and how they are looked for.

    `orders` are those in which its lists are asked for, the usual one first, each after the fields that a filter fixes;
    `indexes` is what else is searched by. Both name fields, with a `-` before one that falls; stores add
    `organisation_id` before and `id` after. `append_only` records are never changed or deleted once written. `of_owner`
    says that the personal fields are those of the person who owns the record, and not the record's own.
    """

    name: str
    fields: tuple[RecordField, ...]
    orders: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    append_only: bool = False
    of_owner: bool = False

    @property
    def usual_indexes(self) -> tuple[tuple[str, ...], ...]:
        """The indexes for the usual order, which is by id if there is no other: in all, and in each holder's records.

        Without the latter, the few records that somebody may read would be sought among all in that order.
        """
        usual = self.orders[0] if self.orders else ()
        holders = [(name,) for name in HOLDERS if self.field(name)]
        return tuple((*head, *usual) for head in ((), *holders) if head or usual)

    @property
    def other_indexes(self) -> tuple[tuple[str, ...], ...]:
        """The indexes for the other orders, an owner's records by id among them, and for `indexes`."""
        by_owner = (("owner_id",),) if self.orders and self.field("owner_id") else ()
        return (*self.orders[1:], *by_owner, *self.indexes)

    def field(self, name: str) -> RecordField | None:
        """The field of this name; `id`, `organisation_id` and `revision` count as fields of every record."""
        return next((known for known in (*COMMON, *self.fields) if known.name == name), None)


def signed(name: str) -> tuple[str, bool]:
    """A name in an order or index as the field's name and whether it falls: `-score` falls."""
    return name.removeprefix("-"), name.startswith("-")


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it stands. `revision` counts accepted writes from 1; it is 0 until the first."""

    type: str
    id: str
    organisation_id: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    revision: int = 0

    def __getitem__(self, name: str) -> Any:
        return self.fields.get(name)

    def with_fields(self, **changes: Any) -> Record:
        """A copy with some fields changed; the revision stays the one that was read."""
        return replace(self, fields={**self.fields, **changes})

    def values(self) -> dict[str, Any]:
        """All fields with `id`, `organisation_id` and `revision`: what predicates are matched against."""
        return {**self.fields, "id": self.id, "organisation_id": self.organisation_id, "revision": self.revision}


def _fields(kind: FieldKind, *names: str) -> tuple[RecordField, ...]:
    """Fields of one kind; a `!` after the name marks it required, a `*` personal."""
    return tuple(RecordField(name.rstrip("!*"), kind, required="!" in name, personal="*" in name) for name in names)


TEXT, INTEGER, DECIMAL, MONEY = FieldKind.TEXT, FieldKind.INTEGER, FieldKind.DECIMAL, FieldKind.MONEY
BOOLEAN, DATE, INSTANT = FieldKind.BOOLEAN, FieldKind.DATE, FieldKind.INSTANT
TEXTS, DOCUMENT = FieldKind.TEXTS, FieldKind.DOCUMENT

COMMON = (*_fields(TEXT, "id!", "organisation_id!"), *_fields(INTEGER, "revision!"))

PLACE = _fields(TEXT, "region_id", "branch_id", "team_id", "owner_id", "territory_id")
"""Where a record belongs. Every record that the role matrix governs carries these five fields."""


HOLDERS = ("owner_id", "team_id", "branch_id")
"""Who holds a record, from the narrowest: the scopes of the role matrix."""

RECORD_TYPES: tuple[RecordType, ...] = (
    RecordType("organisation", (*_fields(TEXT, "name!", "currency!"), *_fields(BOOLEAN, "example"))),
    RecordType("region", _fields(TEXT, "name!")),
    RecordType("branch", _fields(TEXT, "name!", "region_id!")),
    RecordType("team", _fields(TEXT, "name!", "region_id!", "branch_id!", "manager_id")),
    RecordType("territory", _fields(TEXT, "name!", "region_id!", "branch_id")),
    RecordType(
        "person",
        (
            *PLACE,
            *_fields(TEXT, "name!*", "email*", "role!", "title"),
            *_fields(TEXTS, "territory_ids"),
            *_fields(MONEY, "quarterly_quota"),
            *_fields(BOOLEAN, "active", "example"),
            # The account at an identity provider that the person signs in with (`engine.service.sign_ins`).
            *_fields(TEXT, "identity_issuer", "identity_subject*"),
        ),
        indexes=(("role",), ("identity_subject",)),
    ),
    RecordType(
        "account",
        (
            *PLACE,
            *_fields(TEXT, "name!", "sector", "location", "parent_account"),
            *_fields(INTEGER, "employees", "founded"),
            *_fields(MONEY, "annual_revenue"),
            *_fields(TEXT, "source"),
        ),
        orders=(("name",),),
    ),
    RecordType("product", (*_fields(TEXT, "name!", "series"), *_fields(MONEY, "list_price"), *_fields(TEXT, "source"))),
    RecordType(
        "lead",
        (
            *PLACE,
            *_fields(TEXT, "name!*", "company", "status", "source", "reference", "facts_schema!"),
            *_fields(DOCUMENT, "facts!"),
            *_fields(INSTANT, "created_at"),
            *_fields(DECIMAL, "score"),
            *_fields(TEXT, "band", "score_state", "decision_id", "scored_by"),
            *_fields(INSTANT, "scored_at"),
        ),
        orders=(("-score",), ("band", "-score")),
        indexes=(("score_state",),),
    ),
    RecordType(
        "deal",
        (
            *PLACE,
            *_fields(TEXT, "name!", "stage!", "account_id", "account_name", "product", "next_step", "source"),
            *_fields(MONEY, "amount", "contract_target"),
            *_fields(DATE, "engaged_on", "closed_on", "expected_close"),
            *_fields(TEXTS, "tags"),
            *_fields(INSTANT, "changed_at"),
            *_fields(DOCUMENT, "splits"),
        ),
        orders=(("-closed_on",), ("stage", "-closed_on")),
    ),
    RecordType(
        "check_in",
        (
            *PLACE,
            *_fields(TEXT, "account_id", "account_name", "note", "device_id", "outcome"),
            *_fields(INSTANT, "at!"),
            *_fields(DECIMAL, "latitude!", "longitude!", "accuracy_metres"),
        ),
        orders=(("-at",),),
        append_only=True,
    ),
    RecordType(
        "conflict",
        (
            *PLACE,
            *_fields(TEXT, "record_type!", "record_id!", "record_name", "device_id", "state!", "rule_set!", "schema!"),
            *_fields(DOCUMENT, "base!", "client!", "server!", "outcome", "decision"),
            *_fields(INSTANT, "client_at!", "server_at!", "found_at!"),
        ),
        orders=(("-found_at",), ("state", "-found_at")),
    ),
    RecordType(
        "statement",
        (
            *PLACE,
            *_fields(TEXT, "payee_name!*", "plan!", "plan_digest!", "period!", "state!", "job_id"),
            *_fields(INTEGER, "plan_version!"),
            *_fields(MONEY, "credited!", "excluded!", "payout!", "quota"),
            *_fields(DECIMAL, "attainment"),
            *_fields(DOCUMENT, "decision!"),
            *_fields(INSTANT, "calculated_at!"),
        ),
        orders=(("-payout",), ("-period", "-payout")),
        indexes=(("plan", "period"),),
        unique=(("plan", "period", "owner_id"),),
        of_owner=True,
    ),
    RecordType(
        "rule_version",
        (
            *_fields(TEXT, "rule_set!", "kind!", "title!", "digest!", "text!", "published_by"),
            *_fields(INTEGER, "version!"),
            *_fields(DATE, "effective_from!", "effective_to"),
            *_fields(INSTANT, "published_at!"),
        ),
        indexes=(("kind", "rule_set"), ("rule_set", "version")),
        unique=(("rule_set", "version"),),
        append_only=True,
    ),
    RecordType(
        "decision",
        (
            *PLACE,
            *_fields(TEXT, "rule_set!", "digest!", "input_digest!", "subject_type", "subject_id"),
            *_fields(INTEGER, "version!"),
            *_fields(INSTANT, "at!", "as_of!", "decided_at!"),
            *_fields(DOCUMENT, "document!", "facts"),
        ),
        orders=(("-decided_at",), ("rule_set", "-decided_at")),
        indexes=(("subject_type", "subject_id", "-decided_at"),),
        append_only=True,
    ),
    RecordType(
        "job",
        (
            *PLACE,
            *_fields(TEXT, "kind!", "title!", "state!", "message", "actor_id!", "rights_digest", "lease_token"),
            *_fields(DOCUMENT, "parameters!", "result", "checkpoint"),
            *_fields(INTEGER, "done", "total", "attempts"),
            *_fields(BOOLEAN, "cancel_requested"),
            *_fields(TEXTS, "actor_scopes"),
            *_fields(INSTANT, "created_at!", "started_at", "finished_at", "lease_until"),
        ),
        orders=(("-created_at",),),
        indexes=(("state",),),
    ),
    RecordType(
        "import_batch",
        (
            *PLACE,
            *_fields(TEXT, "source!", "mapping!", "digest!"),
            *_fields(DOCUMENT, "counts!", "findings!"),
            *_fields(INSTANT, "imported_at!"),
        ),
        orders=(("-imported_at",),),
    ),
    RecordType(
        "api_key",
        (
            *_fields(TEXT, "person_id!", "name!", "prefix!", "secret_digest!", "made_by", "replaced_by"),
            *_fields(TEXTS, "scopes"),
            *_fields(INSTANT, "created_at!", "expires_at", "revoked_at", "used_at"),
        ),
        indexes=(("prefix",), ("person_id",)),
    ),
    RecordType(
        "idempotency_key",
        (
            *_fields(TEXT, "actor_id!", "key!", "body_digest!", "rights_digest", "response_body"),
            *_fields(INTEGER, "status"),
            *_fields(INSTANT, "expires_at!"),
            *_fields(DOCUMENT, "headers"),
        ),
        unique=(("actor_id", "key"),),
    ),
    RecordType(
        "audit_entry",
        (
            *PLACE,
            *_fields(INTEGER, "sequence!"),
            *_fields(INSTANT, "at!"),
            *_fields(
                TEXT,
                "actor_id!",
                "actor_name*",
                "actor_role!",
                "channel!",
                "request_id!",
                "action!",
                "outcome!",
                "record_type!",
                "record_id!",
                "rule_set",
                "policies",
                "reason",
                "approver_id",
                "before_digest",
                "after_digest",
                "previous_hash",
                "leaf_hash",
            ),
            *_fields(INTEGER, "rule_version"),
            *_fields(DOCUMENT, "changes", "personal", "sealed"),
        ),
        orders=(("-sequence",), ("actor_id", "-sequence")),
        indexes=(("record_type", "record_id", "-sequence"),),
        unique=(("sequence",),),
        append_only=True,
    ),
    RecordType(
        "checkpoint",
        (*_fields(INTEGER, "size!"), *_fields(TEXT, "root!", "frontier!", "note!"), *_fields(INSTANT, "at!")),
        unique=(("size",),),
        append_only=True,
    ),
)

_BY_NAME = {known.name: known for known in RECORD_TYPES}


def record_type(name: str) -> RecordType:
    """The record type of this name. Raises `LookupError` for a name outside `RECORD_TYPES`: a programming error."""
    return _BY_NAME[name]


@cache
def personal_fields(name: str) -> frozenset[str]:
    """The names of a record type's personal fields; none for what is no record type."""
    known = _BY_NAME.get(name)
    return frozenset(field.name for field in known.fields if field.personal) if known is not None else frozenset()


def subject_of(name: str, record_id: str, owner_id: str | None) -> str:
    """Whom the personal fields of a record are about: `person/ann`, `lead/lead-7`."""
    known = _BY_NAME.get(name)
    return f"person/{owner_id}" if known is not None and known.of_owner and owner_id else f"{name}/{record_id}"
