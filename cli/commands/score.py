"""`bylaw score leads`."""

from __future__ import annotations

from typing import Any, Unpack

import click

from cli.options import Whose, caller_options, json_option


@click.group("score")
def command() -> None:
    """Score leads again."""


@command.command("leads")
@click.option("--rule-set", help="Only this rule set, and only the leads whose facts it reads.")
@click.option("--background", is_flag=True, help="Leave it to the workers and come back at once.")
@caller_options
@json_option
@click.pass_context
def leads(
    context: click.Context, *, rule_set: str | None, background: bool, as_json: bool, **whose: Unpack[Whose]
) -> None:
    """Score every lead with the rule set in force for its facts, and count the bands.

    A lead whose facts are all missing is not scored, one that a gate excludes has no band; both are counted.
    """
    from cli.foreground import run_or_enqueue
    from cli.opened import opened
    from engine.service.leads import start_scoring

    with opened(**whose) as session:
        job = start_scoring(session.ports, session.caller, rule_set)
        code = run_or_enqueue(session, job, background=background, as_json=as_json, show=_show)
    context.exit(code)


def _show(result: dict[str, Any]) -> None:
    from cli.output import say, table

    others = [(name.replace("_", " "), result[name]) for name in ("excluded", "not_scored", "failed")]
    rows = [*result["bands"].items(), *others]
    table(("band", "leads"), [(label, _whole(number)) for label, number in rows], right=("leads",))
    for failure in result["failures"]:
        say(f"{_whole(failure['leads']):,} failed: {failure['message']} [{failure['code']}], first {failure['first']}")
    say(
        f"{_whole(result['leads']):,} leads read with {', '.join(result['rule_sets'])}: "
        f"{_whole(result['changed']):,} changed, {_whole(result['unchanged']):,} unchanged"
    )


def _whole(number: Any) -> int:
    return int(number)
