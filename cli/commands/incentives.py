"""`bylaw incentives run`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Unpack

import click

from cli.options import Whose, caller_options, json_option


@click.group("incentives")
def command() -> None:
    """Calculate what representatives earn."""


@command.command("run")
@click.argument("plan")
@click.option("--period", required=True, help="A quarter, month or year: `2017-Q3`, `2017-09`, `2017`.")
@click.option("--background", is_flag=True, help="Leave it to the workers and come back at once.")
@caller_options
@json_option
@click.pass_context
def run(
    context: click.Context, *, plan: str, period: str, background: bool, as_json: bool, **whose: Unpack[Whose]
) -> None:
    """Calculate every payee's statement under PLAN (such as `sales-commission`) for a period.

    Ends with the proof that nothing was lost: won value = credited + excluded, to the cent.
    """
    from cli.foreground import run_or_enqueue
    from cli.opened import opened
    from engine.service.incentives import start_run

    with opened(**whose) as session:
        job = start_run(session.ports, session.caller, plan, period)
        code = run_or_enqueue(session, job, background=background, as_json=as_json, show=_show)
    context.exit(code)


def _show(result: dict[str, Any]) -> None:
    from cli.output import say, table

    currency = result["currency"]
    table(
        ("payee", "deals won", "won value", "credited", "excluded", "payout"),
        [
            (
                row["name"],
                int(row["won_deals"]),
                _money(row["won_value"]),
                _money(row["credited"]),
                _money(row["excluded"]),
                _money(row["payout"]),
            )
            for row in result["by_payee"]
        ],
        right=("deals won", "won value", "credited", "excluded", "payout"),
    )
    if result["exclusions"]:
        table(
            ("excluded because", "deals", "of them won", "won amount"),
            [
                (row["reason"], int(row["deals"]), int(row["won_deals"]), _money(row["won_amount"]))
                for row in result["exclusions"]
            ],
            right=("deals", "of them won", "won amount"),
        )
    deals, period = result["deals"], result["period"]["label"]
    say(f"{result['plan']} version {result['version']}, {period}: {int(result['payees'])} payees, payout "
        f"{_money(result['payout'])} {currency}")  # fmt: skip
    say(
        f"reconciled: won {_money(result['won_value'])} ({int(deals['won']):,} deals)"
        f" = credited {_money(result['credited'])} ({int(deals['credited']):,} deals)"
        f" + excluded {_money(result['excluded'])} {currency}"
    )


def _money(amount: Any) -> str:
    return f"{Decimal(amount):,.2f}"
