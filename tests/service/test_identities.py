"""Accounts at identity providers: whom of the directory they are linked to, by whom, and when they are nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from world import as_person, insert, make_world, person, platform

from engine.ports import Ports, Store
from engine.predicate import Always
from engine.problems import BylawError
from engine.records import Record
from engine.service.directory import actor_of_subject
from engine.service.identities import link_identity, unlink_identity

ISSUER = "https://id.example.test"


@pytest.fixture
def ports(store: Store) -> Ports:
    made = make_world(store=store)
    insert(
        made,
        Record("region", "r2", "acme", {"name": "South"}),
        person("abroad", "sales_rep", region_id="r2"),
        person("gone", "sales_rep", active=False),
        person("machine", "nonsense"),
        Record("organisation", "rival", "rival", {"name": "Rival", "currency": "USD", "example": False}),
        Record("person", "spy", "rival", {"name": "Spy", "role": "platform_admin", "active": True}),
    )
    return made


def code(call: Callable[[], Any]) -> str:
    """The code that a call is refused with, empty if it is not."""
    try:
        call()
    except BylawError as error:
        return error.code
    return ""


def test_a_linked_account_is_its_person(ports: Ports) -> None:
    """What is taken from a provider is who it is; role and place come from the directory."""
    link_identity(ports, as_person(ports, "admin"), "rep", ISSUER, "app-1")
    assert as_person(ports, "rep").actor == actor_of_subject(ports, ISSUER, "app-1")


@pytest.mark.parametrize(
    ("issuer", "subject"),
    [(ISSUER, "app-2"), (ISSUER, "APP-1"), (ISSUER, "app-1 "), (ISSUER, ""), ("", "app-1"), (f"{ISSUER}/", "app-1"),
     ("https://other.example.test", "app-1")],
)  # fmt: skip
def test_accounts_that_are_nobodys(ports: Ports, issuer: str, subject: str) -> None:
    """An account is known by its issuer and subject, letter for letter, and by both."""
    link_identity(ports, as_person(ports, "admin"), "rep", ISSUER, "app-1")
    assert "identity.unknown_subject" == code(lambda: actor_of_subject(ports, issuer, subject))


@pytest.mark.parametrize("whom", ["gone", "machine"])
def test_accounts_of_people_who_may_not_sign_in(ports: Ports, whom: str) -> None:
    """Somebody who has left, or has no role that people have, is nobody for a provider's word too."""
    link_identity(ports, platform(), whom, ISSUER, "app-1")
    assert "identity.unknown_subject" == code(lambda: actor_of_subject(ports, ISSUER, "app-1"))


@pytest.mark.parametrize(
    ("by", "whom", "expected"),
    [("rep", "rep", "access.denied"), ("manager", "rep", "access.denied"), ("rep", "far", "record.not_found"),
     ("admin", "abroad", "record.not_found"), ("admin", "spy", "record.not_found"), ("admin", "rep", "")],
)  # fmt: skip
def test_who_links_accounts(ports: Ports, by: str, whom: str, expected: str) -> None:
    """Whoever may change a person's record: nobody for themselves, administrators within their region."""
    assert expected == code(lambda: link_identity(ports, as_person(ports, by), whom, ISSUER, "app-1"))
    entry = next(iter(ports.store.scan("audit_entry", Always())))
    assert ("identity.link", "denied" if expected else "accepted") == (entry["action"], entry["outcome"])


def test_an_account_is_one_person(ports: Ports) -> None:
    """An account is linked to one person of all organisations, and a person to one account."""
    link_identity(ports, as_person(ports, "admin"), "rep", ISSUER, "app-1")
    again = link_identity(ports, as_person(ports, "admin"), "rep", ISSUER, "app-1")
    assert 2 == again.revision  # linking what is linked changes nothing
    assert "identity.linked_already" == code(
        lambda: link_identity(ports, as_person(ports, "admin"), "other", ISSUER, "app-1")
    )
    assert "identity.linked_already" == code(lambda: link_identity(ports, platform("rival"), "spy", ISSUER, "app-1"))
    link_identity(ports, as_person(ports, "admin"), "rep", ISSUER, "app-2")
    assert "identity.unknown_subject" == code(lambda: actor_of_subject(ports, ISSUER, "app-1"))


def test_an_account_that_two_have_is_nobodys(ports: Ports) -> None:
    """Should two people have come to the same account, it does not say who asks, so nobody does."""
    link_identity(ports, as_person(ports, "admin"), "rep", ISSUER, "app-1")
    spy = ports.store.get("person", "spy", Always())
    with ports.store.transaction() as transaction:
        transaction.update(spy.with_fields(identity_issuer=ISSUER, identity_subject="app-1"))
    assert "identity.unknown_subject" == code(lambda: actor_of_subject(ports, ISSUER, "app-1"))


def test_unlinking(ports: Ports) -> None:
    """What is unlinked is nobody's at once."""
    link_identity(ports, as_person(ports, "admin"), "rep", ISSUER, "app-1")
    unlink_identity(ports, as_person(ports, "admin"), "rep")
    assert "identity.unknown_subject" == code(lambda: actor_of_subject(ports, ISSUER, "app-1"))
    assert "access.denied" == code(lambda: unlink_identity(ports, as_person(ports, "manager"), "rep"))


@pytest.mark.parametrize(
    ("issuer", "subject"),
    [("", "a"), ("id.example.test", "a"), ("ftp://id.example.test", "a"), ("https://", "a"), (ISSUER, ""),
     (ISSUER, "a" * 256), (ISSUER, "a\nb"), ("https://" + "i" * 255, "a"), ("https://idé.test", "a")],
)  # fmt: skip
def test_what_cannot_be_linked(ports: Ports, issuer: str, subject: str) -> None:
    """An issuer is an address, a subject a readable text that is not too long."""
    assert "identity.link" == code(lambda: link_identity(ports, platform(), "rep", issuer, subject))
