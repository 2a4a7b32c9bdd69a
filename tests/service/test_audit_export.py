"""The exported log: what is in it for whom, and that it is checked offline before and after erasing and tampering."""

from __future__ import annotations

import json
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world import NOW, ORGANISATION, Clock, as_person, deal, insert, lead, make_world, platform, staff

from adapters.shipped import verify_audit
from adapters.signing import is_signed_by, signer_of
from engine.audit.progress import Progress
from engine.audit.verification import verify
from engine.caller import Caller
from engine.ports import Ports, Store
from engine.predicate import Compare
from engine.problems import ConflictError, InvalidError, NotFoundError
from engine.service.audit import list_audit
from engine.service.audit_check import check_log
from engine.service.audit_export import AuditExport, export_audit
from engine.service.checkpoints import take_checkpoint
from engine.service.erasure import erase_subject
from engine.service.records import update_record

SIGNER, OTHER_SIGNER = signer_of("01" * 32), signer_of("02" * 32)
MINE = Compare("organisation_id", "=", ORGANISATION)
KEY = SIGNER.key(ORGANISATION)


def changed(ports: Ports, person: str, kind: str, record_id: str, clock: Clock, **changes: Any) -> None:
    """One change by a person, an hour after the one before."""
    clock.forward(hours=1)
    seen = ports.store.get(kind, record_id, MINE)
    update_record(ports, as_person(ports, person, clock()), kind, record_id, changes, revision=seen.revision)


@pytest.fixture
def ports(store: Store) -> Ports:
    """The log of `prepared` in every store."""
    return prepared(make_world(store=store))


@pytest.fixture
def remembered() -> Ports:
    """The same log in the reference store."""
    return prepared(make_world())


def prepared(ports: Ports) -> Ports:
    """Nine changes: six of deals in two teams, three of a lead; then an attempt that is denied."""
    people, clock = staff(), Clock()
    insert(ports, deal("d-rep", people["rep"]), deal("d-far", people["far"]), lead("lead-1", people["rep"]))
    for step in range(3):
        changed(ports, "rep", "deal", "d-rep", clock, next_step=f"step {step}")
        changed(ports, "far", "deal", "d-far", clock, next_step=f"step {step}")
        changed(ports, "rep", "lead", "lead-1", clock, name=f"Eve {step}")
    with pytest.raises(NotFoundError):
        changed(ports, "rep", "deal", "d-far", clock, next_step="mine now")
    return ports


def exported(ports: Ports, caller: Caller, scope: str = "organisation", **more: Any) -> tuple[AuditExport, bytes]:
    """The export and the file's bytes."""
    made = export_audit(ports, caller, SIGNER, scope, **more)
    return made, b"".join(made.lines)


def found(file: bytes, since: str | None = None) -> str | None:
    """The code of what both verifiers find, None for a good file."""
    ours = verify(BytesIO(file), is_signed_by, key=KEY, since=since)
    theirs = verify_audit.verdict_on(BytesIO(file), str(KEY), None, since)
    assert (ours.good, ours.number) == (theirs["good"], theirs["number"])
    return None if ours.problem is None else ours.problem.code


def leaves(file: bytes) -> list[dict[str, Any]]:
    """The entries in a file."""
    return [value for line in file.splitlines() if "sequence" in (value := json.loads(line))]


def test_the_whole_log(ports: Ports) -> None:
    """The platform's export holds every entry and is good; a denied attempt is one of them."""
    made, file = exported(ports, platform(now=NOW))
    assert (made.size, made.entries, len(leaves(file))) == (10, 10, 10)
    assert found(file) is None
    assert list(range(1, 11)) == [leaf["sequence"] for leaf in leaves(file)]
    assert ["accepted"] * 9 + ["denied"] == [leaf["result"] for leaf in leaves(file)]
    assert made.file_name == "audit-organisation-10.jsonl"


@pytest.mark.parametrize("person", ["rep", "far", "manager", "analyst", "admin", "other"])
def test_nobody_exports_what_they_may_not_read(ports: Ports, person: str) -> None:
    """The entries in a file are exactly those that the caller's list shows; of the others there are hashes alone."""
    caller = as_person(ports, person)
    listed = {entry["sequence"]: entry for entry in list_audit(ports, caller, limit=100).records}
    _, file = exported(ports, caller)
    assert found(file) is None
    assert sorted(listed) == [leaf["sequence"] for leaf in leaves(file)]
    if "d-far" not in {entry["record_id"] for entry in listed.values()}:
        assert b"d-far" not in file


@pytest.mark.parametrize(
    ("scope", "numbers"),
    [
        ("organisation", [*range(1, 11)]),
        ("region:r1", [*range(1, 11)]),
        ("region:elsewhere", []),
        ("branch:b1", [1, 3, 4, 6, 7, 9, 10]),
        ("team:t1", [1, 3, 4, 6, 7, 9, 10]),
        ("owner:far", [2, 5, 8]),
        ("actor:far", [2, 5, 8]),
        ("subject:lead/lead-1", [3, 6, 9]),
        ("subject:deal/d-far", [2, 5, 8, 10]),
    ],
)
def test_scopes(remembered: Ports, scope: str, numbers: list[int]) -> None:
    """A scope narrows the file to entries about a place, an owner, an actor or a record."""
    made, file = exported(remembered, platform(), scope)
    assert numbers == [leaf["sequence"] for leaf in leaves(file)]
    assert (len(numbers), None) == (made.entries, found(file))


@pytest.mark.parametrize(
    "scope", ["", "all", "region", "region:", "regon:r1", "subject:lead", "subject:/x", "subject:x/"]
)
def test_what_is_no_scope(scope: str) -> None:
    """Any other text is refused, with the scopes that there are."""
    ports = make_world()
    with pytest.raises(InvalidError) as caught:
        export_audit(ports, platform(), SIGNER, scope)
    assert caught.value.code == "audit.scope"
    assert "subject:TYPE/ID" in str(caught.value)


def test_a_period(remembered: Ports) -> None:
    """A file holds the entries from an instant, inclusive, to another, exclusive."""
    hour = timedelta(hours=1)
    _, file = exported(remembered, platform(), from_=NOW + 3 * hour, to=NOW + 6 * hour)
    assert [3, 4, 5] == [leaf["sequence"] for leaf in leaves(file)]
    assert found(file) is None
    head = json.loads(file.splitlines()[0])
    assert ("2026-11-23T12:00:00Z", "2026-11-23T15:00:00Z") == (head["from"], head["to"])


def test_whoever_waits_is_told_how_far_it_is(remembered: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exporting, verifying and checking tell how many of how many entries are done, now and then."""
    monkeypatch.setattr("engine.audit.progress.PROGRESS_ENTRIES", 4)
    told: dict[str, list[tuple[int, int]]] = {"export": [], "verify": [], "check": []}

    def telling(what: str) -> Progress:
        return lambda done, total: told[what].append((done, total))

    file = b"".join(export_audit(remembered, platform(), SIGNER, progress=telling("export")).lines)
    assert verify(BytesIO(file), is_signed_by, key=KEY, progress=telling("verify")).good
    check_log(remembered, platform(), SIGNER, is_signed_by, progress=telling("check"))
    assert {"export": [(0, 10), (4, 10), (8, 10)], "verify": [(4, 10), (8, 10)], "check": [(4, 10), (8, 10)]} == told


def test_an_empty_log() -> None:
    """A log without entries has no root to sign, so there is nothing to export."""
    with pytest.raises(NotFoundError) as caught:
        export_audit(make_world(), platform(), SIGNER)
    assert caught.value.code == "audit.empty"


def test_a_checkpoint_that_was_kept(remembered: Ports) -> None:
    """A part of the log proves, when asked, that it goes on from a checkpoint that somebody has kept."""
    kept = take_checkpoint(remembered, SIGNER, ORGANISATION, NOW)
    assert kept is not None
    changed(remembered, "rep", "deal", "d-rep", Clock(), next_step="later")
    _, file = exported(remembered, platform(), "owner:far", since=kept["note"])
    assert found(file, since=kept["note"]) is None


@pytest.mark.parametrize("note", ["", "x", "other", "unsigned"])
def test_a_checkpoint_that_is_none(remembered: Ports, note: str) -> None:
    """What is no checkpoint of this log by this key is refused before anything is written."""
    kept = take_checkpoint(remembered, SIGNER, ORGANISATION, NOW)
    assert kept is not None
    elsewhere = kept["note"].replace("bylaw.audit/acme", "bylaw.audit/other")
    texts = {"other": elsewhere, "unsigned": kept["note"].replace("\n10\n", "\n9\n")}
    with pytest.raises(InvalidError) as caught:
        export_audit(remembered, platform(), SIGNER, since=texts.get(note, note))
    assert caught.value.code in {"audit.note", "audit.signature"}


def test_another_key(remembered: Ports) -> None:
    """After a change of the key, files are signed by the new one alone and are good by it."""
    take_checkpoint(remembered, SIGNER, ORGANISATION, NOW)
    changed(remembered, "rep", "deal", "d-rep", Clock(), next_step="later")
    take_checkpoint(remembered, SIGNER, ORGANISATION, NOW)
    file = b"".join(export_audit(remembered, platform(), OTHER_SIGNER).lines)
    assert found(file) == "audit.key_unknown"
    assert verify(BytesIO(file), is_signed_by, key=OTHER_SIGNER.key(ORGANISATION)).good


def test_erasing_and_then_checking(ports: Ports) -> None:
    """A file from before an erasure stays good, one from after is good and without the name, and both say the same."""
    _, before = exported(ports, platform())
    erase_subject(ports, as_person(ports, "admin"), "lead/lead-1", "request 17")
    _, after = exported(ports, platform(), since=json.loads(before.splitlines()[1])["checkpoint"])
    assert found(before) is found(after) is None
    assert (b"Eve 2" in before, b"Eve 2" in after) == (True, False)
    assert leaves(before) == leaves(after)[:10]
    assert [leaf["action"] for leaf in leaves(after)[10:]] == ["erase"]
    kept = json.loads(before.splitlines()[1])["checkpoint"]
    assert found(after, since=kept) is None


def tampered(ports: Ports, number: int, **fields: Any) -> None:
    """An entry that was changed behind the store's back: in the reference store's memory."""
    held = ports.store._now().records["audit_entry"]
    record_id = f"audit-{number:012d}"
    held[record_id] = {**held[record_id], ORGANISATION: held[record_id][ORGANISATION].with_fields(**fields)}


def test_an_entry_that_was_changed_in_the_store(remembered: Ports) -> None:
    """An entry that was changed where it is kept is in the file as it is now, and both verifiers name it."""
    take_checkpoint(remembered, SIGNER, ORGANISATION, NOW)
    tampered(remembered, 4, actor_id="mallory")
    _, file = exported(remembered, platform())
    verdict = verify(BytesIO(file), is_signed_by, key=KEY)
    assert ("audit.entry_changed", 4) == (found(file), verdict.number)


def test_a_log_that_does_not_add_up(remembered: Ports) -> None:
    """Where the hashes themselves were changed there is nothing to prove, and nothing is exported."""
    take_checkpoint(remembered, SIGNER, ORGANISATION, NOW)
    for hidden in ("00" * 32, "no hash"):
        tampered(remembered, 4, leaf_hash=hidden)
        with pytest.raises(ConflictError) as caught:
            exported(remembered, platform())
        assert caught.value.code == "audit.broken"


def test_entries_that_share_a_number(remembered: Ports) -> None:
    """A file whose entries do not come by number is never finished."""
    take_checkpoint(remembered, SIGNER, ORGANISATION, NOW)
    tampered(remembered, 4, sequence=3)
    with pytest.raises(ConflictError) as caught:
        exported(remembered, platform())
    assert caught.value.code == "audit.broken"


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=30)


@settings(max_examples=25)
@given(st.lists(WORDS, min_size=1, max_size=4))
def test_any_text_is_good_in_both_verifiers(texts: list[str]) -> None:
    """Whatever people type is logged and exported so that both verifiers read the same bytes."""
    ports, clock = make_world(), Clock()
    insert(ports, deal("d-rep", staff()["rep"]), lead("lead-1", staff()["rep"]))
    for at, text in enumerate(texts):
        changed(ports, "rep", "deal", "d-rep", clock, next_step=f"{at}{text}", tags=[text])
        changed(ports, "rep", "lead", "lead-1", clock, name=f"{text}{at}")
    assert found(exported(ports, platform())[1]) is None
