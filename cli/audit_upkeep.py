"""`bylaw audit key`, `checkpoint`, `role`, `erase`: what keeps the log trustworthy, what takes a name out of it."""

from __future__ import annotations

from typing import Unpack

import click

from cli.options import Whose, caller_options, json_option


@click.command("key")
@caller_options
@json_option
def key(*, as_json: bool, **whose: Unpack[Whose]) -> None:
    """Show the public key that checks the log's checkpoints. Give it to auditors by another way than the log."""
    from cli.opened import opened
    from cli.output import note, print_json, say

    with opened(**whose, log=True) as session:
        found = session.wiring.signer.key(session.organisation_id)
    if as_json:
        print_json({"log": found.name, "key": str(found), "fingerprint": found.fingerprint})
        return
    say(str(found))
    note(f"SHA-256 of the key: {found.fingerprint}")


@click.command("checkpoint")
@caller_options
@json_option
def checkpoint(*, as_json: bool, **whose: Unpack[Whose]) -> None:
    """Sign a checkpoint of the log as it stands, and print the signed note: keep it where this machine cannot write."""
    from cli.opened import opened
    from cli.output import note, print_json, say
    from engine.service.checkpoints import take_checkpoint

    with opened(**whose, log=True) as session:
        made = take_checkpoint(session.ports, session.wiring.signer, session.organisation_id, session.caller.now)
    if as_json:
        names = ("size", "root", "note", "at")
        print_json(None if made is None else {"id": made.id, **{name: made[name] for name in names}})
    elif made is None:
        note("the log has no entries yet")
    else:
        say(made["note"].rstrip("\n"))


@click.command("role")
@click.option("--database", required=True, metavar="NAME", help="The database's name in MongoDB.")
def role(*, database: str) -> None:
    """Print MongoDB's command for the role to run with: it adds to the log, and can neither change nor remove there."""
    from adapters.wiring import append_only_role
    from cli.output import print_json

    print_json(append_only_role(database))


@click.command("erase")
@click.option("--subject", required=True, help="Whom: `person/ID` or `lead/ID`.")
@click.option("--reason", required=True, help="Why, for the log. Name the request, and nobody.")
@caller_options
@json_option
def erase(*, subject: str, reason: str, as_json: bool, **whose: Unpack[Whose]) -> None:
    """Make what the log and the records say about somebody unreadable for ever. Every proof stays valid."""
    from cli.opened import opened
    from cli.output import print_json, say
    from engine.service.erasure import erase_subject

    with opened(**whose) as session:
        done = erase_subject(session.ports, session.caller, subject, reason)
    if as_json:
        print_json({"subject": done.subject, "records": done.records, "done_before": done.done_before})
    elif done.done_before:
        say(f"`{done.subject}` was erased before")
    else:
        say(f"erased `{done.subject}`: the log's key is destroyed, records overwritten: {done.records:,}")
