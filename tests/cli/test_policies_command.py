"""`bylaw policies`: compiled and released beside their texts, and compared with what was released."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from command_runs import Run

from adapters.wiring import Shipped
from engine import exact_json

Bylaw = Callable[..., Run]
RULE = (
    'allow(user: User, "read", record: Lead) if user.role = "sales_rep" and '
    "record.organisation_id = user.organisation_id and record.owner_id = user.id;\n"
)
WIDER = RULE.replace(" and record.owner_id = user.id", "")
STATED = (
    "widenings:\n"
    "  - roles: [sales_rep]\n"
    "    action: read\n"
    "    record_types: [lead]\n"
    "    granted_when: [organisation_id = user.organisation_id]\n"
    "    reason: everybody helps\n"
)
FAILING = (
    "defaults: {organisation_id: acme}\n"
    "people:\n  ann: {role: sales_rep}\n"
    "records:\n  theirs: {type: lead, owner_id: bob}\n"
    "tests:\n  - {name: nobody reads what is another's, actor: ann, record: theirs, deny: [read]}\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of policies with one rule."""
    made = tmp_path / "policies"
    made.mkdir()
    (made / "leads.polar").write_text(RULE)
    return made


def kept(folder: Path) -> set[str]:
    """The digests of what is kept."""
    return {path.stem for path in (folder / "compiled").glob("*.json")}


def codes(run: Run) -> list[str]:
    """The codes that `check` found, but for the record types that have no rule here."""
    found = [problem["code"] for problem in run.json["problems"]]
    return [code for code in found if code != "policy.no_row"]


def test_policies_are_compiled_beside_their_texts(bylaw: Bylaw, folder: Path) -> None:
    """`compile` keeps the present policies and no others; `check` says when they have changed since."""
    assert [] == codes(bylaw("check", folder, "--json"))
    first = bylaw("policies", "compile", folder)
    assert (0, 1) == (first.code, len(kept(folder)))
    assert [] == codes(bylaw("check", folder, "--json"))
    (folder / "leads.polar").write_text(WIDER)
    assert ["policy.compiled_stale"] == codes(bylaw("check", folder, "--json"))
    assert first.out != bylaw("policies", "compile", folder).out
    assert 1 == len(kept(folder))
    (path,) = (folder / "compiled").glob("*.json")
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    assert ["policy.compiled_stale"] == codes(bylaw("check", folder, "--json"))
    path.write_text(path.read_text()[:-9])
    assert 0 == bylaw("policies", "compile", folder).code
    assert [] == codes(bylaw("check", folder, "--json"))


def test_what_grants_more_than_the_release_is_stated(bylaw: Bylaw, folder: Path) -> None:
    """After a release a wider rule is refused by `check` and `release` until it is stated, which the next one notes."""
    assert 0 == bylaw("policies", "release", "1.0.0", folder).code
    assert [] == codes(bylaw("check", folder, "--json"))
    (folder / "leads.polar").write_text(WIDER)
    bylaw("policies", "compile", folder)
    assert 2 == len(kept(folder)), "what was released stays"
    checked = bylaw("check", folder)
    assert 1 == checked.code
    assert (
        "leads.polar:1:1: policy.widened: `sales_rep` may `read` `lead` records that 1.0.0 did not let" in checked.out
    )
    refused = bylaw("policies", "release", "1.1.0", folder)
    assert 1 == refused.code
    assert "policy.widened" in refused.out
    (folder / "widenings.yaml").write_text(STATED)
    assert [] == codes(bylaw("check", folder, "--json"))
    assert 0 == bylaw("policies", "release", "1.1.0", folder).code
    listed = exact_json.parse((folder / "releases.json").read_text())["releases"]
    assert [("1.0.0", []), ("1.1.0", ["everybody helps"])] == [
        (one["version"], [said["reason"] for said in one["widened"]]) for one in listed
    ]
    assert {one["policies"] for one in listed} == kept(folder)
    assert "everybody helps" not in (folder / "widenings.yaml").read_text()
    assert [] == codes(bylaw("check", folder, "--json"))
    (folder / "widenings.yaml").write_text(STATED)
    assert ["policy.widening_not_so"] == codes(bylaw("check", folder, "--json"))
    (folder / "leads.polar").write_text(RULE)
    (folder / "widenings.yaml").unlink()
    assert 0 == bylaw("policies", "release", "1.2.0", folder).code


def test_a_release_that_fails_its_tests_is_refused(bylaw: Bylaw, folder: Path) -> None:
    """Policies whose own tests fail are not released, and nothing is written."""
    (folder / "leads.polar").write_text(WIDER)
    (folder / "tests.yaml").write_text(FAILING)
    refused = bylaw("policies", "release", "1.0.0", folder)
    assert (1, False) == (refused.code, (folder / "releases.json").exists())
    assert "policy.test_failed" in refused.out


def test_a_release_that_cannot_be_is_refused(bylaw: Bylaw, folder: Path) -> None:
    """No version, an earlier one, a damaged list, a release that is not kept: each is told, and nothing is written."""
    assert 1 == bylaw("policies", "release", "one", folder).code
    assert not (folder / "releases.json").exists()
    assert 0 == bylaw("policies", "release", "1.0.0", folder).code
    before = (folder / "releases.json").read_text()
    assert 1 == bylaw("policies", "release", "0.9.0", folder).code
    assert before == (folder / "releases.json").read_text()
    for path in (folder / "compiled").glob("*.json"):
        path.unlink()
    assert ["policy.compiled_stale", "policy.releases"] == codes(bylaw("check", folder, "--json"))
    (folder / "releases.json").write_text("[]")
    assert "policy.releases" in codes(bylaw("check", folder, "--json"))


def test_versions_and_digests_are_compared(
    bylaw: Bylaw, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`authz diff` takes folders, released versions and digests of what is kept, and says which there are."""
    bylaw("policies", "release", "1.0.0", folder)
    (old,) = kept(folder)
    (folder / "leads.polar").write_text(WIDER)
    (folder / "widenings.yaml").write_text(STATED)
    bylaw("policies", "release", "1.1.0", folder)
    (new,) = kept(folder) - {old}
    monkeypatch.setattr(Shipped, "find", lambda: Shipped(tmp_path))
    for first, second in (("1.0.0", "1.1.0"), (old[:8], new), ("1.0.0", folder), (old, "1.1.0")):
        found = bylaw("authz", "diff", first, second, "--rules-only", "--json")
        assert (1, old, new) == (found.code, found.json["old"], found.json["new"])
        assert [("sales_rep", "read", "lead", True)] == [
            (one["role"], one["action"], one["record_type"], one["gains"]) for one in found.json["changes"]
        ]
    assert 0 == bylaw("authz", "diff", new[:8], "1.1.0", "--rules-only").code
    unknown = bylaw("authz", "diff", "2.0.0", "1.1.0", "--rules-only")
    assert 3 == unknown.code
    assert "released: 1.0.0, 1.1.0" in unknown.err
