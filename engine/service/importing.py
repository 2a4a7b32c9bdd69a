"""Importing other systems' files.

All of a mapping's records in batches, nothing dropped, the second time nothing changed.

The files are read wholly before the first write; what is wrong with a file as a whole changes nothing. Every batch of
records is one transaction with one audit entry. Ids follow from the source's keys, so an import that was interrupted is
simply done again: what is there already is unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from hashlib import sha256
from typing import Any

from engine import exact_json
from engine.caller import Caller
from engine.importing.cells import Table, read_table
from engine.importing.drafts import Drafted, Drafter
from engine.importing.findings import Finding, ImportReport, RowCounts, grouped
from engine.importing.mapping import InTurn, Part, read_mapping
from engine.importing.mapping import Mapping as ImportMapping
from engine.ports import Ports, Transaction
from engine.predicate import Compare, In, both
from engine.problems import DeniedError, InvalidError, NotFoundError, Place, Problem, Report
from engine.records import Record
from engine.service.actions import WRITE
from engine.service.auditing import Attempt, accepted, audited
from engine.service.directory import people_with_roles, place_owned_by
from engine.service.ids import derived_id
from engine.service.spelling import did_you_mean

BATCH = 500
"""Records written in one transaction."""
LINES_KEPT = 20_000
"""Line numbers kept in the stored report, over all its groups; the returned report has all of them."""

Progress = Callable[[str, int, int], None]
"""Called with what is being written, how many records are done, and of how many."""


def import_crm(
    ports: Ports,
    caller: Caller,
    files: Mapping[str, bytes],
    mapping: bytes,
    progress: Progress | None = None,
    *,
    source: str = "schemas/mappings/maven-crm.yaml",
) -> ImportReport:
    """Import a folder of files, by name, through a mapping.

    The organisation is the caller's; it is made if there is none.

    Raises `InvalidError` for a mapping or file that cannot be read as a whole, with all problems, and `DeniedError`;
    then nothing is changed.
    """
    attempt = [Attempt("import", "import_batch", source)]
    with audited(ports, caller, attempt):
        _require_import(ports, caller)
        checked = read_mapping(mapping, source, ports.library.schemas)
        tables, findings = _read(checked, files)
        return _Import(ports, caller, checked, tables, findings, files, progress).run()


def import_leads(
    ports: Ports,
    caller: Caller,
    file: bytes,
    mapping: bytes,
    progress: Progress | None = None,
    *,
    source: str = "schemas/mappings/xeducation-leads.yaml",
) -> ImportReport:
    """Import one file of leads through a mapping with one file. Otherwise as `import_crm`."""
    attempt = [Attempt("import", "import_batch", source)]
    with audited(ports, caller, attempt):
        _require_import(ports, caller)
        checked = read_mapping(mapping, source, ports.library.schemas)
        if len(checked.files) != 1:
            message = f"the mapping reads {len(checked.files)} files; one of leads was given"
            raise InvalidError(Problem("mapping.invalid", message, Place(source)))
        files = {checked.files[0].name: file}
        tables, findings = _read(checked, files)
        return _Import(ports, caller, checked, tables, findings, files, progress).run()


def _require_import(ports: Ports, caller: Caller) -> None:
    """Raise `DeniedError` unless the caller may import at all; each record is asked about when it is to be written."""
    batch = Record("import_batch", "", caller.actor.organisation_id)
    if not ports.authorizer.allows(caller.actor, WRITE, batch):
        role = caller.actor.role
        raise DeniedError(
            Problem("access.denied", f"the role `{role}` may not import", help="platform administrators import")
        )


def default_organisation(ports: Ports, mapping: bytes, source: str) -> str:
    """The id of the organisation that a mapping imports into when nobody says another. Raises `InvalidError`."""
    return read_mapping(mapping, source, ports.library.schemas).organisation["id"]


def files_of(ports: Ports, mapping: bytes, source: str) -> tuple[str, ...]:
    """The names of the files that a mapping reads, in its order. Raises `InvalidError`."""
    return tuple(file.name for file in read_mapping(mapping, source, ports.library.schemas).files)


def _read(mapping: ImportMapping, files: Mapping[str, bytes]) -> tuple[dict[str, Table], list[Finding]]:
    """Every file of the mapping, or all structural problems of all files together."""
    report = Report()
    tables: dict[str, Table] = {}
    findings: list[Finding] = []
    for file in mapping.files:
        data = files.get(file.name)
        if data is None:
            report.add(
                "import.missing_file", f"the file `{file.name}` is not there", help=did_you_mean(file.name, files)
            )
            continue
        known = {column.refers[0] for column in file.columns if column.refers}
        try:
            if known <= set(tables):
                tables[file.id] = read_table(file, data, tables, findings)
        except InvalidError as error:
            report.extend(error.problems)
    report.raise_if_any()
    return tables, findings


@dataclass
class _Counts:
    created: int = 0
    changed: int = 0
    unchanged: int = 0

    def to_json(self) -> dict[str, int]:
        return {"created": self.created, "changed": self.changed, "unchanged": self.unchanged}


@dataclass
class _Import:
    """One import under way."""

    ports: Ports
    caller: Caller
    mapping: ImportMapping
    tables: Mapping[str, Table]
    findings: list[Finding]
    files: Mapping[str, bytes]
    progress: Progress | None
    records: dict[str, _Counts] = field(default_factory=dict)
    rows: dict[str, _Counts] = field(default_factory=dict)

    @property
    def organisation_id(self) -> str:
        return self.caller.actor.organisation_id

    def run(self) -> ImportReport:
        currency = self._organisation()
        drafter = Drafter(self.mapping, self.tables, self.organisation_id, currency)
        drafted: list[tuple[Part, list[Drafted]]] = []
        for part in self.mapping.parts:
            if part.if_none and self._existing(part.type.name, limit=1):
                continue
            drafts = list(drafter.drafts(part))
            if isinstance(part.owner, InTurn):
                made = [draft.record for _, before in drafted for draft in before if draft.record.type == "branch"]
                self._take_turns(part, drafts, made)
            drafted.append((part, drafts))
        for _, drafts in drafted:
            for draft in drafts:
                self._require(draft.record)
        total, done = sum(len(drafts) for _, drafts in drafted), 0
        for part, drafts in drafted:
            stored = self._existing(part.type.name)
            for start in range(0, len(drafts), BATCH):
                batch = drafts[start : start + BATCH]
                self._write(part, batch, stored)
                done += len(batch)
                if self.progress is not None:
                    self.progress(part.type.name, done, total)
        return self._finish()

    def _organisation(self) -> str:
        """The organisation's currency; the organisation is made from the mapping when there is none."""
        mine = Compare("organisation_id", "=", self.organisation_id)
        try:
            found = self.ports.store.get("organisation", self.organisation_id, mine)
        except NotFoundError:
            declared = self.mapping.organisation
            record = Record(
                "organisation",
                self.organisation_id,
                self.organisation_id,
                {"name": declared["name"], "currency": declared["currency"], "example": False},
            )
            self._require(record)
            with self.ports.store.transaction() as transaction:
                transaction.append_audit(accepted(self.caller, "import", after=transaction.insert(record)))
            found = record
        if found["currency"] != self.mapping.organisation["currency"] and self._has_money():
            message = (
                f"the files are in {self.mapping.organisation['currency']}, the organisation in {found['currency']}"
            )
            raise InvalidError(Problem("mapping.invalid", message, help="import into another organisation"))
        return str(self.mapping.organisation["currency"])

    def _has_money(self) -> bool:
        return any(getattr(value, "money", False) for part in self.mapping.parts for value in part.fields.values())

    def _existing(self, record_type: str, limit: int | None = None) -> dict[str, Record]:
        """The organisation's records of a type, by id."""
        mine = Compare("organisation_id", "=", self.organisation_id)
        if limit is not None:
            page = self.ports.store.find(record_type, mine, limit=limit).records
            return {record.id: record for record in page}
        return {record.id: record for record in self.ports.store.scan(record_type, mine)}

    def _take_turns(self, part: Part, drafts: list[Drafted], branches: list[Record]) -> None:
        """Give every record that has no owner yet the next one in turn; without people, a place in the first branch."""
        assert isinstance(part.owner, InTurn)
        stored = self._existing(part.type.name)
        people = [
            person
            for person in people_with_roles(self.ports.store, self.organisation_id, part.owner.roles)
            if person["active"] is not False
        ]
        fallback: dict[str, str | None] = {}
        if not people:
            known = [*self._existing("branch").values(), *branches]
            fallback = {"region_id": known[0]["region_id"], "branch_id": known[0].id} if known else {}
        for index, draft in enumerate(drafts):
            if draft.record.id in stored:
                continue  # whoever has it, keeps it
            place = place_owned_by(people[(draft.turn or 0) % len(people)]) if people else fallback
            drafts[index] = replace(draft, record=draft.record.with_fields(**place))

    def _write(self, part: Part, batch: list[Drafted], stored: Mapping[str, Record]) -> None:
        """One batch in one transaction. When somebody else's write comes between, each record is compared afresh."""
        with self.ports.store.transaction() as transaction:
            written: list[tuple[Record, bool]] = []
            outcomes: list[tuple[Drafted, str]] = []
            for draft in batch:
                outcome = self._put(transaction, draft, stored.get(draft.record.id), written)
                outcomes.append((draft, outcome))
            if written:
                listed = [[record.id, record.revision] for record, _ in written]
                transaction.append_audit(
                    accepted(
                        self.caller,
                        "import",
                        after=written[0][0],
                        reason=f"{self.mapping.name}, {part.id}",
                        changes={
                            "records": {
                                "first": written[0][0].id,
                                "last": written[-1][0].id,
                                "created": sum(1 for _, new in written if new),
                                "changed": sum(1 for _, new in written if not new),
                            },
                            "digest": {"before": None, "after": sha256(exact_json.canonical(listed)).hexdigest()},
                        },
                    )
                )
        counts = self.records.setdefault(part.type.name, _Counts())
        for draft, outcome in outcomes:
            setattr(counts, outcome, getattr(counts, outcome) + 1)
            if part.own_row and draft.row is not None:
                rows = self.rows.setdefault(part.file, _Counts())
                setattr(rows, outcome, getattr(rows, outcome) + 1)

    def _put(
        self, transaction: Transaction, draft: Drafted, before: Record | None, written: list[tuple[Record, bool]]
    ) -> str:
        """`created`, `changed` or `unchanged`."""
        wanted = draft.record
        if before is None:
            if wanted.type == "lead":
                wanted = wanted.with_fields(score_state="waiting", created_at=self.caller.now)
            elif wanted.type == "deal":
                wanted = wanted.with_fields(changed_at=self.caller.now)
            written.append((transaction.insert(wanted), True))
            return "created"
        changes = {name: value for name, value in wanted.fields.items() if not _equal(before[name], value)}
        if not changes:
            return "unchanged"
        after = before.with_fields(**changes)
        if wanted.type == "lead" and ("facts" in changes or "facts_schema" in changes):
            after = after.with_fields(
                score=None, band=None, score_state="waiting", scored_by=None, scored_at=None, decision_id=None
            )
        elif wanted.type == "deal":
            after = after.with_fields(changed_at=self.caller.now)
        self._require(before)
        self._require(after)
        written.append((transaction.update(after), False))
        return "changed"

    def _require(self, record: Record) -> None:
        if not self.ports.authorizer.allows(self.caller.actor, WRITE, record):
            message = f"the role `{self.caller.actor.role}` may not import the {record.type} `{record.id}`"
            raise DeniedError(Problem("access.denied", message))

    def _finish(self) -> ImportReport:
        files = tuple(self._row_counts(file.id, file.name) for file in self.mapping.files)
        report = ImportReport(
            organisation_id=self.organisation_id,
            mapping=f"{self.mapping.name}@{self.mapping.version}",
            files=files,
            records={name: counts.to_json() for name, counts in self.records.items()},
            findings=tuple(self.findings),
        )
        return replace(report, batch_id=self._store_batch(report))

    def _row_counts(self, file_id: str, name: str) -> RowCounts:
        table, counts = self.tables[file_id], self.rows.get(file_id, _Counts())
        found = RowCounts(
            file=name,
            rows=len(table.rows),
            imported=counts.created + counts.changed,
            changed=counts.changed,
            unchanged=counts.unchanged,
            rejected=sum(1 for row in table.rows if row.rejected),
        )
        assert found.rows == found.imported + found.unchanged + found.rejected, found
        return found

    def _store_batch(self, report: ImportReport) -> str | None:
        """The stored report, unless the very same files were imported before and nothing has changed since."""
        read = sorted((file.name, sha256(self.files[file.name]).hexdigest()) for file in self.mapping.files)
        digest = sha256(exact_json.canonical([self.mapping.digest, read])).hexdigest()
        batch_id = derived_id("import", self.organisation_id, digest)
        mine = Compare("organisation_id", "=", self.organisation_id)
        known = self.ports.store.count("import_batch", both(mine, In("id", (batch_id,))))
        if known:
            if not report.changed:
                return batch_id
            batch_id = f"import-{self.ports.new_id()}"
        document = report.to_json()
        left = LINES_KEPT
        groups = []
        for group in grouped(self.findings):
            lines = list(group.lines[:left])
            left -= len(lines)
            groups.append({**group.to_json(lines=False), "lines": lines})
        record = Record(
            "import_batch",
            batch_id,
            self.organisation_id,
            {
                "source": ", ".join(name for name, _ in read),
                "mapping": report.mapping,
                "digest": digest,
                "counts": {"files": document["files"], "records": document["records"], "changed": document["changed"]},
                "findings": groups,
                "imported_at": self.caller.now,
            },
        )
        with self.ports.store.transaction() as transaction:
            stored = transaction.insert(record)
            changes = {"records": {"changed": report.changed, "findings": len(report.findings)}}
            transaction.append_audit(accepted(self.caller, "import", after=stored, changes=changes))
        return batch_id


def _equal(stored: Any, wanted: Any) -> bool:
    """Whether a stored value is what the source says; a document's numbers come back as decimals, lists as tuples."""
    if stored == wanted:
        return True
    if isinstance(wanted, Mapping | list | tuple):
        return exact_json.canonical(_decimals(stored)) == exact_json.canonical(_decimals(wanted))
    return False


def _decimals(value: Any) -> Any:
    """Whole numbers as the decimals that they are in a stored document."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return exact_json.decimal_text(Decimal(value))
    if isinstance(value, Mapping):
        return {name: _decimals(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_decimals(item) for item in value]
    return value


__all__ = ["ImportReport", "default_organisation", "files_of", "import_crm", "import_leads"]
