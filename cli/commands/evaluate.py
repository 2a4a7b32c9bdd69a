"""`bylaw evaluate`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Unpack

import click

from cli.options import FILE, Whose, as_of_option, at_option, caller_options, json_option


@click.command("evaluate")
@click.argument("rule_set", metavar="RULE-SET")
@click.option("--facts", type=FILE, required=True, help="A JSON file with the facts; `-` reads standard input.")
@click.option("--version", "number", type=click.IntRange(min=1), help="This version instead of the one in force.")
@at_option
@as_of_option
@click.option("--explain", is_flag=True, help="Show why, why not, and the digests too.")
@click.option("--nearest", is_flag=True, help="Say what would have to be different for the next outcome.")
@click.option(
    "--target", "targets", metavar="NAME=VALUE", multiple=True, help="The same for this member of the outcome, band=A."
)
@click.option("--fixed", metavar="FACT", multiple=True, help="A fact that stays as it is in what --nearest says.")
@click.option("--rules", type=FILE, help="Use the rule files of this folder instead of what is published.")
@caller_options
@json_option
def command(
    *,
    rule_set: str,
    facts: Path,
    number: int | None,
    at: datetime | None,
    as_of: datetime | None,
    rules: Path | None,
    explain: bool,
    nearest: bool,
    targets: tuple[str, ...],
    fixed: tuple[str, ...],
    as_json: bool,
    **whose: Unpack[Whose],
) -> None:
    """Ask RULE-SET (such as `lead-priority/inbound`) about some facts.

    With --json the answer is the API's, byte for byte, reasons included.
    """
    if rules is not None and any(one is not None for one in whose.values()):
        raise click.UsageError("--rules decides by files alone: leave out --home, --organisation and --as")
    from cli.decision_text import show_change, show_decision
    from cli.facts import facts_named, read_facts, read_target
    from cli.opened import opened, rule_files
    from cli.output import print_json
    from engine.service.evaluate import evaluate, nearest_change

    given, target, change = read_facts(facts), read_target(targets), None
    with rule_files(rules) if rules else opened(**whose, else_shipped=True) as session:
        instant = session.caller.now
        with facts_named(facts):
            decision = evaluate(
                session.ports,
                session.caller,
                rule_set,
                given,
                at=at or instant,
                as_of=as_of or instant,
                version=number,
            )
            if nearest or target or fixed:
                change = nearest_change(
                    session.ports,
                    session.caller,
                    rule_set,
                    given,
                    at=decision.at,
                    as_of=decision.as_of,
                    version=number,
                    target=target,
                    fixed=fixed,
                )
        if as_json:
            print_json(decision.to_json() | ({"nearest": change.to_json()} if change is not None else {}))
        else:
            show_decision(decision, explain=explain)
            if change is not None:
                show_change(change)
