"""`bylaw people link` and `unlink`."""

from __future__ import annotations

from typing import Unpack

import click

from cli.options import Whose, caller_options, json_option


@click.group("people")
def command() -> None:
    """Link people and applications of the directory to an identity provider's accounts."""


@command.command("link")
@click.argument("whom", metavar="PERSON")
@click.option("--issuer", required=True, help="The identity provider, as its tokens have it in `iss`.")
@click.option("--subject", required=True, help="The account, as its tokens have it in `sub`.")
@caller_options
@json_option
def link(*, whom: str, issuer: str, subject: str, as_json: bool, **whose: Unpack[Whose]) -> None:
    """Let the subject's tokens and sign-ins be PERSON, within the role and place that PERSON has here."""
    from cli.opened import opened
    from engine.service.identities import link_identity

    with opened(**whose) as session:
        linked = link_identity(session.ports, session.caller, whom, issuer, subject)
    _say(f"`{subject}` of {issuer} is `{linked.id}` from now on", linked.id, issuer, subject, as_json=as_json)


@command.command("unlink")
@click.argument("whom", metavar="PERSON")
@caller_options
@json_option
def unlink(*, whom: str, as_json: bool, **whose: Unpack[Whose]) -> None:
    """Refuse tokens and sign-ins of PERSON's account from now on."""
    from cli.opened import opened
    from engine.service.identities import unlink_identity

    with opened(**whose) as session:
        unlinked = unlink_identity(session.ports, session.caller, whom)
    _say(f"`{unlinked.id}` is linked to no account", unlinked.id, None, None, as_json=as_json)


def _say(sentence: str, person_id: str, issuer: str | None, subject: str | None, *, as_json: bool) -> None:
    from cli.output import print_json, say

    if as_json:
        print_json({"id": person_id, "identity_issuer": issuer, "identity_subject": subject})
    else:
        say(sentence)
