"""`bylaw jobs list`, `show` and `cancel`."""

from __future__ import annotations

from typing import Unpack

import click

from cli.options import Whose, caller_options, json_option


@click.group("jobs")
def command() -> None:
    """See and cancel background jobs."""


@command.command("list")
@click.option("--limit", type=click.IntRange(1, 1_000), default=20, show_default=True, help="How many jobs at most.")
@caller_options
@json_option
def list_jobs(*, limit: int, as_json: bool, **whose: Unpack[Whose]) -> None:
    """List jobs, the newest first."""
    from cli.opened import opened
    from cli.output import print_json, say, table
    from cli.records import page_value
    from engine.ports import Sort
    from engine.service.records import list_records

    with opened(**whose) as session:
        newest = (Sort("created_at", descending=True),)
        page = list_records(session.ports, session.caller, "job", sort=newest, limit=limit)
        if as_json:
            print_json(page_value(page))
            return
        if not page.records:
            say("no job")
            return
        table(
            ("job", "what", "state", "done", "of", "started by", "created"),
            [
                (
                    job.id,
                    job["title"],
                    job["state"],
                    job["done"],
                    job["total"],
                    job["actor_id"],
                    job["created_at"].replace(microsecond=0),
                )
                for job in page.records
            ],
            right=("done", "of"),
        )


@command.command("show")
@click.argument("job_id", metavar="JOB")
@caller_options
@json_option
def show(*, job_id: str, as_json: bool, **whose: Unpack[Whose]) -> None:
    """Show one job: how far it is, and what came of it."""
    from cli.opened import opened
    from cli.output import print_json, table
    from cli.records import record_value
    from engine.service.records import get_record

    with opened(**whose) as session:
        value = record_value(get_record(session.ports, session.caller, "job", job_id))
    if as_json:
        print_json(value)
    else:
        table(("", ""), [(name, held) for name, held in value.items() if held not in (None, "")])


@command.command("cancel")
@click.argument("job_id", metavar="JOB")
@caller_options
@json_option
def cancel(*, job_id: str, as_json: bool, **whose: Unpack[Whose]) -> None:
    """Cancel a waiting job at once, ask a running one to stop after its present chunk. What is done stays done."""
    from cli.opened import opened
    from cli.output import print_json, say
    from cli.records import record_value
    from engine.service.jobs import cancel_job

    with opened(**whose) as session:
        job = cancel_job(session.ports, session.caller, job_id)
    if as_json:
        print_json(record_value(job))
    else:
        say("cancelled" if job["state"] == "cancelled" else "it stops after its present chunk")
