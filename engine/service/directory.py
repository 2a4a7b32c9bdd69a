"""Who is who: actors from our own directory, never from a claim."""

from __future__ import annotations

from engine.caller import ROLES, Actor, Caller
from engine.ports import Ports, Reader
from engine.predicate import Always, Compare, In, Predicate, both, either
from engine.problems import NotFoundError, Problem
from engine.records import Record
from engine.service.actions import READ

SERVICE_ROLE = "service"
"""The role of the platform's own jobs and imports; explicit in the policies, given to no person."""
SERVICE_ID = "service"

_APART = chr(31)
"""Between an organisation's id and a person's: no id has it, because none that is not printable is looked for."""


def service_actor(organisation_id: str) -> Actor:
    """The platform itself within one organisation: imports, seeding and jobs that nobody in particular started."""
    return Actor(SERVICE_ID, "Bylaw", SERVICE_ROLE, organisation_id, region_id="", branch_id="", team_id="")


def actor_of(ports: Ports, person_id: str, organisation_id: str | None = None) -> Actor:
    """The actor that a person is now; without an organisation, of the one organisation that has such a person.

    Only where somebody types who they are: whatever is kept about a person names the organisation too. Raises
    `NotFoundError`: `person.not_found` for nobody and for inactive people, `person.ambiguous` where two organisations
    have such a person, for ids are each organisation's own.
    """
    if organisation_id is not None:
        return actor_in(ports.store, organisation_id, person_id)
    # Who signs in has no rights to ask with yet.
    found = ports.store.find("person", Compare("id", "=", person_id), limit=2).records
    if len(found) > 1:
        raise NotFoundError(
            Problem(
                "person.ambiguous",
                f"several organisations have a person `{person_id[:80]}`",
                help="say which organisation is meant",
            )
        )
    return _actor(next(iter(found), None), person_id)


def actor_in(reader: Reader, organisation_id: str, person_id: str) -> Actor:
    """The actor that an organisation's person is now, or is in a transaction.

    Raises `NotFoundError` (`person.not_found`) for nobody and for inactive people.
    """
    try:
        person = reader.get("person", person_id, Compare("organisation_id", "=", organisation_id))
    except NotFoundError:
        person = None
    return _actor(person, person_id)


def person_key_of(organisation_id: str, person_id: str) -> str:
    """What names a person among those of all organisations: sessions are kept and requests counted under it."""
    return f"{organisation_id}{_APART}{person_id}"


def actor_of_person_key(ports: Ports, person_key: str) -> Actor:
    """The actor whose key `person_key_of` made. Raises as `actor_in` does."""
    organisation_id, _, person_id = person_key.partition(_APART)
    return actor_in(ports.store, organisation_id, person_id)


def _actor(person: Record | None, person_id: str) -> Actor:
    if person is None or not may_sign_in(person):
        raise NotFoundError(Problem("person.not_found", f"there is no person `{person_id[:80]}` who may sign in"))
    return actor_from(person)


def actor_of_subject(ports: Ports, issuer: str, subject: str) -> Actor:
    """The actor whom an identity provider's subject is linked to: the whole of what is taken from a provider's word.

    Raises `NotFoundError` (`identity.unknown_subject`) where it is linked to nobody, to somebody who may not sign in,
    or, because two organisations linked it, to nobody in particular.
    """
    linked = both(Compare("identity_subject", "=", subject), Compare("identity_issuer", "=", issuer))
    found = ports.store.find("person", linked, limit=2).records if issuer and subject else ()
    if len(found) == 1 and may_sign_in(found[0]):
        return actor_from(found[0])
    raise NotFoundError(
        Problem(
            "identity.unknown_subject",
            "the identity provider vouches for somebody whom the directory does not link to anybody who may sign in",
            help="an administrator links people with `bylaw people link`",
        )
    )


def may_sign_in(person: Record) -> bool:
    """Whether this is somebody with a role who has not left."""
    return person["active"] is not False and person["role"] in ROLES


def actor_from(person: Record) -> Actor:
    """The actor for a person's record."""
    return Actor(
        id=person.id,
        name=person["name"],
        role=person["role"],
        organisation_id=person.organisation_id,
        region_id=person["region_id"] or "",
        branch_id=person["branch_id"] or "",
        team_id=person["team_id"] or "",
        territory_ids=tuple(person["territory_ids"] or ()),
    )


def people_for_sign_in(ports: Ports) -> tuple[Record, ...]:
    """Everybody the local sign-in offers: active people of every organisation, the example people first, then by name.

    Only for the built-in sign-in on loopback, which stands in for an identity provider.
    """
    people = ports.store.scan("person", In("role", ROLES))
    active = [person for person in people if person["active"] is not False]
    return tuple(
        sorted(
            active, key=lambda person: (not person["example"], ROLES.index(person["role"]), person["name"], person.id)
        )
    )


def people_known_to(ports: Ports, caller: Caller) -> Predicate:
    """The people whom a caller may name in a record: the caller, and those whom the caller may read.

    Anybody else is to the caller as somebody who does not exist: a denial instead would tell that there is somebody of
    this id in another region or branch.
    """
    actor = caller.actor
    oneself = both(Compare("organisation_id", "=", actor.organisation_id), Compare("id", "=", actor.id))
    return either(oneself, ports.authorizer.predicate(actor, READ, "person"))


def place_of_owner(reader: Reader, known: Predicate, owner_id: str) -> dict[str, str | None] | None:
    """The place fields of what this person owns, or None if there is no such person among the `known`.

    The territory is the person's main one: the person's own `territory_id`, else the first that the person works.
    """
    try:
        person = reader.get("person", owner_id, known)
    except NotFoundError:
        return None
    return place_owned_by(person)


def place_owned_by(person: Record) -> dict[str, str | None]:
    """The same for a person's record at hand."""
    territories = person["territory_ids"] or ()
    return {
        "region_id": person["region_id"],
        "branch_id": person["branch_id"],
        "team_id": person["team_id"],
        "owner_id": person.id,
        "territory_id": person["territory_id"] or (territories[0] if territories else None),
    }


def organisations(ports: Ports) -> tuple[Record, ...]:
    """Every organisation in the store, the example one last: for the command line's default."""
    return tuple(
        sorted(ports.store.scan("organisation", Always()), key=lambda known: (bool(known["example"]), known.id))
    )


def only_organisation(known: tuple[Record, ...]) -> Record | None:
    """Which organisation is meant where none is named: the only one there is, beside the example one."""
    own = [organisation for organisation in known if not organisation["example"]] or list(known)
    return own[0] if len(own) == 1 else None


def people_with_roles(reader: Reader, organisation_id: str, roles: tuple[str, ...]) -> tuple[Record, ...]:
    """The organisation's people of these roles, by id; inactive people too, for what they earned stays theirs."""
    wanted = both(Compare("organisation_id", "=", organisation_id), In("role", roles))
    return tuple(reader.scan("person", wanted))
