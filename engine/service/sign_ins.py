"""From a proved identity to a person of our own directory: role and place come from there and from nowhere else.

An identity is a provider's issuer and subject, which never change and are never given to somebody else. It is linked to
a person once, by an e-mail address that the provider vouches for and that exactly one person has; from then on the
address no longer matters, for addresses are handed on.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NoReturn

from engine.caller import Actor, Caller
from engine.ports import Ports, VerifiedIdentity
from engine.predicate import Always, Compare, both
from engine.problems import DeniedError, Problem, StaleError
from engine.records import Record
from engine.service.actions import WRITE
from engine.service.auditing import Attempt, accepted, audited
from engine.service.directory import actor_from, may_sign_in, organisations

LINK = "identity.link"
"""The audit entry's action for the one time that an identity becomes a person's."""

_LOWER = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def person_for(ports: Ports, identity: VerifiedIdentity, now: datetime, request_id: str) -> Actor:
    """The actor whom a proved identity belongs to; links it if it is new and the e-mail address says whose it is.

    Raises `DeniedError`: `identity.unknown_person` for somebody who is not in the directory or may not sign in,
    `identity.email_unverified`, `identity.email_ambiguous`, `identity.linked_elsewhere`, `identity.linked_twice`.
    """
    linked = _linked(ports, identity)
    if linked is not None:
        if not may_sign_in(linked):
            _unknown()
        return actor_from(linked)
    return _link(ports, _found_by_email(ports, identity), identity, now, request_id)


def check_may_see_sessions(ports: Ports, caller: Caller, person_id: str) -> None:
    """That the caller may see where this person is signed in: those may who may end it.

    Raises `NotFoundError` for nobody whom the caller may read, `DeniedError` for the others.
    """
    _check_may_change(ports, caller, _readable(ports, caller, person_id))


def check_may_end_sessions(ports: Ports, caller: Caller, person_id: str) -> None:
    """That the caller may end this person's sessions: whoever may change a person's record may lock them out.

    Raises as `check_may_see_sessions`, and leaves an entry, since it is asked before something is done.
    """
    attempt = [Attempt("session.end", "person", person_id)]
    with audited(ports, caller, attempt):
        person = _readable(ports, caller, person_id)
        attempt[0] = Attempt("session.end", "person", person_id, person)
        _check_may_change(ports, caller, person)


def _readable(ports: Ports, caller: Caller, person_id: str) -> Record:
    return ports.store.get("person", person_id, ports.authorizer.predicate(caller.actor, "read", "person"))


def _check_may_change(ports: Ports, caller: Caller, person: Record) -> None:
    if not ports.authorizer.allows(caller.actor, WRITE, person):
        message = "you may not see or end these sessions"
        raise DeniedError(Problem("access.denied", message, help="a platform administrator may"))


def _linked(ports: Ports, identity: VerifiedIdentity) -> Record | None:
    """The person whom the account is linked to. One that two organisations linked at once is nobody's in particular."""
    found: list[Record] = []
    for organisation in organisations(ports):
        theirs = both(
            Compare("organisation_id", "=", organisation.id),
            Compare("identity_subject", "=", identity.subject),
            Compare("identity_issuer", "=", identity.issuer),
        )
        found.extend(ports.store.find("person", theirs, limit=2).records)
    if len(found) > 1:
        raise DeniedError(
            Problem(
                "identity.linked_twice",
                "your account is linked to several people in the directory, so it does not say who you are",
                help="whoever looks after the directory takes one of the links away with `bylaw people unlink`",
            )
        )
    return found[0] if found else None


def _found_by_email(ports: Ports, identity: VerifiedIdentity) -> Record:
    """The one person who has the address. Letter case is ignored for ASCII only: other letters fold onto each other."""
    if not identity.email:
        raise DeniedError(
            Problem(
                "identity.email_unverified",
                "the identity provider does not vouch for an e-mail address of yours, by which you could be found",
                help="verify your e-mail address there, then sign in again",
            )
        )
    wanted = identity.email.translate(_LOWER)
    found = [person for person in _people(ports) if (person["email"] or "").translate(_LOWER) == wanted]
    if len(found) > 1:
        raise DeniedError(
            Problem(
                "identity.email_ambiguous",
                "several people in the directory have your e-mail address, so it does not say who you are",
                help="whoever looks after the directory can correct it",
            )
        )
    if not found:
        _unknown()
    return found[0]


def _people(ports: Ports) -> Iterator[Record]:
    return (person for person in ports.store.scan("person", Always()) if may_sign_in(person))


def _link(ports: Ports, person: Record, identity: VerifiedIdentity, now: datetime, request_id: str) -> Actor:
    actor = actor_from(person)
    if person["identity_subject"] is not None:
        _linked_elsewhere()
    linked = person.with_fields(identity_issuer=identity.issuer, identity_subject=identity.subject)
    try:
        with ports.store.transaction() as transaction:
            stored = transaction.update(linked)
            entry = accepted(Caller(actor, now, "console", request_id), LINK, before=person, after=stored)
            transaction.append_audit(entry)
    except StaleError:
        # Two sign-ins at once: whoever came first is linked.
        again = _linked(ports, identity)
        if again is None:
            _linked_elsewhere()
        return actor_from(again)
    return actor


def _unknown() -> NoReturn:
    raise DeniedError(
        Problem(
            "identity.unknown_person",
            "you have proved who you are, but the directory has nobody of your e-mail address who may sign in",
            help="whoever looks after the directory can add you, with the e-mail address that you use there",
        )
    )


def _linked_elsewhere() -> NoReturn:
    raise DeniedError(
        Problem(
            "identity.linked_elsewhere",
            "the person of your e-mail address signs in with another account",
            help="use that account; if it is gone, whoever looks after the directory can take the link away",
        )
    )
