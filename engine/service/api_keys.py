"""Keys with which programs ask as a person: shown once, kept as a digest, limited in time, revocable.

A key is `byl_<prefix>_<secret>`: eight characters that find it, then a secret of 256 random bits, made by the caller
because the engine knows no chance.
"""

from __future__ import annotations

import re
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest

from engine.caller import Actor, Caller
from engine.ports import Ports
from engine.predicate import Compare
from engine.problems import DeniedError, InvalidError, NotFoundError, Problem
from engine.records import Record
from engine.service.actions import WRITE
from engine.service.auditing import Attempt, accepted, audited
from engine.service.directory import actor_of

FORM = re.compile(r"byl_([a-z0-9]{8})_([A-Za-z0-9_-]{43})")
KEYS_PER_PREFIX = 10
LONGEST_NAME = 200
_NO_DIGEST = "0" * 64


def create_api_key(
    ports: Ports, caller: Caller, person_id: str, name: str, token: str, *, expires_at: datetime | None = None
) -> Record:
    """Keep a new key for a person; `token` is the whole key, of which only the digest is stored.

    Raises `DeniedError` unless the policies let the caller write keys, `NotFoundError` for a person who may not sign in
    or belongs to another organisation, `InvalidError` for a token of another form (`api_key.malformed`) or a name that
    says nothing or too much (`api_key.name`).
    """
    form = FORM.fullmatch(token)
    if form is None:
        raise InvalidError(
            Problem("api_key.malformed", "the key is not `byl_`, eight characters, `_` and 43 characters")
        )
    if not name.strip() or len(name) > LONGEST_NAME:
        message = f"a key's name has 1 to {LONGEST_NAME} characters"
        raise InvalidError(Problem("api_key.name", message, help="say what the key is for, such as `nightly export`"))
    key = Record(
        "api_key",
        ports.new_id(),
        caller.actor.organisation_id,
        {
            "person_id": person_id,
            "name": name,
            "prefix": form[1],
            "secret_digest": digest_of_token(token),
            "created_at": caller.now,
            "expires_at": expires_at,
            "revoked_at": None,
        },
    )
    with audited(ports, caller, [Attempt("api_key.create", "api_key", key.id, key)]):
        if not ports.authorizer.allows(caller.actor, WRITE, key):
            raise DeniedError(Problem("access.denied", "you may not make keys", help="a platform administrator may"))
        if actor_of(ports, person_id).organisation_id != caller.actor.organisation_id:
            raise NotFoundError(Problem("person.not_found", f"there is no person `{person_id[:80]}` who may sign in"))
        with ports.store.transaction() as transaction:
            made = transaction.insert(key)
            # The digest stays out of the log: it is no secret, but nobody needs it there.
            shown = {"person_id": {"before": None, "after": person_id}, "name": {"before": None, "after": key["name"]}}
            transaction.append_audit(accepted(caller, "api_key.create", after=made, changes=shown))
    return made


def actor_for_api_key(ports: Ports, token: str, now: datetime) -> Actor:
    """The actor that a key stands for. Raises `NotFoundError` (`api_key.refused`).

    Unknown, expired, revoked, and belonging to somebody who may not sign in any more look the same from outside.
    """
    refused = NotFoundError(Problem("api_key.refused", "the key is unknown, expired or revoked"))
    form = FORM.fullmatch(token)
    if form is None:
        raise refused
    digest = digest_of_token(token)
    found: Record | None = None
    for key in ports.store.find("api_key", Compare("prefix", "=", form[1]), limit=KEYS_PER_PREFIX).records:
        if compare_digest(str(key["secret_digest"]), digest):
            found = key
    # The same work is done for an unknown prefix, so that the time says nothing about which exist.
    if found is None and not compare_digest(_NO_DIGEST, digest):
        raise refused
    assert found is not None
    if found["revoked_at"] is not None or (found["expires_at"] is not None and found["expires_at"] <= now):
        raise refused
    try:
        actor = actor_of(ports, found["person_id"])
    except NotFoundError:
        raise refused from None
    if actor.organisation_id != found.organisation_id:
        raise refused
    return actor


def digest_of_token(token: str) -> str:
    """SHA-256 of the whole key, in hexadecimal. The secret is random, so a slow hash would protect nothing more."""
    return sha256(token.encode()).hexdigest()
