"""Making the database ready: the shipped rule versions published for every organisation, the example installed once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from engine.caller import Caller
from engine.problems import Problem
from engine.service.directory import organisations, service_actor
from engine.service.rulesets import SeedReport, seed

if TYPE_CHECKING:
    from adapters.shipped import Shipped
    from engine.ports import Ports


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was done, in sentences, and what of the shipped files could not be published."""

    sentences: tuple[str, ...]
    problems: tuple[Problem, ...]


def prepare(ports: Ports, shipped: Shipped, now: datetime, *, example: bool) -> Prepared:
    """Bring the database up to date with what is shipped. Doing it again does nothing.

    The example organisation is installed only into a database that holds no organisation at all.
    """
    sentences: list[str] = []
    problems: list[Problem] = []
    known = organisations(ports)
    if not known and example:
        from adapters.example import install_example  # noqa: PLC0415  # loads the generator only when it is needed

        install_example(ports, now)
        known = organisations(ports)
        sentences.append(f"installed the example organisation `{known[0]['name']}`")
    for organisation in known:
        report = seed_shipped(ports, shipped, organisation.id, now)
        if report.published:
            sentences.append(f"published for `{organisation['name']}`: {', '.join(report.published)}")
        problems.extend(report.problems)
    return Prepared(tuple(sentences), tuple(dict.fromkeys(problems)))


def seed_shipped(ports: Ports, shipped: Shipped, organisation_id: str, now: datetime) -> SeedReport:
    """Publish the shipped rule files that an organisation lacks, as the platform itself."""
    caller = Caller(service_actor(organisation_id), now, "cli", f"seed-{ports.new_id()}")
    return seed(ports, caller, shipped.rules())
