"""Clients of people who have a key and mean no good."""

from __future__ import annotations

import itertools
from dataclasses import replace

from flask import Flask
from small_world import Api, as_person

from adapters.limits import BY_NAME

STORES = ("memory", "sqlite")

UNLIMITED = tuple((name, 1_000_000_000) for name in BY_NAME)
"""Rate limits that no attack here meets: they have tests of their own."""

FRESH = itertools.count()
"""Idempotency keys of all tests: worlds last longer than one."""


def attacker(app: Flask, person_id: str | None) -> Api:
    """A client with this person's key, whose idempotency keys nobody has used before."""
    return replace(as_person(app, person_id), keys=FRESH)
