"""`bylaw authz matrix`, `explain` and `diff`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import click

from cli.options import FILE, Whose, caller_options, json_option

if TYPE_CHECKING:
    from engine.policy import Change, Compiled, Way
    from engine.service.authorization import Reasons
    from engine.service.policy_changes import Effects

RECORDS_LOOKED_AT = 10_000


@click.group("authz")
def command() -> None:
    """See who may do what, why, and what other policies would change."""


@command.command("matrix")
@click.option("--all", "every", is_flag=True, help="Every role, action and type of record, with its condition.")
@click.option("--policies", type=FILE, help="A folder of policies instead of those in force.")
@json_option
def matrix(*, every: bool, policies: Path | None, as_json: bool) -> None:
    """Print the role matrix as the policies are. Needs no database."""
    from cli.output import print_json, say, table
    from cli.policies import policies_of
    from engine.policy import cells_in_words

    asked = policies_of(policies)
    rows = [
        (row.role, *(", ".join(cell) or "no" for cell in (row.own, row.team, row.branch, row.system)))
        for row in asked.matrix()
    ]
    cells = list(cells_in_words(asked.compiled)) if every else []
    if as_json:
        columns = ("role", "own", "team", "branch", "system")
        told = [
            {"role": one.role, "action": one.action, "record_type": one.record_type, "ways": list(one.ways)}
            for one in cells
        ]
        value = {"digest": asked.digest, "matrix": [dict(zip(columns, row, strict=True)) for row in rows]}
        print_json(value | ({"cells": told} if every else {}))
        return
    table(("role", "own records", "team", "branch", "system configuration"), rows)
    if every:
        say("\nAn empty id is no id: who has no team is in none. `user` is who asks, other names are the record's.")
        table(
            ("role", "record", "action", "granted when"),
            [(one.role, one.record_type, one.action, way) for one in cells for way in one.ways or ("never",)],
        )


@command.command("explain")
@click.option("--actor", required=True, metavar="PERSON", help="Whose rights.")
@click.option("--action", required=True, help="What they want to do, such as `read`.")
@click.option("--record", required=True, metavar="TYPE/ID", help="To which record, such as `lead/lead-1001`.")
@caller_options
@json_option
@click.pass_context
def explain(
    context: click.Context, *, actor: str, action: str, record: str, as_json: bool, **whose: Unpack[Whose]
) -> None:
    """Say whether somebody may do this to a record, by which rule, or what is missing.

    Ends with 0 if they may and with 4 if not.
    """
    from cli import exit_codes
    from cli.opened import opened
    from cli.output import print_json
    from engine.caller import ACTIONS
    from engine.problems import NotFoundError, Problem
    from engine.service import authorization

    record_type, slash, record_id = record.partition("/")
    _known("--action", action, ACTIONS, "action")
    _known("--record", record_type, authorization.RECORD_TYPE_NAMES, "type of record")
    if not slash or not record_id:
        raise click.BadParameter(f"`{record}` is no record such as `lead/lead-1001`", param_hint="--record")
    with opened(**whose) as session:
        target = authorization.Target(record_type, record_id)
        reasons = authorization.explain(session.ports, session.caller, actor, action, target)
    if reasons.verdict.actor is None:
        raise NotFoundError(Problem("person.not_found", f"there is no person `{actor[:80]}` who may sign in"))
    if reasons.verdict.record is None:
        raise NotFoundError(Problem("record.not_found", f"there is no {record_type} `{record_id[:80]}`"))
    if as_json:
        asked = {"person_id": actor, "action": action, "record_type": record_type, "record_id": record_id}
        told = {"allowed": reasons.verdict.allowed, "explanation": authorization.reasons_value(reasons)}
        print_json(asked | told)
    else:
        _show(reasons, actor, action, record)
    context.exit(exit_codes.OK if reasons.verdict.allowed else exit_codes.DENIED)


@command.command("diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--rules-only", is_flag=True, help="Compare the policies alone, without people and records.")
@click.option(
    "--most", type=click.IntRange(1), default=RECORDS_LOOKED_AT, show_default=True,
    help="How many records of a type are looked at, by ascending id.",
)  # fmt: skip
@caller_options
@json_option
@click.pass_context
def diff(
    context: click.Context, *, old: str, new: str, rules_only: bool, most: int, as_json: bool, **whose: Unpack[Whose]
) -> None:
    """List who would gain and lose what if the policies OLD became NEW, before they are used.

    OLD and NEW are folders of policies, released versions such as 1.4.0, or the first digits of the digest of those in
    force or released. The comparison of the rules is exact; beside it the people and records of the database are
    counted. Ends with 0 if nothing changes for anybody and with 1 if something does.
    """
    from cli import exit_codes
    from cli.opened import opened
    from cli.output import print_json
    from cli.policies import policies_named
    from engine.policy import widening
    from engine.service.policy_changes import effects

    before, after = policies_named(old), policies_named(new)
    changes = widening(before, after)
    touched = None
    if changes and not rules_only:
        cells = [(one.role, one.action, one.record_type) for one in changes]
        with opened(**whose) as session:
            touched = effects(session.ports, session.caller, before, after, cells, most=most)
    if as_json:
        print_json(_diff_value(before, after, changes, touched))
    else:
        _show_diff(changes, touched)
    context.exit(exit_codes.PROBLEMS if changes else exit_codes.OK)


def _known(option: str, given: str, known: tuple[str, ...], what: str) -> None:
    from engine.service.spelling import did_you_mean

    if given not in known:
        hint = did_you_mean(given, known)
        raise click.BadParameter(f"`{given}` is no {what}{f': {hint}' if hint else ''}", param_hint=option)


def _show(reasons: Reasons, person_id: str, action: str, record: str) -> None:
    from cli.output import say, table
    from engine.service.authorization import rule_of

    found = reasons.explanation
    assert found is not None
    say(f"{person_id} {'may' if found.allowed else 'may not'} {action} {record}")
    if found.granted_by is not None:
        say(f"\ngranted by {rule_of(found.granted_by)}: {found.granted_by.head}")
        _show_way(found.granted_by)
    if found.outside_scopes:
        say("\nThe role may; the token's scopes do not reach it.")
    for way in found.nearest:
        say(f"\nnot by {rule_of(way)}: {way.head}")
        _show_way(way)
    say(f"\nin this place these roles may: {', '.join(found.roles) or 'none'}")
    table(
        ("level", "person", "record", "same"),
        [(one.level.removesuffix("_id"), one.theirs, one.records, one.same) for one in reasons.placement],
    )


def _show_way(way: Way) -> None:
    from cli.output import table

    table(
        ("met", "asks", "wanted", "seen"),
        [(one.met, one.asks, one.wanted, one.held) for one in way.conditions],
    )


def _show_diff(changes: tuple[Change, ...], touched: Effects | None) -> None:
    from cli.output import say, table

    if not changes:
        say("nobody gains or loses anything")
        return
    say("By the rules (`ann` is somebody of region `north`, branch `oslo`, team `red`, territories `t1`, `t2`):")
    table(
        ("role", "", "action", "record", "for instance"),
        [
            (one.role or "(none)", "gains" if one.gains else "loses", one.action, one.record_type, _fields(one))
            for one in changes
        ],
    )
    if touched is None:
        return
    say(
        "For the people and records of the database:"
        if touched.found
        else "No person and record of the database meet it."
    )
    if touched.found:
        table(
            ("role", "", "action", "record", "people", "records", "pairs", "for instance"),
            [
                (
                    one.role,
                    "gains" if one.gains else "loses",
                    one.action,
                    one.record_type,
                    one.people,
                    one.records,
                    one.pairs,
                    " on ".join(one.example),
                )
                for one in touched.found
            ],
            right=("people", "records", "pairs"),
        )
    for record_type, (seen, there) in touched.looked_at.items():
        if seen < there:
            say(f"only the first {seen:,} of {there:,} records of type {record_type} were looked at (--most)")


def _fields(change: Change) -> str:
    known = {name: value for name, value in change.record.values().items() if name not in {"revision", "id"}}
    return ", ".join(f"{name} {'nothing' if value is None else value!r}" for name, value in known.items())


def _diff_value(old: Compiled, new: Compiled, changes: tuple[Change, ...], touched: Effects | None) -> dict[str, Any]:
    """Shape: `{old, new, changes: [{role, action, record_type, gains, example}], effects?, looked_at?}`."""
    value: dict[str, Any] = {
        "old": old.digest,
        "new": new.digest,
        "changes": [
            {
                "role": one.role, "action": one.action, "record_type": one.record_type, "gains": one.gains,
                "example": one.record.values(),
            }
            for one in changes
        ],
    }  # fmt: skip
    if touched is not None:
        value["effects"] = [
            {
                "role": one.role, "action": one.action, "record_type": one.record_type, "gains": one.gains,
                "people": one.people, "records": one.records, "pairs": one.pairs,
                "example": {"person_id": one.example[0], "record_id": one.example[1]},
            }
            for one in touched.found
        ]  # fmt: skip
        value["looked_at"] = {name: {"records": seen, "of": there} for name, (seen, there) in touched.looked_at.items()}
    return value
