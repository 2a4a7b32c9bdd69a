"""`bylaw sync explain`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Unpack

import click

from cli.options import FILE, Whose, as_of_option, at_option, caller_options, json_option


@click.group("sync")
def command() -> None:
    """See how a conflict between device and server would end."""


@command.command("explain")
@click.argument("conflict", required=False)
@click.option("--facts", type=FILE, help="A JSON file with a conflict's facts, instead of a stored conflict.")
@click.option("--rule-set", help="This rule set instead of the conflict's own; needed with --facts.")
@at_option
@as_of_option
@caller_options
@json_option
def explain(
    *,
    conflict: str | None,
    facts: Path | None,
    rule_set: str | None,
    at: datetime | None,
    as_of: datetime | None,
    as_json: bool,
    **whose: Unpack[Whose],
) -> None:
    """Show the dry run of CONFLICT or of facts in a file: what would win, and why. Changes nothing.

    CONFLICT is the id of a conflict or of the record it is about, such as `deal-981`.
    """
    if (conflict is None) == (facts is None):
        raise click.UsageError("name a stored conflict, or give a file with --facts")
    if facts is not None and rule_set is None:
        raise click.UsageError("--facts needs --rule-set, such as `sync-conflict/deal`")
    from cli.decision_text import show_sync
    from cli.facts import facts_named, read_facts
    from cli.opened import opened
    from cli.output import print_json, say
    from engine.service.conflicts import explain_conflict, explain_sync, find_conflict

    given = read_facts(facts) if facts is not None else None
    with opened(**whose, else_shipped=given is not None) as session:
        ports, caller = session.ports, session.caller
        at, as_of = at or caller.now, as_of or caller.now
        if facts is not None:
            assert given is not None
            assert rule_set is not None
            with facts_named(facts):
                decision = explain_sync(ports, caller, rule_set, given, at=at, as_of=as_of)
        else:
            assert conflict is not None
            found = find_conflict(ports, caller, conflict)
            decision = explain_conflict(ports, caller, found.id, at=at, as_of=as_of, rule_set=rule_set)
        if as_json:
            print_json(decision.to_json())
        else:
            say("Dry run: nothing is changed.")
            show_sync(decision)
