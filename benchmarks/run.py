"""`make bench`: the engine beside plain Python on the same generated work, in one run, as ratios.

Every workload is generated from a fixed seed and every answer is compared with the peer's; the count of wrong answers
is printed beside the speed. Figures are medians and 99th percentiles of single calls, in microseconds. The table is
printed and written into `docs/benchmarks.md`.
"""

from __future__ import annotations

import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import over_http
import scoring_leads
from rich.console import Console
from rich.table import Table

from engine.feel import ConditionSet, Field, Scope, check, types
from engine.kinds.incentive_plan.tiers import Band, Tiers
from engine.tables import HitPolicy, Input, Output, Row, TableModel, Text
from engine.tables import Table as DecisionTable

SEED = 20_261_123
AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
RECORDS = 2_000
INDUSTRIES = ("retail", "logistics", "software", "finance", "media", "education")
SOURCES = ("web form", "referral", "partner", "trade show", "outbound")
SCOPE = Scope(
    {
        "employees": Field(types.NUMBER),
        "annual_revenue": Field(types.NUMBER),
        "visits": Field(types.NUMBER),
        "minutes": Field(types.NUMBER),
        "industry": Field(types.STRING),
        "source": Field(types.STRING),
        "consent": Field(types.BOOLEAN),
    }
)


@dataclass(frozen=True)
class Result:
    """One line of the table: ours against the peer's."""

    work: str
    peer: str
    ours: list[int]
    theirs: list[int]
    wrong: int
    answers: int
    ratio: float | None = None
    """Peer / ours, where it is not that of the medians."""


def records(chance: random.Random) -> list[dict[str, Any]]:
    """Leads with exact numbers."""
    return [
        {
            "employees": Decimal(chance.randrange(1, 5_000)),
            "annual_revenue": Decimal(chance.randrange(10_000, 90_000_000)) / 100,
            "visits": Decimal(chance.randrange(0, 40)),
            "minutes": Decimal(chance.randrange(0, 600)) / 10,
            "industry": chance.choice(INDUSTRIES),
            "source": chance.choice(SOURCES),
            "consent": chance.random() < 0.8,
        }
        for _ in range(RECORDS)
    ]


Test = Callable[[dict[str, Any]], bool]


def scoring_rules(chance: random.Random) -> tuple[list[tuple[str, str]], list[Test]]:
    """Fifty rules of two or three conditions: as FEEL, and as the plain Python that somebody would write by hand."""
    texts: list[tuple[str, str]] = []
    tests: list[Test] = []
    for number in range(50):
        low = Decimal(chance.randrange(1, 4_000))
        high = low + chance.randrange(100, 2_000)
        picked = tuple(chance.sample(INDUSTRIES, 2))
        source, visits = chance.choice(SOURCES), Decimal(chance.randrange(0, 30))
        match number % 3:
            case 0:
                texts.append(
                    (f"r{number}", f'employees in [{low}..{high}) and industry in ("{picked[0]}", "{picked[1]}")')
                )
                tests.append(
                    lambda r, low=low, high=high, picked=picked: (
                        low <= r["employees"] < high and r["industry"] in picked
                    )
                )
            case 1:
                texts.append((f"r{number}", f'visits >= {visits} and source = "{source}" and consent'))
                tests.append(
                    lambda r, visits=visits, source=source: (
                        r["visits"] >= visits and r["source"] == source and r["consent"]
                    )
                )
            case _:
                limit = low * 1_000
                texts.append((f"r{number}", f"annual_revenue > {limit} and minutes >= {visits}"))
                tests.append(
                    lambda r, limit=limit, visits=visits: r["annual_revenue"] > limit and r["minutes"] >= visits
                )
    return texts, tests


def timed(call: Callable[[Any], Any], inputs: Sequence[Any], rounds: int = 3) -> tuple[list[int], list[Any]]:
    """Nanoseconds of each call in the best of several rounds, and the answers."""
    best: list[int] = []
    answers: list[Any] = []
    for _ in range(rounds):
        taken, answers = [], []
        for given in inputs:
            start = time.perf_counter_ns()
            answer = call(given)
            taken.append(time.perf_counter_ns() - start)
            answers.append(answer)
        if not best or statistics.median(taken) < statistics.median(best):
            best = taken
    return best, answers


def scoring(chance: random.Random) -> Result:
    """Fifty rules about one record, with a bit for every rule and condition."""
    leads = records(chance)
    texts, tests = scoring_rules(chance)
    rules = ConditionSet.compile([(name, check(text, SCOPE, expect=types.BOOLEAN)) for name, text in texts])

    def by_hand(lead: dict[str, Any]) -> int:
        fired = 0
        for position, test in enumerate(tests):
            if test(lead):
                fired |= 1 << position
        return fired

    ours, fired = timed(lambda lead: rules.evaluate(lead, at=AT, zone=UTC).rules, leads)
    theirs, expected = timed(by_hand, leads)
    wrong = sum(a != b for a, b in zip(fired, expected, strict=True))
    return Result(
        "50 scoring rules, one record, trace on", "50 plain lambdas, no trace", ours, theirs, wrong, len(leads)
    )


BANDS = ((0, "0.02"), (10_000, "0.03"), (25_000, "0.045"), (60_000, "0.06"), (120_000, "0.08"), (250_000, "0.1"))


def commission(chance: random.Random) -> Result:
    """Six marginal bands on an exact amount, rounded half up to the cent once."""
    edges = [(Decimal(low), Decimal(rate)) for low, rate in BANDS]
    tops = [*(low for low, _ in edges[1:]), None]
    parts = [
        f"(if amount > {low} then ({f'min(amount, {top})' if top else 'amount'} - {low}) * {rate} else 0)"
        for (low, rate), top in zip(edges, tops, strict=True)
    ]
    expression = check(f"round half up({' + '.join(parts)}, 2)", Scope({"amount": Field(types.NUMBER)}))
    amounts = [{"amount": Decimal(chance.randrange(0, 50_000_000)) / 100} for _ in range(RECORDS)]

    def by_hand(given: dict[str, Decimal]) -> Decimal:
        total = Decimal(0)
        for (low, rate), top in zip(edges, tops, strict=True):
            if given["amount"] > low:
                total += (min(given["amount"], top) if top is not None else given["amount"]) * rate - low * rate
        return total.quantize(Decimal("0.01"), ROUND_HALF_UP)

    ours, found = timed(lambda given: expression.evaluate(given, at=AT), amounts)
    theirs, expected = timed(by_hand, amounts)
    wrong = sum(a != b for a, b in zip(found, expected, strict=True))
    return Result("six-band commission, exact", "a plain Decimal loop", ours, theirs, wrong, len(amounts))


def payout(chance: random.Random) -> Result:
    """The same six bands as a plan's rate table, unrounded."""
    bands = [(Decimal(low), Decimal(rate)) for low, rate in BANDS]
    tiers = Tiers(tuple(Band(low, rate) for low, rate in bands))
    tops = [*(low for low, _ in bands[1:]), None]
    amounts = [Decimal(chance.randrange(0, 50_000_000)) / 100 for _ in range(RECORDS)]

    def by_hand(amount: Decimal) -> Decimal:
        total = Decimal(0)
        for (low, rate), top in zip(bands, tops, strict=True):
            if amount > low:
                total += ((min(amount, top) if top is not None else amount) - low) * rate
        return total

    ours, found = timed(tiers.payout, amounts)
    theirs, expected = timed(by_hand, amounts)
    wrong = sum(a != b for a, b in zip(found, expected, strict=True))
    return Result("six-band payout of a plan", "a plain Decimal loop", ours, theirs, wrong, len(amounts))


def table_of(chance: random.Random, size: int) -> Result:
    """The first hit of a table with three columns: a text, an interval of numbers, a lower bound."""
    scope = Scope({name: SCOPE.fields[name] for name in ("industry", "employees", "visits")})
    drawn = []
    for _ in range(size):
        low = Decimal(chance.randrange(0, 5_000))
        drawn.append((chance.choice(INDUSTRIES), low, low + chance.randrange(1, 60), Decimal(chance.randrange(0, 40))))
    rows = tuple(
        Row(f"row{at}", (Text(f'"{text}"'), Text(f"[{low}..{high})"), Text(f">= {visits}")), (Text(str(at)),))
        for at, (text, low, high, visits) in enumerate(drawn)
    )
    inputs = tuple(Input(Text(name)) for name in scope.fields)
    table = DecisionTable.check(
        TableModel(inputs, (Output("row", types.NUMBER, default=Text("-1")),), rows, HitPolicy.FIRST), scope
    )
    leads = [{name: lead[name] for name in scope.fields} for lead in records(chance)]

    def by_hand(lead: dict[str, Any]) -> int:
        industry, employees, visits = lead["industry"], lead["employees"], lead["visits"]
        for at, (text, low, high, least) in enumerate(drawn):
            if industry == text and low <= employees < high and visits >= least:
                return at
        return -1

    ours, found = timed(lambda lead: table.evaluate(lead).value, leads)
    theirs, expected = timed(by_hand, leads, rounds=1)
    wrong = sum(a != b for a, b in zip(found, expected, strict=True))
    return Result(
        f"decision table, first hit, {size:,} rows", "a plain loop over rows", ours, theirs, wrong, len(leads)
    )


def requests() -> tuple[Result, ...]:
    """Evaluation over HTTP; the ratio is of the server's processor time, which no client and no neighbour disturbs."""
    found = over_http.measure()
    empty = found["empty"]
    return tuple(
        Result(
            f"evaluation over HTTP, {about}",
            "an empty view, same key and body",
            found[name].taken,
            empty.taken,
            found[name].wrong,
            len(found[name].taken),
            empty.server_nanoseconds / found[name].server_nanoseconds,
        )
        for name, about in (("decision", "outcome only"), ("explained", "with reasons and why-not"))
    )


def all_leads() -> tuple[Result, ...]:
    """Scoring every example lead, where the file is at hand; a lead's share of the whole job's processor time."""
    measured = scoring_leads.measure()
    if measured is None:
        return ()
    whole, engine, leads, wrong = measured
    work = f"scoring {leads:,} leads as a job, per lead"
    return (Result(work, "the engine's decision alone", [whole // leads] * 2, [engine // leads] * 2, wrong, leads),)


def main() -> None:
    """Run every workload, print the table and write it into the documentation."""
    results = [workload(random.Random(SEED)) for workload in (scoring, commission, payout)]
    results += [table_of(random.Random(SEED), size) for size in (1_000, 10_000)]
    results += [*requests(), *all_leads()]
    headings = ("work", "peer", "ours p50", "ours p99", "peer p50", "peer p99", "peer / ours", "wrong answers")
    lines = [cells(result) for result in results]
    table = Table(title="Bylaw beside its peers (microseconds; same run, same machine)")
    for heading in headings:
        table.add_column(heading, justify="left" if heading in {"work", "peer"} else "right")
    for line in lines:
        table.add_row(*line)
    Console(width=170).print(table)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    rule = ["---", "---", *["---:"] * (len(headings) - 2)]
    shown = "\n".join(f"| {' | '.join(line)} |" for line in (headings, rule, *lines))
    text = PAGE.read_text(encoding="utf-8")
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    PAGE.write_text(f"{text[:start]}\n{machine}\n\n{shown}\n{text[end:]}", encoding="utf-8")


PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- measured -->", "<!-- end -->"


def cells(result: Result) -> tuple[str, ...]:
    """A result as a line of the table."""
    ours, theirs = statistics.median(result.ours), statistics.median(result.theirs)
    return (
        result.work,
        result.peer,
        f"{ours / 1000:.1f}",
        f"{statistics.quantiles(result.ours, n=100)[98] / 1000:.1f}",
        f"{theirs / 1000:.1f}",
        f"{statistics.quantiles(result.theirs, n=100)[98] / 1000:.1f}",
        f"{result.ratio or theirs / ours:.2f}",
        f"{result.wrong} of {result.answers:,}",
    )


if __name__ == "__main__":
    main()
