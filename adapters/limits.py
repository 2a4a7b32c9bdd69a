"""How often who may ask, as data: the one place where rate limits are declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum


class Per(StrEnum):
    """Whom a limit counts."""

    ADDRESS = "address"
    """Where a request comes from: an IPv4 address, or the /64 network of an IPv6 address."""
    PERSON = "person"
    """Who asks, through whichever session or key."""
    KEY = "key"
    """One key or token of a person; all sessions together are one."""


class StoreDown(StrEnum):
    """What a limit means while the store that all processes count in does not answer."""

    CLOSED = "closed"
    """Nothing is let through: 503."""
    LOCAL = "local"
    """Each process counts for itself, with its share of the amount."""
    OPEN = "open"
    """Nothing is counted."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `amount` requests within any `seconds`, counted for each `per`."""

    name: str
    per: Per
    amount: int
    seconds: int
    on_store_down: StoreDown
    covers: str


LIMITS: tuple[Limit, ...] = (
    Limit(
        "sign-in", Per.ADDRESS, 30, 60, StoreDown.CLOSED,
        "Each step of signing in: choosing a name, setting out for the identity provider, coming back from it.",
    ),
    Limit(
        "strangers", Per.ADDRESS, 600, 60, StoreDown.LOCAL,
        "Requests that prove no identity; those with a refused key or session apart from those without any. Beyond it, "
        "requests of that sort get no other answer until the time is over.",
    ),
    Limit(
        "reports", Per.ADDRESS, 60, 60, StoreDown.LOCAL,
        "What browsers report that the content security policy has kept from running.",
    ),
    Limit("changes", Per.PERSON, 600, 60, StoreDown.LOCAL, "Requests that may change something."),
    Limit("reading", Per.PERSON, 6_000, 60, StoreDown.OPEN, "All other requests of somebody who is known."),
    Limit(
        "exports", Per.PERSON, 10, 60, StoreDown.LOCAL,
        "Files of the audit log, asked for by the API or the console: each goes over the whole log, signs a checkpoint "
        "and occupies a thread until its reader has it.",
    ),
    Limit("evaluation", Per.KEY, 30_000, 60, StoreDown.LOCAL, "Decisions and checks about one set of facts."),
    Limit(
        "all-evaluation", Per.PERSON, 60_000, 60, StoreDown.LOCAL,
        "Requests for decisions and checks of one person together, whichever keys they come with.",
    ),
    Limit("bulk", Per.KEY, 600, 60, StoreDown.LOCAL, "Decisions and checks about many at once."),
)  # fmt: skip

BY_NAME: Mapping[str, Limit] = {limit.name: limit for limit in LIMITS}


def with_amounts(amounts: Iterable[tuple[str, int]]) -> dict[str, Limit]:
    """The limits by name, with these amounts in place of the declared ones."""
    return {**BY_NAME, **{name: replace(BY_NAME[name], amount=amount) for name, amount in amounts}}
