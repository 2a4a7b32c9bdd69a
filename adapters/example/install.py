"""The example as records, and its one installation into an empty database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from adapters.example.chance import Chance
from adapters.example.companies import CompanyNames, account_record, accounts, products
from adapters.example.deals import deals
from adapters.example.leads import leads
from adapters.example.organisation import PEOPLE, directory
from adapters.example.visits import check_ins, conflicts, known_deal
from adapters.ids import IdMaker
from adapters.shipped import Shipped
from engine.caller import Caller
from engine.ports import Ports
from engine.predicate import Compare
from engine.problems import BylawError
from engine.records import Record
from engine.service.auditing import accepted
from engine.service.directory import actor_of, service_actor
from engine.service.incentives import start_run
from engine.service.jobs import run_job
from engine.service.leads import start_scoring
from engine.service.periods import quarter_before
from engine.service.records import update_record
from engine.service.rulesets import seed

SEED = 20
ORGANISATION = "larkmoor"
LEADS, ACCOUNTS = 240, 30
PLAN = "sales-commission"
NANOSECONDS = 1_000_000_000


def example_records(seed_number: int, organisation_id: str, anchor: datetime) -> tuple[Record, ...]:
    """Every record of the example, each after those it refers to. The same arguments give the same records.

    On another day there are the same people, companies, leads, open deals and conflicts; their instants move along.
    """
    chance = Chance(seed_number)
    names = CompanyNames(chance.of("companies"))
    anchor = anchor.astimezone(UTC).replace(second=0, microsecond=0)
    customers = accounts(chance, names, ACCOUNTS)
    sold = deals(chance, customers, organisation_id, anchor)
    field = next(person for person in PEOPLE if person.id == "person-field_sales_rep")
    known = known_deal(next(one for one in customers if one.owner.id == field.id), field, organisation_id, anchor)
    visits = check_ins(chance, customers, organisation_id, anchor)
    return (
        *directory(organisation_id),
        *products(organisation_id),
        *(account_record(customer, organisation_id, chance) for customer in customers),
        *sold,
        known,
        *leads(chance, names, organisation_id, anchor, LEADS),
        *visits,
        *conflicts((*sold, known), visits, anchor),
    )


def install_example(ports: Ports, now: datetime, rules: Mapping[str, bytes] | None = None) -> bool:
    """Write the example once: records, the shipped rules in force, all leads scored, the last two quarters' statements.

    Scores and statements are made by the same jobs as anybody's; the analyst's two find nothing to change. The same
    instant gives the same records, ids included. Returns whether anything was written; an organisation that is there
    already is left alone.
    """
    mine = Compare("organisation_id", "=", ORGANISATION)
    if ports.store.count("organisation", mine):
        return False
    # Ids are chance too: of the same instant, so that they sort as others do, and the same at every installation.
    instant = int(now.timestamp()) * NANOSECONDS
    ports = replace(ports, new_id=IdMaker(lambda: instant, Chance(SEED).of("ids").getrandbits))
    caller = Caller(service_actor(ORGANISATION), now, "cli", f"example-{ports.new_id()}")
    records = example_records(SEED, ORGANISATION, now)
    with ports.store.transaction() as transaction:
        stored = [transaction.insert(record) for record in records]
        counts = {
            kind: {"before": 0, "after": sum(1 for one in records if one.type == kind)} for kind in _kinds(records)
        }
        transaction.append_audit(accepted(caller, "install", after=stored[0], changes=counts))
    if rules is None:
        rules = {path: content for path, content in Shipped.find().rules().items() if path.endswith(".yaml")}
    seed(ports, caller, rules)
    last = quarter_before(now.date())
    before = quarter_before(last.from_)
    analyst = Caller(actor_of(ports, "person-revops_analyst"), now, "console", f"example-{ports.new_id()}")
    for job in (
        start_scoring(ports, caller),
        start_run(ports, caller, PLAN, before.label),
        start_run(ports, caller, PLAN, last.label),
        start_scoring(ports, analyst),
        start_run(ports, analyst, PLAN, last.label),
    ):
        run_job(ports, job.id, clock=lambda: now, worker="example")
    for edit in EDITS:
        _try(ports, edit, now)
    return True


@dataclass(frozen=True, slots=True)
class Edit:
    """Something that one of the example people tries, so that the log has more to show than the installation."""

    person: str
    record_type: str
    record_id: str
    changes: Mapping[str, str]


EDITS = (
    Edit("person-field_sales_rep", "deal", "deal-981", {"next_step": "Call the buyer about the target"}),
    Edit("person-sales_manager", "deal", "deal-981", {"next_step": "Agree on the target by Friday"}),
    Edit("person-sales_rep", "deal", "deal-981", {"next_step": "Take over"}),
    Edit("person-revops_analyst", "deal", "deal-981", {"stage": "Won"}),
)
"""The third is refused: a representative does not even see a colleague's deal. So is the fourth: no closing day."""


def _try(ports: Ports, edit: Edit, now: datetime) -> None:
    caller = Caller(actor_of(ports, edit.person), now, "console", f"example-{ports.new_id()}")
    record = ports.store.get(edit.record_type, edit.record_id, Compare("organisation_id", "=", ORGANISATION))
    try:
        update_record(ports, caller, edit.record_type, edit.record_id, edit.changes, revision=record.revision)
    except BylawError:
        return  # refused attempts are part of the example: the log holds them


def _kinds(records: tuple[Record, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(record.type for record in records))
