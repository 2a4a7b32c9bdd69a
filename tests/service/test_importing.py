from __future__ import annotations

import csv
import io
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world import (
    COMMISSION,
    NOW,
    ROOT,
    Clock,
    as_person,
    audit,
    insert,
    make_ports,
    make_world,
    platform,
    shipped,
    shipped_rules,
    shown_result,
    usd,
)

from adapters.stores import open_store
from engine.importing.mapping import read_mapping
from engine.predicate import Always, Compare
from engine.problems import DeniedError, InvalidError
from engine.service import importing
from engine.service.importing import default_organisation, files_of, import_crm, import_leads
from engine.service.incentives import start_run
from engine.service.jobs import run_job
from engine.service.leads import start_scoring
from engine.service.records import count_records, get_record, update_record
from engine.service.rulesets import seed

SMALL = (ROOT / "tests" / "cases" / "importing" / "mappings" / "right.yaml").read_bytes()
CRM = (ROOT / "schemas" / "mappings" / "maven-crm.yaml").read_bytes()
LEADS = (ROOT / "schemas" / "mappings" / "xeducation-leads.yaml").read_bytes()
PEOPLE = b"name,team\nAnn,North\nBen,\n"
DEALS = b"id,owner,value\n1,Ann,5.10\n2,Bne,7\n3,,\n4,Ben,7.00.1\n4,Ann,8\n,Ann,9\n"


def small(ports, deals: bytes = DEALS, **how: object):
    """Import two small files."""
    files = {"people.csv": PEOPLE, "deals.csv": deals, "notes.txt": b"not asked for"}
    return import_crm(ports, platform("sample"), files, SMALL, **how)


def records(ports, record_type: str) -> dict[str, object]:
    """All records of a type by name."""
    return {one["name"]: one for one in ports.store.scan(record_type, Always())}


def test_every_row_is_imported_or_unchanged_or_rejected():
    """Rows are counted once each, unreadable cells are told one by one, and the row is kept where it can be."""
    ports = make_ports()
    report = small(ports)
    counts = {one.file: (one.rows, one.imported, one.unchanged, one.rejected) for one in report.files}
    assert {"people.csv": (2, 2, 0, 0), "deals.csv": (6, 4, 0, 2)} == counts
    found = [(one.line, one.column, one.code, one.value, one.done) for one in report.findings]
    assert [
        (3, "owner", "import.unknown_reference", "Bne", "the value was left out"),
        (4, "", "import.rule", "no-value", "the row was kept"),
        (5, "value", "import.wrong_value", "7.00.1", "the value was left out"),
        (5, "", "import.rule", "no-value", "the row was kept"),
        (6, "id", "import.duplicate_key", "4", "the row was rejected"),
        (7, "id", "import.missing_value", "", "the row was rejected"),
    ] == found
    assert "did you mean `Ben`" in next(one.message for one in report.findings if one.value == "Bne")
    deals = records(ports, "deal")
    assert {"Deal 1", "Deal 2", "Deal 3", "Deal 4"} == set(deals)
    assert (usd("5.10"), None, None) == (
        deals["Deal 1"]["amount"],
        deals["Deal 2"]["owner_id"],
        deals["Deal 4"]["amount"],
    )


def test_importing_again_changes_nothing():
    """The same files a second time write no record, no entry and no batch, and say so in the counts."""
    ports = make_ports()
    first = small(ports)
    before = (audit(ports), ports.store.count("import_batch", Always()))
    again = small(ports)
    assert (0, first.batch_id) == (again.changed, again.batch_id)
    assert before == (audit(ports), ports.store.count("import_batch", Always()))
    assert {"created": 0, "changed": 0, "unchanged": 4} == again.records["deal"]
    assert [(2, 2), (6, 4)] == [(one.rows, one.unchanged) for one in again.files]
    assert first.findings == again.findings


def test_a_changed_row_changes_its_record_alone():
    """A row that differs from what is stored changes its record; the others stay as they are."""
    ports = make_ports()
    small(ports)
    report = small(ports, DEALS.replace(b"5.10", b"6.25"))
    assert {"created": 0, "changed": 1, "unchanged": 3} == report.records["deal"]
    deal = records(ports, "deal")["Deal 1"]
    assert (usd("6.25"), 2) == (deal["amount"], deal.revision)
    assert 2 == ports.store.count("import_batch", Always())


@pytest.mark.parametrize("batches", [1, 2, 3])
def test_an_interrupted_import_is_done_again_without_doubling(monkeypatch, batches):
    """Killed between two batches, the next import finishes the work and leaves what one import leaves."""
    monkeypatch.setattr(importing, "BATCH", 2)
    undisturbed = make_ports()
    small(undisturbed)

    class DeadError(BaseException):
        """Killed."""

    ports = make_ports()
    seen = []

    def progress(*told: object) -> None:
        seen.append(told)
        if len(seen) == batches:
            raise DeadError

    with pytest.raises(DeadError):
        small(ports, progress=progress)
    small(ports)
    for record_type in ("person", "deal", "import_batch", "organisation"):
        left = {one.id for one in ports.store.scan(record_type, Always())}
        assert {one.id for one in undisturbed.store.scan(record_type, Always())} == left
    assert all(one.revision == 1 for one in ports.store.scan("deal", Always()))
    assert 0 == small(ports).changed


def test_what_is_wrong_with_a_file_changes_nothing():
    """A missing file, a wrong header and a cut line are told together; nothing is written but the failed attempt."""
    ports = make_ports()
    with pytest.raises(InvalidError) as error:
        import_crm(ports, platform("sample"), {"people.csv": b"nam,team\nAnn\n", "deal.csv": DEALS}, SMALL)
    found = [(one.code, one.place.source or one.help) for one in error.value.problems]
    assert [
        ("import.missing_file", "did you mean `deal.csv`?"),
        ("import.wrong_header", "people.csv"),
        ("import.wrong_header", "people.csv"),
        ("import.cut_line", "people.csv"),
    ] == found
    assert [("import", "failed")] == [entry[:2] for entry in audit(ports)]
    assert 0 == sum(ports.store.count(one, Always()) for one in ("organisation", "person", "deal", "import_batch"))


def test_who_may_not_write_imports_nothing():
    """Whoever may not import is denied before a file is read, and logged: an analyst too, who may write leads."""
    for role, import_files in (("rep", import_crm), ("analyst", import_crm), ("analyst", import_leads)):
        ports = make_world()
        given = {"people.csv": b"broken"} if import_files is import_crm else b"broken"
        with pytest.raises(DeniedError) as refused:
            import_files(ports, as_person(ports, role), given, SMALL)
        assert "administrators" in refused.value.problems[0].help
        assert ("import", "denied") == audit(ports)[0][:2]
        assert 0 == ports.store.count("import_batch", Always())


def test_every_record_of_an_import_is_asked_about():
    """Who may import writes what the policies let them write, and nothing is written if anything may not be."""
    ports = make_world()
    with pytest.raises(DeniedError):
        import_crm(ports, as_person(ports, "admin"), {"people.csv": PEOPLE, "deals.csv": DEALS}, SMALL)
    assert (0, [("import", "denied")]) == (ports.store.count("deal", Always()), [entry[:2] for entry in audit(ports)])


def test_amounts_of_another_currency_are_not_mixed_in():
    """An organisation that counts in another currency does not take the files' amounts for its own."""
    ports = make_ports()
    organisation = next(iter(make_world().store.scan("organisation", Always())))
    insert(ports, organisation.with_fields(currency="EUR"))
    with pytest.raises(InvalidError) as error:
        import_crm(ports, platform(), {"people.csv": PEOPLE, "deals.csv": DEALS}, SMALL)
    assert "mapping.invalid" == error.value.code


def test_a_mapping_names_its_organisation_and_files():
    """A shell can ask a mapping where it imports to and what it reads, before it reads anything."""
    ports = make_ports()
    assert "maven-crm" == default_organisation(ports, CRM, "maven-crm.yaml")
    assert ("sales_teams.csv", "products.csv", "accounts.csv", "sales_pipeline.csv") == files_of(
        ports, CRM, "maven-crm.yaml"
    )


def crm_files(shared: Path) -> dict[str, bytes]:
    """The original files of the CRM export."""
    return {path.name: path.read_bytes() for path in (shared / "data" / "maven-crm").glob("*.csv")}


@pytest.fixture(scope="module")
def crm(shared):
    """The real CRM export, imported once into SQLite in memory's stead, with its report."""
    ports = make_ports()
    report = import_crm(ports, platform("maven-crm"), crm_files(shared), CRM)
    seed(ports, platform("maven-crm"), shipped(*COMMISSION))
    return ports, report


def test_the_real_crm_export_arrives_whole(crm):
    """Every row of the original files becomes its record.

    35 agents, 6 managers, 3 offices, 85 accounts, 8,800 deals.
    """
    ports, report = crm
    assert {
        "sales_teams.csv": (35, 35, 0),
        "products.csv": (7, 7, 0),
        "accounts.csv": (85, 85, 0),
        "sales_pipeline.csv": (8800, 8800, 0),
    } == {one.file: (one.rows, one.imported, one.rejected) for one in report.files}
    store = ports.store
    found = {one: store.count(one, Always()) for one in ("region", "branch", "team", "account", "product", "deal")}
    assert {"region": 1, "branch": 3, "team": 6, "account": 85, "product": 7, "deal": 8800} == found
    roles = store.tally("person", "role", Always())
    assert {"sales_rep": 35, "sales_manager": 6, "revops_analyst": 3, "platform_admin": 3} == roles
    assert {"Won": 4238, "Lost": 2473, "Engaging": 1589, "Prospecting": 500} == store.tally("deal", "stage", Always())
    won = [one["amount"].amount for one in store.scan("deal", Compare("stage", "=", "Won"))]
    assert (4238, Decimal(10_005_534)) == (len(won), sum(won))
    assert {"USD"} == {one["amount"].currency for one in store.scan("deal", Compare("stage", "=", "Won"))}


def test_the_real_crm_exports_defects_are_found(crm):
    """The known defects are told, counted and repaired where a repair is declared: nothing else is."""
    _, report = crm
    assert {
        ("product", "import.alias", "GTXPro"): 1480,
        ("", "import.rule", "open-without-account"): 1425,
        ("sector", "import.alias", "technolgy"): 12,
        ("office_location", "import.alias", "Philipines"): 1,
    } == {(group.column, group.code, group.value): group.count for group in report.groups}
    first = next(one for one in report.findings if one.value == "GTXPro")
    assert ("sales_pipeline.csv", 3, "read as `GTX Pro`") == (first.file, first.line, first.done)


def test_the_real_directory_gives_people_their_rights(crm):
    """Agents see their own deals, managers their team's, through the ordinary policies."""
    ports, _ = crm
    people = {one["name"]: one for one in ports.store.scan("person", Always())}
    agent, manager = people["Darcel Schlecht"], people["Melvin Marxen"]
    team = next(one for one in ports.store.scan("team", Compare("id", "=", agent["team_id"])))
    assert (manager.id, manager["team_id"]) == (team["manager_id"], agent["team_id"])
    own = ports.store.count("deal", Compare("owner_id", "=", agent.id))
    assert own == count_records(ports, as_person(ports, agent.id), "deal") > 0
    branch = ports.store.count("deal", Compare("branch_id", "=", manager["branch_id"]))
    assert branch == count_records(ports, as_person(ports, manager.id), "deal")


def test_the_real_crm_export_again_changes_nothing(crm, shared):
    """The second import of the original files finds 8,800 deals unchanged and writes nothing."""
    ports, first = crm
    entries = ports.store.count("audit_entry", Always())
    again = import_crm(ports, platform("maven-crm"), crm_files(shared), CRM)
    assert (0, 8800, entries) == (
        again.changed,
        again.records["deal"]["unchanged"],
        ports.store.count("audit_entry", Always()),
    )
    assert first.batch_id == again.batch_id


@pytest.mark.parametrize(
    ("period", "won", "deals"),
    [
        ("2017-Q1", 1_134_672, 531),
        ("2017-Q2", 3_086_111, 1254),
        ("2017-Q3", 2_982_255, 1257),
        ("2017-Q4", 2_802_496, 1196),
    ],
)
def test_real_commissions_account_for_every_dollar(crm, period, won, deals):
    """Each quarter's won value is credited plus excluded with a reason, for all 35 agents, five without a sale."""
    ports, _ = crm
    job = start_run(ports, platform("maven-crm"), "sales-commission", period)
    ended = run_job(ports, job.id, clock=Clock(), worker="w")
    result = shown_result(ended)
    assert ("succeeded", 35, 5, deals) == (
        ended["state"],
        result["payees"],
        result["zero_payees"],
        result["deals"]["won"],
    )
    assert Decimal(won) == Decimal(result["won_value"]) == Decimal(result["credited"]) + Decimal(result["excluded"])
    assert Decimal(won) == sum(Decimal(row["won_value"]) for row in result["by_payee"])
    stored = list(ports.store.scan("statement", Compare("period", "=", period)))
    assert Decimal(result["payout"]) == sum(one["payout"].amount for one in stored)
    for one in stored:
        outcome = one["decision"]["outcome"]
        lines = sum((Decimal(line["payout"]) for line in outcome["lines"]), Decimal(0))
        assert (
            lines + sum((Decimal(str(cap["change"])) for cap in outcome.get("adjustments", ())), Decimal(0))
            == one["payout"].amount
        )


@pytest.fixture(scope="module")
def enquiries(shared):
    """The real list of leads, imported once into an empty store, with its report."""
    ports = make_ports()
    data = (shared / "data" / "xeducation-leads" / "Leads.csv").read_bytes()
    report = import_leads(ports, platform("xeducation"), data, LEADS)
    seed(ports, platform("xeducation"), {path: one for path, one in shipped_rules().items() if "lead-priority" in path})
    return ports, report, data


def test_the_real_leads_arrive_whole(enquiries):
    """All 9,240 rows become leads; `Select` and empty are no values; an empty last column is left out."""
    ports, report, _ = enquiries
    assert [(9240, 9240, 0)] == [(one.rows, one.imported, one.rejected) for one in report.files]
    assert {"converted": 3561, "open": 5679} == ports.store.tally("lead", "status", Always())
    assert {
        ("How did you hear about X Education", "import.missing_marker"): 5043,
        ("City", "import.missing_marker"): 2249,
        ("Specialization", "import.missing_marker"): 1942,
    } == {(group.column, group.code): group.count for group in report.groups}
    answered = Counter(name for one in ports.store.scan("lead", Always()) for name in one["facts"])
    assert {"city": 9240 - 2249 - 1420, "country": 9240 - 2461, "asymmetrique_activity_score": 9240 - 4218} == {
        name: answered[name] for name in ("city", "country", "asymmetrique_activity_score")
    }
    first = ports.store.get("lead", "lead-xeducation-7927b2df-8bba-4d29-b9a2-b6e0beafe620", Always())
    assert ("Lead 660737", Decimal(0), False) == (
        first["name"],
        first["facts"]["total_visits"],
        first["facts"]["do_not_email"],
    )
    assert 9240 == ports.store.count("lead", Compare("branch_id", "=", "branch-xeducation-branch"))


def test_the_real_leads_are_scored_into_bands(enquiries, shared):
    """Every lead is scored, not scored or failed, at least three bands hold leads, and a second import changes none."""
    ports, _, data = enquiries
    job = start_scoring(ports, platform("xeducation"), "lead-priority/course-enquiry")
    result = shown_result(run_job(ports, job.id, clock=Clock(), worker="w"))
    states = {name: result[name] for name in ("scored", "not_scored", "excluded", "failed")}
    assert (9240, 0) == (sum(states.values()), states["failed"])
    assert (result["scored"], True) == (sum(result["bands"].values()), len(result["bands"]) >= 3)
    again = import_leads(ports, platform("xeducation"), data, LEADS)
    assert (0, 9240) == (again.changed, again.records["lead"]["unchanged"])
    kept = shown_result(run_job(ports, start_scoring(ports, platform("xeducation")).id, clock=Clock(), worker="w"))
    assert (0, 9240) == (kept["changed"], kept["unchanged"])


def lead_file(*rows: dict[str, str]) -> bytes:
    """A file of leads with these columns filled."""
    names = [column.name for column in read_mapping(LEADS, "x", make_ports().library.schemas).files[0].columns]
    lines = [",".join(names), *(",".join(row.get(name, "") for name in names) for row in rows)]
    return "\r\n".join(lines).encode()


def test_leads_go_to_representatives_in_turn_and_stay_with_them():
    """New leads are dealt to representatives by number.

    A lead that was given away keeps its owner at the next import.
    """
    ports = make_world()
    rows = [{"Prospect ID": f"p{number}", "Lead Number": str(number)} for number in range(8)]
    import_leads(ports, platform(), lead_file(*rows), LEADS)
    owners = Counter(one["owner_id"] for one in ports.store.scan("lead", Always()))
    assert {"far": 2, "field": 2, "other": 2, "rep": 2} == owners
    mine = next(one for one in ports.store.scan("lead", Compare("owner_id", "=", "rep")))
    update_record(ports, as_person(ports, "manager"), "lead", mine.id, {"owner_id": "field"}, revision=1)
    report = import_leads(ports, platform(), lead_file(*rows), LEADS)
    assert (0, "field") == (report.changed, get_record(ports, platform(), "lead", mine.id)["owner_id"])


def test_changed_facts_put_a_lead_back_to_waiting():
    """A lead whose facts change in the source loses its score until it is scored again."""
    ports = make_world({path: one for path, one in shipped_rules().items() if "course-enquiry" in path})
    row = {"Prospect ID": "p1", "Lead Number": "1", "Lead Source": "Google", "TotalVisits": "5", "Lead Origin": "API"}
    import_leads(ports, platform(), lead_file(row), LEADS)
    run_job(ports, start_scoring(ports, platform()).id, clock=Clock(), worker="w")
    before = next(iter(ports.store.scan("lead", Always())))
    assert ("scored", NOW) == (before["score_state"], before["created_at"])
    import_leads(ports, platform(), lead_file({**row, "TotalVisits": "9"}), LEADS)
    after = next(iter(ports.store.scan("lead", Always())))
    assert ("waiting", None, Decimal(9)) == (after["score_state"], after["score"], after["facts"]["total_visits"])


def test_a_lead_without_any_fact_is_not_scored_and_counted():
    """A row whose facts are all missing is imported, not scored, and counted as such."""
    ports = make_world({path: one for path, one in shipped_rules().items() if "course-enquiry" in path})
    import_leads(ports, platform(), lead_file({"Prospect ID": "p1", "Lead Number": "1", "City": "Select"}), LEADS)
    result = shown_result(run_job(ports, start_scoring(ports, platform()).id, clock=Clock(), worker="w"))
    assert (1, 1, 0) == (result["leads"], result["not_scored"], result["scored"])


def test_the_real_crm_export_goes_into_sqlite_in_seconds(shared, tmp_path):
    """The whole export arrives in the embedded database too, and is unchanged when it is imported again."""
    ports = make_ports(open_store(f"sqlite:///{tmp_path / 'bylaw.db'}"))
    first = import_crm(ports, platform("maven-crm"), crm_files(shared), CRM)
    again = import_crm(ports, platform("maven-crm"), crm_files(shared), CRM)
    assert (8800, 0) == (first.records["deal"]["created"], again.changed)
    assert ports.store.get("import_batch", first.batch_id, Always())["counts"]["changed"] == first.changed
    ports.store.close()


cells = st.sampled_from(
    ["", "1", "2", "Ann", "Ben", "Bne", "5.10", "-3", "1e5", "NaN", "a,b", 'say "so"', "two\nlines", "ü", " "]
)


@settings(max_examples=40)
@given(st.lists(st.tuples(cells, cells, cells), max_size=8))
def test_any_rows_are_counted_and_imported_once(rows):
    """Rows = imported + unchanged + rejected, each rejection has a finding, again changes nothing."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("id", "owner", "value"), *rows])
    ports = make_ports()
    first = small(ports, text.getvalue().encode())
    again = small(ports, text.getvalue().encode())
    deals = first.files[1]
    assert len(rows) == deals.rows == deals.imported + deals.unchanged + deals.rejected
    assert deals.imported == ports.store.count("deal", Always())
    rejections = {one.line for one in first.findings if one.done == "the row was rejected"}
    assert deals.rejected == len(rejections)
    assert (0, deals.imported, first.findings) == (again.changed, again.files[1].unchanged, again.findings)
