"""Keys of programs: made, listed, rotated and revoked, each within what the policies and one's own scopes allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engine.caller import Caller
from engine.ports import AuditDraft, Ports, Reader, Sort, Transaction
from engine.predicate import Compare, both
from engine.problems import ConflictError, DeniedError, InvalidError, NotFoundError, Problem
from engine.records import Record
from engine.scopes import covers, is_scope
from engine.service.actions import READ, WRITE
from engine.service.api_keys import FORM, digest_of_token, in_force
from engine.service.auditing import Attempt, accepted, audited, changes_between
from engine.service.directory import may_sign_in
from engine.service.fields import is_kept

DEFAULT_LIFE = timedelta(days=90)
LONGEST_LIFE = timedelta(days=366)
SHORTEST_LIFE = timedelta(minutes=1)
DEFAULT_OVERLAP = timedelta(days=1)
LONGEST_OVERLAP = timedelta(days=7)
LONGEST_NAME = 200
MOST_KEYS = 25
"""In force for one person."""
MOST_SCOPES = 50
MOST_LISTED = 1_000

_NEWEST_FIRST = (Sort("created_at", descending=True),)


def create_api_key(
    ports: Ports,
    caller: Caller,
    person_id: str,
    name: str,
    token: str,
    *,
    scopes: Iterable[str] | None = None,
    life: timedelta = DEFAULT_LIFE,
    key_id: str | None = None,
) -> Record:
    """Keep a new key for a person; `token` is the whole key, of which only the digest is stored.

    `scopes` None lets the key do whatever the person may. Raises `DeniedError` unless the policies let the caller write
    the key and, for somebody else's, that person; `NotFoundError` (`person.not_found`) for a person whom the caller may
    not see or who may not sign in; `InvalidError` for a text of another form (`api_key.malformed`), a name that
    says nothing or too much (`api_key.name`), a life that is too long (`api_key.lifetime`), scopes that do not exist or
    are more than the caller's own (`api_key.scopes`); `ConflictError` for one key too many (`api_key.too_many`).
    """
    new_id = key_id or ports.new_id()
    attempt = [Attempt("api_key.create", "api_key", new_id)]
    with audited(ports, caller, attempt):
        allowed = _checked_scopes(caller, scopes)
        wanted = _Wanted(new_id, person_id, _checked_name(name), allowed, _checked_life(life))
        key = _fresh(caller, wanted, token)
        attempt[0] = replace(attempt[0], record=key)
        _require_write(ports, caller, key)
        with ports.store.transaction() as transaction:
            _require_person(ports, caller, transaction, person_id)
            _require_room(transaction, caller, person_id)
            made = transaction.insert(key)
            transaction.append_audit(_creation(caller, made))
    return presented(made)


def list_api_keys(ports: Ports, caller: Caller, *, person_id: str | None = None) -> tuple[Record, ...]:
    """The keys that the caller may see, the newest first, without their digests; of one person or of all."""
    scope = ports.authorizer.predicate(caller.actor, READ, "api_key")
    if person_id is not None:
        scope = both(scope, Compare("person_id", "=", person_id))
    found = ports.store.find("api_key", scope, sort=_NEWEST_FIRST, limit=MOST_LISTED)
    return tuple(presented(key) for key in found.records)


def get_api_key(ports: Ports, caller: Caller, key_id: str) -> Record:
    """One key without its digest. Raises `NotFoundError` for one that the caller may not see."""
    return presented(ports.store.get("api_key", key_id, ports.authorizer.predicate(caller.actor, READ, "api_key")))


def rotate_api_key(
    ports: Ports,
    caller: Caller,
    old_id: str,
    token: str,
    *,
    overlap: timedelta = DEFAULT_OVERLAP,
    life: timedelta = DEFAULT_LIFE,
    key_id: str | None = None,
) -> Record:
    """Keep a new key in the place of an old one, which serves for the `overlap` still, or until its own end.

    The new key has the old one's person, name and scopes. Raises `NotFoundError` for a key that the caller may not see,
    `DeniedError` for one that the caller may not change, `ConflictError` (`api_key.ended`) for one that is revoked,
    expired or replaced, `InvalidError` as `create_api_key` does and for an overlap that is too long
    (`api_key.overlap`).
    """
    fresh_id = key_id or ports.new_id()
    with _changing(ports, caller, "api_key.rotate", old_id) as (transaction, old):
        life = _checked_life(life)
        if not timedelta() <= overlap <= LONGEST_OVERLAP:
            message = f"two keys serve side by side for 0 to {LONGEST_OVERLAP.days} days"
            raise InvalidError(Problem("api_key.overlap", message))
        if not in_force(old, caller.now) or old["replaced_by"] is not None:
            raise ConflictError(Problem("api_key.ended", "the key is revoked, expired or replaced already"))
        wanted = _Wanted(fresh_id, old["person_id"], old["name"], _checked_scopes(caller, old["scopes"]), life)
        made = transaction.insert(_fresh(caller, wanted, token))
        end = min(old["expires_at"], caller.now + overlap)
        ended = transaction.update(old.with_fields(replaced_by=made.id, expires_at=end))
        transaction.append_audit(accepted(caller, "api_key.rotate", before=old, after=ended))
        transaction.append_audit(_creation(caller, made))
    return presented(made)


def revoke_api_key(ports: Ports, caller: Caller, key_id: str) -> Record:
    """End a key now: the next request with it is refused. Revoking one that is revoked changes nothing.

    Raises `NotFoundError` for a key that the caller may not see, `DeniedError` for one that the caller may not change.
    """
    with _changing(ports, caller, "api_key.revoke", key_id) as (transaction, key):
        if key["revoked_at"] is not None:
            return presented(key)
        revoked = transaction.update(key.with_fields(revoked_at=caller.now))
        transaction.append_audit(accepted(caller, "api_key.revoke", before=key, after=revoked))
    return presented(revoked)


def presented(key: Record) -> Record:
    """A key as it is shown: the digest is nobody's business."""
    return replace(key, fields={name: value for name, value in key.fields.items() if name != "secret_digest"})


def state_of(key: Record, now: datetime) -> str:
    """`active`, `replaced` (it serves until the overlap is over), `expired` or `revoked`."""
    if key["revoked_at"] is not None:
        return "revoked"
    if not in_force(key, now):
        return "expired"
    return "active" if key["replaced_by"] is None else "replaced"


@contextmanager
def _changing(ports: Ports, caller: Caller, action: str, key_id: str) -> Iterator[tuple[Transaction, Record]]:
    """A transaction that holds the key as it is now, for somebody who may change it. Refused attempts are logged."""
    attempt = [Attempt(action, "api_key", key_id[:200])]
    with audited(ports, caller, attempt):
        visible = ports.authorizer.predicate(caller.actor, READ, "api_key")
        with ports.store.transaction() as transaction:
            key = transaction.get("api_key", key_id, visible)
            attempt[0] = Attempt(action, "api_key", key.id, key)
            _require_write(ports, caller, key)
            yield transaction, key


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a new key is to be, checked."""

    key_id: str
    person_id: str
    name: str
    scopes: tuple[str, ...] | None
    life: timedelta


def _fresh(caller: Caller, wanted: _Wanted, token: str) -> Record:
    form = FORM.fullmatch(token)
    if form is None:
        raise InvalidError(
            Problem("api_key.malformed", "the key is not `byl_`, eight characters, `_` and 43 characters")
        )
    fields = {
        "person_id": wanted.person_id,
        "name": wanted.name,
        "prefix": form[1],
        "secret_digest": digest_of_token(token),
        "made_by": caller.actor.id,
        "scopes": wanted.scopes,
        "created_at": caller.now,
        "expires_at": caller.now + wanted.life,
    }
    return Record("api_key", wanted.key_id, caller.actor.organisation_id, fields)


def _checked_name(name: str) -> str:
    if not name.strip() or len(name) > LONGEST_NAME or not is_kept(name):
        message = f"a key's name has 1 to {LONGEST_NAME} characters, none of them NUL"
        raise InvalidError(Problem("api_key.name", message, help="say what the key is for, such as `nightly export`"))
    return name.strip()


def _checked_life(life: timedelta) -> timedelta:
    if not SHORTEST_LIFE <= life <= LONGEST_LIFE:
        message = f"a key lasts from a minute to {LONGEST_LIFE.days} days"
        raise InvalidError(Problem("api_key.lifetime", message, help="rotate it in time instead"))
    return life


def _checked_scopes(caller: Caller, scopes: Iterable[str] | None) -> tuple[str, ...] | None:
    """The scopes in order, each once. Whoever asks with a key or token hands on no more than its own scopes."""
    wanted = None if scopes is None else tuple(sorted(set(scopes)))
    if wanted is not None:
        unknown = next((scope for scope in wanted if not is_scope(scope)), None)
        if unknown is not None:
            message = f"there is no scope `{unknown[:80]}`"
            raise InvalidError(
                Problem("api_key.scopes", message, help="such as `read:lead`, `write:*` or `region:north`")
            )
        if not 1 <= len(wanted) <= MOST_SCOPES:
            raise InvalidError(Problem("api_key.scopes", f"a key has 1 to {MOST_SCOPES} scopes, or the whole role"))
    if not covers(caller.actor.scopes, wanted):
        raise InvalidError(
            Problem("api_key.scopes", "a key or token makes no key that may do more than itself", help="name scopes")
        )
    return wanted


def _require_write(ports: Ports, caller: Caller, key: Record) -> None:
    if not ports.authorizer.allows(caller.actor, WRITE, key):
        raise DeniedError(
            Problem("access.denied", "you may not make or change this key", help="its owner and administrators may")
        )


def _require_person(ports: Ports, caller: Caller, reader: Reader, person_id: str) -> None:
    """The key's person may sign in and is the caller, or somebody whose record the caller may change.

    Otherwise a key for somebody in another region would be a way around the partition.
    """
    own = Compare("organisation_id", "=", caller.actor.organisation_id)
    missing = NotFoundError(Problem("person.not_found", f"there is no person `{person_id[:80]}` who may sign in"))
    try:
        person = reader.get("person", person_id, own)
    except NotFoundError:
        raise missing from None
    if not may_sign_in(person):
        raise missing
    if person.id != caller.actor.id and not ports.authorizer.allows(caller.actor, WRITE, person):
        if not ports.authorizer.allows(caller.actor, READ, person):
            raise missing
        raise DeniedError(Problem("access.denied", "you may not make a key for this person"))


def _require_room(reader: Reader, caller: Caller, person_id: str) -> None:
    own = both(Compare("organisation_id", "=", caller.actor.organisation_id), Compare("person_id", "=", person_id))
    alive = reader.scan("api_key", both(own, Compare("expires_at", ">", caller.now)))
    if sum(in_force(key, caller.now) for key in alive) >= MOST_KEYS:
        message = f"the person has {MOST_KEYS} keys in force, as many as one may have"
        raise ConflictError(Problem("api_key.too_many", message, help="revoke one that is not used any more"))


def _creation(caller: Caller, made: Record) -> AuditDraft:
    """The entry of a new key. The digest stays out of the log: it is no secret, but nobody needs it there."""
    return accepted(caller, "api_key.create", after=made, changes=changes_between(None, presented(made)))
