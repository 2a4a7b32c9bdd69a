"""Each command over the example organisation: what it prints, what it changes, and how it ends."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from command_runs import ROOT, Run

from adapters.signing import is_signed_by
from adapters.wiring import Settings, build, now
from cli.main import COMMANDS
from engine.audit.note import PublicKey, open_checkpoint
from engine.service.auditing import UNPLACED, record_attempt

Bylaw = Callable[..., Run]

LEAD = {"employees": 800, "industry": "retail", "events": [{"type": "demo request", "at": "2026-11-01T09:00:00Z"}]}
AT = ("--at", "2026-11-02T09:00:00Z")


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    file = tmp_path / "lead.json"
    file.write_text(json.dumps(LEAD))
    return file


@pytest.fixture
def home(tmp_path: Path, example_home: Path) -> Path:
    """A copy of the example's home directory, for tests that change it."""
    return Path(shutil.copytree(example_home, tmp_path / "copy"))


def test_evaluate(bylaw: Bylaw, example_home: Path, facts: Path) -> None:
    """A lead is scored by the published rules, exactly, with the reasons that DESIGN.md's example gives."""
    found = bylaw("evaluate", "lead-priority/inbound", "--facts", facts, *AT, "--json", home=example_home)
    assert (0, "") == (found.code, found.err)
    decision = found.json
    assert ("48.550855", "B", 3) == (decision["outcome"]["score"], decision["outcome"]["band"], decision["version"])
    assert [("enterprise", "20"), ("demo", "28.550855")] == [
        (r["rule"], r["contribution"]) for r in decision["reasons"]
    ]


def test_evaluate_twice(bylaw: Bylaw, example_home: Path, facts: Path) -> None:
    """The same facts at the same instants give the same bytes."""
    question = ("evaluate", "lead-priority/inbound", "--facts", facts, *AT, "--as-of", "2099-01-01", "--json")
    assert bylaw(*question, home=example_home).out == bylaw(*question, home=example_home).out


def test_evaluate_and_say_what_would_change_it(bylaw: Bylaw, facts: Path) -> None:
    """`--nearest` and `--target` add the nearest change, in words and as the API has it."""
    question = ("evaluate", "lead-priority/inbound", "--facts", facts, *AT)
    found = bylaw(*question, "--target", "band=C", "--fixed", "events", "--fixed", "industry", "--json")
    assert [{"fact": "employees", "from": "800", "to": "49"}] == found.json["nearest"]["changes"]
    said = bylaw(*question, "--nearest").out
    assert "the band is A instead of B (nothing is nearer)." in " ".join(said.split())


def test_evaluate_with_a_target_that_is_none(bylaw: Bylaw, facts: Path) -> None:
    """A target that is not a name with a value is refused before anything is decided."""
    found = bylaw("evaluate", "lead-priority/inbound", "--facts", facts, *AT, "--target", "A")
    assert found.code != 0
    assert "cli.target" in found.err


def test_evaluate_without_a_database(bylaw: Bylaw, facts: Path) -> None:
    """Where no organisation is, the shipped rule files decide, and that is said beside the answer."""
    found = bylaw("evaluate", "lead-priority/inbound", "--facts", facts, *AT, "--json")
    assert "48.550855" == found.json["outcome"]["score"]
    assert found.err.startswith("no organisation yet, so the shipped rule files decide")


def test_evaluate_by_a_folder(bylaw: Bylaw, facts: Path, tmp_path: Path) -> None:
    """`--rules` decides by the files of a folder and touches no database."""
    folder = tmp_path / "rules" / "lead-priority"
    folder.mkdir(parents=True)
    text = (ROOT / "rules" / "lead-priority" / "inbound@1.yaml").read_text()
    facts.write_text("{}")
    (folder / "inbound@1.yaml").write_text(text)
    found = bylaw("evaluate", "lead-priority/inbound", "--facts", facts, "--rules", tmp_path / "rules",
                  "--at", "2026-02-01", "--json")  # fmt: skip
    assert (0, 1) == (found.code, found.json["version"])
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{", "json.malformed"),
        ("[1]", "cli.facts_no_object"),
        ('{"employees": 1, "employees": 2}', "json.duplicate_key"),
        ('{"employes": 1}', "facts.unknown_field"),
        ('{"employees": "800"}', "facts.wrong_type"),
        ("[" * 10_000, "json.too_deep"),
        ('{"employees": NaN}', "json.not_a_number"),
        ("\xff", "json.encoding"),
    ],
)
def test_bad_facts(bylaw: Bylaw, example_home: Path, tmp_path: Path, content: str, code: str) -> None:
    """Facts that cannot be read end with 1 and a problem that has a stable code, and print no answer."""
    file = tmp_path / "facts.json"
    file.write_bytes(content.encode("latin-1"))
    found = bylaw("evaluate", "lead-priority/inbound", "--facts", file, "--json", home=example_home)
    assert (1, "", [code]) == (found.code, found.out, found.problems)


def test_evaluate_misspelt(bylaw: Bylaw, example_home: Path, facts: Path) -> None:
    """A misspelt rule set ends with 3 and a suggestion."""
    found = bylaw("evaluate", "lead-priority/inbond", "--facts", facts, home=example_home)
    assert (3, "") == (found.code, found.out)
    assert "did you mean `lead-priority/inbound`?" in found.err


def test_rules_list(bylaw: Bylaw, example_home: Path) -> None:
    """The list names every shipped rule set with the version in force."""
    found = bylaw("rules", "list", "--json", home=example_home)
    shipped = {path.parent.name + "/" + path.name.split("@")[0] for path in (ROOT / "rules").rglob("*.yaml")}
    assert shipped == {item["name"] for item in found.json["items"]}
    shown = bylaw("rules", "list", home=example_home)
    assert all(name in shown.out for name in shipped)


def test_rules_show(bylaw: Bylaw, example_home: Path) -> None:
    """A rule set's text comes back byte for byte; its readable form names every rule's reason."""
    path = ROOT / "rules" / "lead-priority" / "inbound@2.yaml"
    question = ("rules", "show", "lead-priority/inbound", "--version", "2")
    assert path.read_text() == bylaw(*question, "--yaml", home=example_home).out
    assert 2 == bylaw(*question, "--json", home=example_home).json["version"]
    shown = bylaw(*question, home=example_home).out
    assert re.search(r"(\d+) of \1 tests of its own pass", shown)
    assert "versions: 3, 2, 1" in shown


def test_score_leads(bylaw: Bylaw, home: Path) -> None:
    """Every lead is counted once: in a band, or as excluded, not scored or failed."""
    job = bylaw("score", "leads", "--json", home=home).json
    result = job["result"]
    others = sum(int(result[name]) for name in ("excluded", "not_scored", "failed"))
    counted = sum(map(int, result["bands"].values())) + others
    assert ("succeeded", int(result["leads"])) == (job["state"], counted)
    again = bylaw("score", "leads", home=home)
    assert 0 == again.code
    assert f"{int(result['leads']):,} leads read" in again.out


def test_score_with_a_wrong_rule_set(bylaw: Bylaw, home: Path) -> None:
    """Leads are not scored by a rule set that is no lead priority; nothing is started."""
    found = bylaw("score", "leads", "--rule-set", "incentive-plan/sales-commission", "--json", home=home)
    assert (1, ["rule_set.wrong_kind"]) == (found.code, found.problems)


def test_incentives_run(bylaw: Bylaw, home: Path) -> None:
    """An incentive run proves that won value = credited + excluded, for each payee and in all, to the cent."""
    job = bylaw("incentives", "run", "sales-commission", "--period", "2026-Q2", "--json", home=home).json
    result = job["result"]
    won, credited, excluded = (Decimal(result[name]) for name in ("won_value", "credited", "excluded"))
    assert ("succeeded", True, won) == (job["state"], result["reconciled"], credited + excluded)
    for row in result["by_payee"]:
        assert Decimal(row["won_value"]) == Decimal(row["credited"]) + Decimal(row["excluded"])
    shown = bylaw("incentives", "run", "sales-commission", "--period", "2026-Q2", home=home).out
    assert f"reconciled: won {won:,.2f}" in shown


def test_wrong_period(bylaw: Bylaw, home: Path) -> None:
    """A period that is none ends with 1 and says what one looks like."""
    found = bylaw("incentives", "run", "sales-commission", "--period", "2026-Q5", home=home)
    assert 1 == found.code
    assert "2026-Q5" in found.err


def test_sync_explain(bylaw: Bylaw, example_home: Path) -> None:
    """deal-981's dry run: the server's 10,000 wins over the device's 12,000, and the rule that decided is named."""
    decision = bylaw("sync", "explain", "deal-981", "--json", home=example_home).json
    (field,) = [row for row in decision["outcome"]["fields"] if row["winner"] != "unchanged"]
    amounts = [field[side]["amount"] for side in ("client", "server", "value")]
    assert (["12000", "10000", "10000"], "server") == (amounts, field["winner"])
    shown = bylaw("sync", "explain", "conflict-deal-981", home=example_home).out
    assert shown.startswith("Dry run: nothing is changed.")
    assert "contract_target" in shown


@pytest.mark.parametrize("arguments", [(), ("c", "--facts", "f"), ("--facts", "f")])
def test_sync_explain_usage(bylaw: Bylaw, arguments: tuple[str, ...]) -> None:
    """A dry run needs either a stored conflict or facts with a rule set."""
    assert 2 == bylaw("sync", "explain", *arguments).code


def test_a_checkpoint_is_signed_with_the_key_that_is_shown(bylaw: Bylaw, home: Path) -> None:
    """`audit key` prints the key of the organisation's log, and it opens what `audit checkpoint` signs."""
    organisation = ("--organisation", "larkmoor")
    shown = bylaw("audit", "key", *organisation, "--json", home=home).json
    key = PublicKey.parse(bylaw("audit", "key", *organisation, home=home).out.strip())
    assert ("bylaw.audit/larkmoor", key.fingerprint) == (shown["log"], shown["fingerprint"])
    made = bylaw("audit", "checkpoint", *organisation, "--json", home=home).json
    opened = open_checkpoint(made["note"], key, is_signed_by)
    assert (made["size"], made["root"]) == (opened.size, opened.root.hex())
    assert made["note"] == bylaw("audit", "checkpoint", *organisation, home=home).out
    assert 0o600 == (home / "audit.key").stat().st_mode & 0o777


def test_audit_erase(bylaw: Bylaw, home: Path) -> None:
    """`audit erase` takes a person's name out of log and records for an administrator, once, and for nobody else."""
    erase = ("audit", "erase", "--subject", "person/person-sales_manager", "--reason", "request 7")
    assert bylaw(*erase, "--as", "person-revops_analyst", home=home).code == 4
    before = bylaw("audit", "show", "--actor", "person-sales_manager", "--organisation", "larkmoor", home=home).out
    assert "Ruth" in before
    done = bylaw(*erase, "--as", "person-platform_admin", "--json", home=home).json
    assert ("person/person-sales_manager", False) == (done["subject"], done["done_before"])
    after = bylaw("audit", "show", "--actor", "person-sales_manager", "--organisation", "larkmoor", home=home).out
    assert ("Ruth" in after, "erased" in after) == (False, True)
    assert "was erased before" in bylaw(*erase, "--as", "person-platform_admin", home=home).out


def test_audit_show(bylaw: Bylaw, example_home: Path) -> None:
    """Audit entries come newest first, filtered, and a cursor goes on where the page ended."""
    first = bylaw("audit", "show", "--action", "publish", "--limit", "2", "--json", home=example_home).json
    cursor = first["next_cursor"]
    second = bylaw(
        "audit", "show", "--action", "publish", "--limit", "2", "--cursor", cursor, "--json", home=example_home
    )
    numbers = [int(entry["sequence"]) for entry in (*first["items"], *second.json["items"])]
    assert (4, sorted(numbers, reverse=True)) == (len(numbers), numbers)
    assert {"publish"} == {entry["action"] for entry in first["items"]}
    assert "publish" in bylaw("audit", "show", "--action", "publish", home=example_home).out


def test_the_log_of_a_door_that_organisations_share(bylaw: Bylaw, home: Path) -> None:
    """`unplaced` names a log for the commands about logs: it is shown, signed, exported and checked like others."""
    unplaced = ("--organisation", "unplaced")
    assert "no entry" in bylaw("audit", "show", *unplaced, home=home).out
    settings = Settings.from_environment({"BYLAW_HOME": str(home)})
    with build(settings) as wiring:
        record_attempt(
            wiring.ports, at=now(), action="session.begin", outcome="denied", channel="console", request_id="r-1",
            subject=("session", "stranger"), organisation_id=UNPLACED, reason="identity.unknown_person",
        )  # fmt: skip
    assert "identity.unknown_person" in bylaw("audit", "show", *unplaced, home=home).out
    assert 1 == int(bylaw("audit", "checkpoint", *unplaced, "--json", home=home).json["size"])
    assert "identity.unknown_person" in bylaw("audit", "export", *unplaced, home=home).out
    checked = bylaw("audit", "check", *unplaced, home=home)
    assert (0, "1 entries and 1 checkpoints are as they were logged\n") == (checked.code, checked.out)
    assert 3 == bylaw("jobs", "list", *unplaced, home=home).code


def test_foreign_cursor(bylaw: Bylaw, example_home: Path) -> None:
    """A cursor that the list did not give out ends with 1."""
    found = bylaw("audit", "show", "--cursor", "made-up", "--json", home=example_home)
    assert (1, ["cursor.invalid"]) == (found.code, found.problems)


def test_jobs(bylaw: Bylaw, home: Path) -> None:
    """A job handed to the workers waits, is shown, and can be cancelled once."""
    started = bylaw("score", "leads", "--background", "--json", home=home)
    job_id = started.json["id"]
    assert (0, "queued") == (started.code, started.json["state"])
    assert "the queue does not answer" in started.err
    assert job_id == bylaw("jobs", "list", "--limit", "1", "--json", home=home).json["items"][0]["id"]
    assert "queued" in bylaw("jobs", "show", job_id, home=home).out
    assert "cancelled" == bylaw("jobs", "cancel", job_id, "--json", home=home).json["state"]
    again = bylaw("jobs", "cancel", job_id, "--json", home=home)
    assert (1, ["job.finished"]) == (again.code, again.problems)
    assert 3 == bylaw("jobs", "show", "job-none", home=home).code


def test_keys_make(bylaw: Bylaw, home: Path) -> None:
    """A key is shown once, stored only as a digest, and stands for the person it was made for."""
    from adapters.wiring import build, now
    from cli.opened import settings_for
    from engine.service.api_keys import actor_for_api_key

    found = bylaw("keys", "make", "person-revops_analyst", "--name", "nightly", "--json", home=home)
    token = found.json["key"]
    with build(settings_for(home)) as wiring:
        assert "person-revops_analyst" == actor_for_api_key(wiring.ports, token, now()).id
    assert token.encode() not in b"".join(file.read_bytes() for file in home.glob("bylaw.sqlite3*"))
    plain = bylaw("keys", "make", "person-revops_analyst", "--name", "nightly", home=home)
    assert re.fullmatch(r"byl_[a-z0-9]{8}_[A-Za-z0-9_-]{43}\n", plain.out)
    assert token not in plain.out


def test_keys_list_rotate_and_revoke(bylaw: Bylaw, home: Path) -> None:
    """Keys are listed without their text, replaced while the old one serves, and ended; each says what happened."""
    assert "no key\n" == bylaw("keys", "list", "--of", "person-field_sales_rep", home=home).out
    wanted = ("--scope", "read:lead", "--scope", "read:deal", "--days", "2")
    made = bylaw("keys", "make", "person-field_sales_rep", "--name", "phone", *wanted, "--json", home=home).json
    assert (["read:deal", "read:lead"], "person-field_sales_rep") == (made["scopes"], made["person_id"])
    rotated = bylaw("keys", "rotate", made["id"], "--overlap-hours", "1", "--json", home=home).json
    assert (made["scopes"], True) == (rotated["scopes"], rotated["key"] != made["key"])
    listed = bylaw("keys", "list", "--of", "person-field_sales_rep", "--json", home=home)
    assert {made["id"]: "replaced", rotated["id"]: "active"} == {
        one["id"]: one["state"] for one in listed.json["items"]
    }
    for text in (made["key"], rotated["key"], "secret_digest"):
        assert text not in listed.out
    plain = bylaw("keys", "list", home=home).out
    assert f"byl_{made['prefix']}_" in plain
    assert made["key"] not in plain
    assert "is revoked" in bylaw("keys", "revoke", rotated["id"], home=home).out
    again = bylaw("keys", "rotate", rotated["id"], "--json", home=home)
    assert (1, ["api_key.ended"]) == (again.code, again.problems)
    assert 3 == bylaw("keys", "revoke", "key-none", home=home).code
    misspelt = bylaw("keys", "make", "person-sales_rep", "--name", "x", "--scope", "read:laed", "--json", home=home)
    assert (1, ["api_key.scopes"]) == (misspelt.code, misspelt.problems)


def test_people_link_and_unlink(bylaw: Bylaw, home: Path) -> None:
    """An account of an identity provider becomes a person of the directory, one person at a time, and nobody again."""
    account = ("--issuer", "https://id.example.com", "--subject", "248289761001")
    linked = bylaw("people", "link", "person-field_sales_rep", *account, "--json", home=home).json
    assert ("person-field_sales_rep", "248289761001") == (linked["id"], linked["identity_subject"])
    taken = bylaw("people", "link", "person-sales_rep", *account, "--json", home=home)
    assert ["identity.linked_already"] == taken.problems
    assert "is linked to no account" in bylaw("people", "unlink", "person-field_sales_rep", home=home).out
    assert "from now on" in bylaw("people", "link", "person-sales_rep", *account, home=home).out
    assert 0 == bylaw("people", "unlink", "person-sales_rep", home=home).code


def test_as_a_person(bylaw: Bylaw, home: Path) -> None:
    """`--as` acts with that person's rights: a representative makes no keys for others."""
    wanted = ("keys", "make", "person-sales_manager", "--name", "x")
    denied = bylaw(*wanted, "--as", "person-sales_rep", "--json", home=home)
    assert (4, ["access.denied"]) == (denied.code, denied.problems)
    assert 3 == bylaw("rules", "list", "--as", "person-nobody", home=home).code


def test_organisations(bylaw: Bylaw, example_home: Path) -> None:
    """Without any organisation, or with a misspelt one, what to do is said."""
    empty = bylaw("jobs", "list", "--json")
    assert (3, ["cli.no_organisation"]) == (empty.code, empty.problems)
    other = bylaw("jobs", "list", "--organisation", "acme", home=example_home)
    assert (3, True) == (other.code, "there is no organisation `acme`" in other.err)


def test_import_twice(bylaw: Bylaw, shared: Path, tmp_path: Path) -> None:
    """The original CRM files are imported wholly, and a second import of the same files changes nothing."""
    folder = shared / "data" / "maven-crm"
    first = bylaw("import", "crm", folder, "--json").json
    assert 8_800 == next(file["imported"] for file in first["files"] if file["file"] == "sales_pipeline.csv")
    second = bylaw("import", "crm", folder)
    assert (0, True) == (second.code, "nothing changed" in second.out)
    # The imported organisation is from now on the one that commands act in.
    listed = bylaw("rules", "list", "--json")
    assert "lead-priority/inbound" in {item["name"] for item in listed.json["items"]}


def test_import_of_nothing(bylaw: Bylaw, tmp_path: Path) -> None:
    """A folder without the files that the mapping needs names each of them and changes nothing."""
    found = bylaw("import", "crm", tmp_path, "--json")
    assert (1, {"import.missing_file"}) == (found.code, set(found.problems))
    assert 3 == bylaw("import", "crm", tmp_path / "none").code
    mapping = bylaw("import", "leads", __file__, "--mapping", "xeducation-lead", "--json")
    assert (3, ["cli.no_mapping"]) == (mapping.code, mapping.problems)


def test_prepare_twice(bylaw: Bylaw, example_home: Path) -> None:
    """Preparing what is prepared changes nothing and says so."""
    assert "everything was ready already\n" == bylaw("prepare", home=example_home).out


def test_prepare_without_the_example(bylaw: Bylaw, tmp_path: Path) -> None:
    """`--no-example` makes a database without any organisation."""
    assert 0 == bylaw("prepare", "--no-example").code
    assert (tmp_path / "home" / "bylaw.sqlite3").exists()
    assert 3 == bylaw("audit", "show").code


def test_version(bylaw: Bylaw) -> None:
    """The version names the interpreter too."""
    assert f"{sys.version_info.major}.{sys.version_info.minor}" in bylaw("version", "--json").json["python"]
    assert bylaw("version").out.startswith("bylaw ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(bylaw: Bylaw, shell: str) -> None:
    """Each shell gets a script that asks the command itself."""
    assert "_BYLAW_COMPLETE" in bylaw("completion", shell).out


def test_help_names_every_command(bylaw: Bylaw) -> None:
    """`--help` lists every command with its sentence, and each command has a help of its own."""
    text = " ".join(bylaw("--help").out.split())
    assert all(f"{name} {about}" in text for name, _, about in COMMANDS)
    assert all(0 == bylaw(name, "--help").code for name, _, _ in COMMANDS)


@pytest.mark.parametrize(
    "arguments", [("chekc",), ("check",), ("evaluate", "x"), ("up", "--port", "x"), ("rules", "show"), ("--nope",)]
)
def test_usage(bylaw: Bylaw, arguments: tuple[str, ...]) -> None:
    """A command line that cannot be understood ends with 2 and says why on standard error alone."""
    found = bylaw(*arguments)
    assert (2, "", True) == (found.code, found.out, "Error: " in found.err)


def test_misspelt_command(bylaw: Bylaw) -> None:
    """A misspelt command gets a suggestion."""
    assert "No such command 'chekc': did you mean `check`?" in bylaw("chekc").err


def test_wrong_setting(bylaw: Bylaw, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that cannot be read is a usage error, with its name."""
    monkeypatch.setenv("BYLAW_PROT", "1")
    found = bylaw("jobs", "list", "--json")
    assert (2, ["settings.unknown"]) == (found.code, found.problems)


@pytest.mark.parametrize("text", ["yesterday", "2026-11-02T09:00:00", "2026-13-01", ""])
def test_wrong_instant(bylaw: Bylaw, text: str) -> None:
    """An instant needs a zone, so that it means the same everywhere."""
    assert 2 == bylaw("rules", "list", "--at", text).code


def test_decimals_are_exact(bylaw: Bylaw, example_home: Path, facts: Path) -> None:
    """Printed JSON holds decimals as texts: no reader can make binary floats of them."""
    found = bylaw("evaluate", "lead-priority/inbound", "--facts", facts, *AT, "--json", home=example_home)
    floats: list[str] = []
    json.loads(found.out, parse_float=floats.append)
    assert [] == floats
