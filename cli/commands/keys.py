"""`bylaw keys create`."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path

import click

from cli.options import caller_options, json_option

PREFIX_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
PREFIX_LENGTH = 8
SECRET_BYTES = 32


@click.group("keys")
def command() -> None:
    """Make keys with which programs use the API."""


@command.command("create")
@click.argument("for_person", metavar="PERSON")
@click.option("--name", required=True, help="What the key is for, such as `nightly export`.")
@click.option("--days", type=click.IntRange(1, 3_650), default=90, show_default=True, help="Days until it expires.")
@caller_options
@json_option
def create(
    *,
    for_person: str,
    name: str,
    days: int,
    home: Path | None,
    organisation: str | None,
    person: str | None,
    as_json: bool,
) -> None:
    """Make a key with which a program acts as PERSON. It is shown this once; only its digest is kept."""
    from cli.opened import opened  # noqa: PLC0415  # keeps `bylaw --help` quick
    from cli.output import note, print_json, say  # noqa: PLC0415  # the same
    from engine.service.api_keys import create_api_key  # noqa: PLC0415  # the same

    token = new_token()
    with opened(home, organisation, person) as session:
        expires = session.caller.now + timedelta(days=days)
        made = create_api_key(session.ports, session.caller, for_person, name, token, expires_at=expires)
    if as_json:
        print_json({"id": made.id, "person_id": for_person, "name": name, "key": token, "expires_at": expires})
    else:
        say(token)
        note(f"It acts as `{for_person}` until {expires:%Y-%m-%d}. It is not shown again: keep it with your secrets.")


def new_token() -> str:
    """A fresh key: `byl_`, eight characters that find it, `_`, 256 random bits."""
    prefix = "".join(secrets.choice(PREFIX_ALPHABET) for _ in range(PREFIX_LENGTH))
    return f"byl_{prefix}_{secrets.token_urlsafe(SECRET_BYTES)}"
