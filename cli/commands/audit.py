"""`bylaw audit show`, and the group of the commands about the log."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from cli import audit_proofs
from cli.audit_upkeep import checkpoint, erase, key, role
from cli.options import INSTANT, caller_options, json_option

FILTERS = (
    ("actor", "actor_id", "Only what this person did."),
    ("action", "action", "Only this action, such as `publish`."),
    ("outcome", "outcome", "Only `accepted`, `denied` or `failed`."),
    ("record", "record_id", "Only about the record with this id."),
    ("type", "record_type", "Only about records of this type."),
)


@click.group("audit")
def command() -> None:
    """See what was changed, by whom and why."""


command.add_command(key)
command.add_command(checkpoint)
command.add_command(role)
command.add_command(erase)
for known in audit_proofs.commands():
    command.add_command(known)


@command.command("show")
@click.option("--actor", help=FILTERS[0][2])
@click.option("--action", help=FILTERS[1][2])
@click.option("--outcome", type=click.Choice(["accepted", "denied", "failed"]), help=FILTERS[2][2])
@click.option("--record", help=FILTERS[3][2])
@click.option("--type", help=FILTERS[4][2])
@click.option("--from", "from_", type=INSTANT, help="Only entries at this instant or later.")
@click.option("--to", type=INSTANT, help="Only entries before this instant.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=30, show_default=True, help="How many entries at most.")
@click.option("--cursor", help="Where the page before ended (its `next_cursor`).")
@caller_options
@json_option
def show(
    *,
    from_: datetime | None,
    to: datetime | None,
    limit: int,
    cursor: str | None,
    home: Path | None,
    organisation: str | None,
    person: str | None,
    as_json: bool,
    **filters: str | None,
) -> None:
    """Show audit entries, the newest first."""
    from cli.opened import opened
    from cli.output import print_json, say, table
    from cli.records import page_value
    from engine.predicate import Compare, Predicate, both
    from engine.records import RECORD_TYPES
    from engine.service.audit import list_audit, period
    from engine.service.spelling import did_you_mean

    if (kind := filters["type"]) is not None and kind not in {known.name for known in RECORD_TYPES}:
        hint = did_you_mean(kind, [known.name for known in RECORD_TYPES])
        raise click.BadParameter(f"`{kind}` is no type of record{f': {hint}' if hint else ''}", param_hint="--type")
    where: list[Predicate] = [*period(from_, to)]
    where += [Compare(field, "=", value) for name, field, _ in FILTERS if (value := filters[name])]
    with opened(home, organisation, person, log=True) as session:
        page = list_audit(session.ports, session.caller, where=both(*where), limit=limit, cursor=cursor)
        if as_json:
            print_json(page_value(page))
            return
        if not page.records:
            say("no entry")
            return
        table(
            ("no.", "at", "who", "role", "what", "outcome", "record", "reason"),
            [
                (
                    entry["sequence"],
                    entry["at"].replace(microsecond=0),
                    entry["actor_name"],
                    entry["actor_role"],
                    entry["action"],
                    entry["outcome"],
                    f"{entry['record_type']} {entry['record_id']}",
                    entry["reason"],
                )
                for entry in page.records
            ],
            right=("no.",),
        )
        if page.next_cursor:
            say(f"more: --cursor {page.next_cursor}")
