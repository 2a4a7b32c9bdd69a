"""Linking people of our directory to the subjects that identity providers know them by.

An application or a device is a person of the directory too: a record with a name, a role and a place, linked to the
subject that its tokens carry. So nothing that it may do is taken from a token.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from engine.caller import Caller
from engine.ports import Ports
from engine.predicate import Compare, both
from engine.problems import ConflictError, DeniedError, InvalidError, Problem
from engine.records import Record
from engine.service.actions import READ, WRITE
from engine.service.auditing import Attempt, accepted, audited

LONGEST = 255


def link_identity(ports: Ports, caller: Caller, person_id: str, issuer: str, subject: str) -> Record:
    """Let an issuer's subject be this person. Linking anew replaces what was linked before.

    Raises `InvalidError` (`identity.link`) for an issuer that is no `https:` address or a subject that is no readable
    text, `NotFoundError` for a person whom the caller may not see, `DeniedError` unless the caller may change the
    person, `ConflictError` (`identity.linked_already`) if the subject is linked to somebody else.
    """
    return _linked(ports, caller, "identity.link", person_id, (issuer, subject))


def unlink_identity(ports: Ports, caller: Caller, person_id: str) -> Record:
    """End the link: tokens and sign-ins of the subject are refused from now on. Raises as `link_identity` does."""
    return _linked(ports, caller, "identity.unlink", person_id, None)


def _checked(issuer: str, subject: str) -> None:
    parts = urlsplit(issuer)
    if parts.scheme not in {"https", "http"} or not parts.netloc or len(issuer) > LONGEST or not issuer.isascii():
        message = "the issuer is not an address such as `https://id.example.com`"
        raise InvalidError(Problem("identity.link", message, help="write it as tokens have it in `iss`"))
    if not 1 <= len(subject) <= LONGEST or not subject.isprintable():
        raise InvalidError(
            Problem("identity.link", f"the subject has 1 to {LONGEST} readable characters", help="`sub` of the tokens")
        )


def _linked(ports: Ports, caller: Caller, action: str, person_id: str, account: tuple[str, str] | None) -> Record:
    issuer, subject = account or (None, None)
    attempt = [Attempt(action, "person", person_id[:200])]
    with audited(ports, caller, attempt):
        if account is not None:
            _checked(*account)
        visible = ports.authorizer.predicate(caller.actor, READ, "person")
        with ports.store.transaction() as transaction:
            person = transaction.get("person", person_id, visible)
            attempt[0] = Attempt(action, "person", person.id, person)
            if not ports.authorizer.allows(caller.actor, WRITE, person):
                raise DeniedError(
                    Problem("access.denied", "you may not change this person", help="administrators of the region may")
                )
            if account is not None:
                same = both(Compare("identity_subject", "=", account[1]), Compare("identity_issuer", "=", account[0]))
                others = transaction.find("person", same, limit=2).records
                if any(other.id != person.id or other.organisation_id != person.organisation_id for other in others):
                    raise ConflictError(
                        Problem("identity.linked_already", "the subject is linked to somebody else", help="unlink it")
                    )
            if (person["identity_issuer"], person["identity_subject"]) == (issuer, subject):
                return person
            changed = transaction.update(person.with_fields(identity_issuer=issuer, identity_subject=subject))
            transaction.append_audit(accepted(caller, action, before=person, after=changed))
    return changed
