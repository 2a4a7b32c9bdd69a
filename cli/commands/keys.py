"""`bylaw keys make`, `list`, `rotate` and `revoke`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Unpack

import click

from cli.options import Whose, caller_options, json_option

if TYPE_CHECKING:
    from cli.opened import Opened
    from engine.records import Record

MOST_DAYS = 366
MOST_OVERLAP_HOURS = 168

days_option = click.option(
    "--days", type=click.IntRange(1, MOST_DAYS), default=90, show_default=True, help="Days until it expires."
)


@click.group("keys")
def command() -> None:
    """Make and end keys with which programs use the API."""


@command.command("make")
@click.argument("for_person", metavar="PERSON")
@click.option("--name", required=True, help="What the key is for, such as `nightly export`.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="What the key may do at most, such as `read:lead`; again for more. Whatever the person may by default.",
)
@days_option
@caller_options
@json_option
def make(
    *, for_person: str, name: str, scopes: tuple[str, ...], days: int, as_json: bool, **whose: Unpack[Whose]
) -> None:
    """Make a key with which a program acts as PERSON. It is shown this once; only its digest is kept."""
    from engine.service.key_ring import create_api_key

    def create(session: Opened, token: str) -> Record:
        life = timedelta(days=days)
        return create_api_key(session.ports, session.caller, for_person, name, token, scopes=scopes or None, life=life)

    _make_once(create, whose, as_json=as_json)


@command.command("list")
@click.option("--of", "owner", metavar="PERSON", help="Only this person's keys.")
@caller_options
@json_option
def list_keys(*, owner: str | None, as_json: bool, **whose: Unpack[Whose]) -> None:
    """List keys, the newest first. The keys themselves are not kept, so only how they begin is shown."""
    from cli.opened import opened
    from cli.output import print_json, say, table
    from cli.records import record_value
    from engine.service.key_ring import list_api_keys, state_of

    with opened(**whose) as session:
        keys = list_api_keys(session.ports, session.caller, person_id=owner)
        now = session.caller.now
    if as_json:
        print_json({"items": [{**record_value(key), "state": state_of(key, now)} for key in keys]})
        return
    if not keys:
        say("no key")
        return
    rows = [
        (
            key.id,
            f"byl_{key['prefix']}_…",
            key["name"],
            key["person_id"],
            "the whole role" if key["scopes"] is None else " ".join(key["scopes"]),
            state_of(key, now),
            key["expires_at"] and key["expires_at"].date(),
            key["used_at"] and key["used_at"].replace(minute=0, second=0, microsecond=0),
        )
        for key in keys
    ]
    table(("id", "begins", "name", "acts as", "scopes", "state", "until", "last used"), rows)


@command.command("rotate")
@click.argument("key_id", metavar="KEY")
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, MOST_OVERLAP_HOURS),
    default=24,
    show_default=True,
    help="Hours for which the old key serves still.",
)
@days_option
@caller_options
@json_option
def rotate(*, key_id: str, overlap_hours: int, days: int, as_json: bool, **whose: Unpack[Whose]) -> None:
    """Make a key in the place of KEY (an id), with the same person, name and scopes. It is shown this once."""
    from engine.service.key_ring import rotate_api_key

    def succeed(session: Opened, token: str) -> Record:
        overlap, life = timedelta(hours=overlap_hours), timedelta(days=days)
        return rotate_api_key(session.ports, session.caller, key_id, token, overlap=overlap, life=life)

    _make_once(succeed, whose, as_json=as_json)


@command.command("revoke")
@click.argument("key_id", metavar="KEY")
@caller_options
@json_option
def revoke(*, key_id: str, as_json: bool, **whose: Unpack[Whose]) -> None:
    """End KEY (an id) now: the next request with it is refused."""
    from cli.opened import opened
    from cli.output import print_json, say
    from cli.records import record_value
    from engine.service.key_ring import revoke_api_key

    with opened(**whose) as session:
        key = revoke_api_key(session.ports, session.caller, key_id)
    if as_json:
        print_json(record_value(key))
    else:
        say(f"`{key['name']}` of `{key['person_id']}` is revoked")


def _make_once(use_case: Callable[[Opened, str], Record], whose: Whose, *, as_json: bool) -> None:
    """Let a use case keep a new key, and show the key itself, which is kept nowhere."""
    from adapters.wiring import new_api_key
    from cli.opened import opened
    from cli.output import note, print_json, say
    from cli.records import record_value

    token = new_api_key()
    with opened(**whose) as session:
        made = use_case(session, token)
    if as_json:
        print_json({**record_value(made), "key": token})
        return
    say(token)
    until = f"{made['expires_at']:%Y-%m-%d}"
    note(f"It acts as `{made['person_id']}` until {until}. It is not shown again: keep it with your secrets.")
