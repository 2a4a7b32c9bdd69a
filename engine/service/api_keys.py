"""Keys with which programs ask as a person: what they look like, and whom one that is presented stands for.

A key is `byl_<prefix>_<secret>`: eight characters that find it, then a secret of 256 random bits, made by the caller
because the engine knows no chance. Only a digest is kept. How keys are made and ended stands in `key_ring`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest

from engine.caller import Actor
from engine.ports import Ports
from engine.predicate import Compare
from engine.problems import NotFoundError, Problem, UnavailableError
from engine.records import Record
from engine.service.directory import actor_in

FORM = re.compile(r"byl_([a-z0-9]{8})_([A-Za-z0-9_-]{43})")
KEYS_PER_PREFIX = 10
USE_NOTED_EVERY = timedelta(hours=1)
_NO_DIGEST = "0" * 64


@dataclass(frozen=True, slots=True)
class Presented:
    """What a presented key turned out to be: its actor if it is accepted, and the key that its prefix finds."""

    actor: Actor | None
    key: Record | None


def present_key(ports: Ports, token: str, now: datetime) -> Presented:
    """Look a key up. Unknown, wrong, expired, revoked, and of somebody who has left all take the same steps.

    Without an actor the key is refused, and `key` is the one whose prefix was used, for the log alone. The use of an
    accepted key is noted at most once an hour.
    """
    form = FORM.fullmatch(token)
    if form is None:
        return Presented(None, None)
    digest = digest_of_token(token)
    candidates = ports.store.find("api_key", Compare("prefix", "=", form[1]), limit=KEYS_PER_PREFIX).records
    # At least one comparison is made, each takes as long whatever it finds, and none ends the search.
    compare_digest(_NO_DIGEST, digest)
    found = [key for key in candidates if compare_digest(str(key["secret_digest"]), digest)]
    if not found:
        return Presented(None, candidates[0] if candidates else None)
    key = found[0]
    actor = _actor(ports, key, now)
    if actor is not None:
        _note_use(ports, key, now)
    return Presented(actor, key)


def actor_for_api_key(ports: Ports, token: str, now: datetime) -> Actor:
    """The actor that a key stands for, within the key's scopes. Raises `NotFoundError` (`api_key.refused`).

    Unknown, expired, revoked, and belonging to somebody who may not sign in any more look the same from outside.
    """
    actor = present_key(ports, token, now).actor
    if actor is None:
        raise NotFoundError(Problem("api_key.refused", "the key is unknown, expired or revoked"))
    return actor


def in_force(key: Record, now: datetime) -> bool:
    """Whether a key is neither revoked nor at its end; one without an end is not in force at all."""
    return key["revoked_at"] is None and key["expires_at"] is not None and key["expires_at"] > now


def digest_of_token(token: str) -> str:
    """SHA-256 of the whole key, in hexadecimal. The secret is random, so a slow hash would protect nothing more."""
    return sha256(token.encode()).hexdigest()


def _actor(ports: Ports, key: Record, now: datetime) -> Actor | None:
    if not in_force(key, now):
        return None
    try:
        actor = actor_in(ports.store, key.organisation_id, key["person_id"])
    except NotFoundError:
        return None
    return actor if key["scopes"] is None else replace(actor, scopes=frozenset(key["scopes"]))


def _note_use(ports: Ports, key: Record, now: datetime) -> None:
    """Note that a key is in use. What happened to the key meanwhile stays as it is."""
    if key["used_at"] is not None and now - key["used_at"] < USE_NOTED_EVERY:
        return
    try:
        with ports.store.transaction() as transaction:
            present = transaction.get("api_key", key.id, Compare("organisation_id", "=", key.organisation_id))
            if in_force(present, now):
                transaction.update(present.with_fields(used_at=now))
    except (NotFoundError, UnavailableError):
        return  # the note is a help for people: without it the key still serves
