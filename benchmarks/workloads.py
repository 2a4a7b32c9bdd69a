"""Every workload, in the order in which it is shown; each gives its sections, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from benchmarks import authorization, fresh, listing, listing_mongodb, over_http, populations, scoring_leads
from benchmarks.contest import Entrant, Work, contest, entered
from benchmarks.families import FAMILIES
from benchmarks.generated import Row, amounts, commission, first_hit, leads, score, scoring_rules, table_rows
from benchmarks.peers.family import Family
from benchmarks.results import Section


@dataclass(frozen=True)
class Sizes:
    """How much is asked. `seconds` bounds a round of one engine; `imported` leads are None for all of the file's."""

    leads: int = 2_000
    rules: int = 50
    rows: tuple[int, ...] = (1_000, 10_000)
    ordinary: int = 10_000
    traps: int = 1_000
    population: int = 1_000_000
    files: int = 500
    fresh_rounds: int = 3
    http_rounds: int = 12
    http_requests: int = 150
    imported: int | None = None
    seconds: float = 0.5
    listed: int = 100_000
    listed_on_mongodb: int = 10_000


TINY = Sizes(40, 50, (60,), 60, 20, 3_000, 3, 1, 1, 3, 50, 0.05, 2_000, 200)
"""Everything once, to see that it runs and answers right."""


def scoring(sizes: Sizes) -> Iterator[Section]:
    """Fifty rules about one record."""
    rules, asked = scoring_rules(sizes.rules), leads(sizes.leads)
    expected = [score(rules, lead) for lead in asked]
    work = Work("scoring", f"{sizes.rules} scoring rules, one record", asked, expected, seconds=sizes.seconds)
    yield contest(work, *entered(FAMILIES, lambda family: family.scoring(rules)))


def _table_of(rows: Sequence[Row], family: Family) -> list[Entrant]:
    return family.table(rows)


def tables(sizes: Sizes) -> Iterator[Section]:
    """The first hit in tables of several sizes, and what it costs to compile them."""
    for rows in sizes.rows:
        drawn, asked = table_rows(rows), leads(sizes.leads)
        expected = [first_hit(drawn, lead) for lead in asked]
        title = f"Decision table of {rows:,} rows, first hit"
        work = Work(f"table {rows}", title, asked, expected, seconds=sizes.seconds)
        hits = contest(work, *entered(FAMILIES, partial(_table_of, drawn)))
        yield hits
        compiled = [
            replace(line, taken=[line.prepared], prepared=None) for line in hits.lines if line.prepared is not None
        ]
        title = f"Compiling the table of {rows:,} rows: from text to the first answer (ours with its static analysis)"
        yield Section(f"compile {rows}", title, "ms", compiled, hits.absences)


def commissions(sizes: Sizes) -> Iterator[Section]:
    """Six marginal bands on exact amounts, rounded half up to the cent once."""
    asked, sorts = amounts(sizes.ordinary, sizes.traps)
    expected = [commission(amount) for amount in asked]
    work = Work("commission", "Six-band commission, to the cent", asked, expected, sorts, seconds=sizes.seconds)
    yield contest(work, *entered(FAMILIES, lambda family: family.commission()))


WORKLOADS: tuple[tuple[str, Callable[[Sizes], Iterable[Section]]], ...] = (
    ("scoring", scoring),
    ("table", tables),
    ("commission", commissions),
    ("population", lambda sizes: [populations.many(sizes.population, scoring_rules(sizes.rules))]),
    ("authorization", lambda _: [authorization.checks()]),
    ("list", lambda sizes: listing.lists(sizes.listed)),
    ("mongodb list", lambda sizes: listing_mongodb.lists(sizes.listed_on_mongodb)),
    ("cold load", lambda sizes: [fresh.cold_load(sizes.files, sizes.fresh_rounds)]),
    ("import time", lambda sizes: [fresh.imports(sizes.fresh_rounds)]),
    ("over http", lambda sizes: [over_http.requests(sizes.http_rounds, sizes.http_requests)]),
    ("scoring job", lambda sizes: [scoring_leads.job(sizes.imported)]),
)


def run(sizes: Sizes, only: str = "", said: Callable[[Section], None] = lambda _: None) -> Sequence[Section]:
    """The sections of the workloads whose names have `only` in them; `said` is told of each as it is done."""
    sections: list[Section] = []
    for name, measure in WORKLOADS:
        if only.lower() in name:
            for section in measure(sizes):
                sections.append(section)
                said(section)
    return sections
