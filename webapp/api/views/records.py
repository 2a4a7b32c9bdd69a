"""Lists of records and single records, created and changed ones: the same for every type."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response

from engine.problems import ConflictError
from engine.service import audit, records
from webapp.api import answers
from webapp.api.operation import Asked
from webapp.api.resources import Resource, condition, order
from webapp.context import ports

View = Callable[[Asked], Response]


def lists(resource: Resource) -> View:
    """A page of a resource's records."""

    def view(asked: Asked) -> Response:
        query, where = asked.query, condition(resource.filters, dict(asked.query))
        found = records.list_records(
            ports(),
            asked.caller,
            resource.type,
            where=where,
            sort=order(query["sort"]),
            limit=query["limit"],
            cursor=query["cursor"],
        )
        total = records.count_records(ports(), asked.caller, resource.type, where=where) if query["total"] else None
        return answers.page(found, total)

    return view


def list_audit(resource: Resource) -> View:
    """A page of the audit log, the newest entry first."""

    def view(asked: Asked) -> Response:
        query, where = asked.query, condition(resource.filters, dict(asked.query))
        found = audit.list_audit(ports(), asked.caller, where=where, limit=query["limit"], cursor=query["cursor"])
        total = records.count_records(ports(), asked.caller, resource.type, where=where) if query["total"] else None
        return answers.page(found, total)

    return view


def shows(resource: Resource) -> View:
    """One record with all its documents."""

    def view(asked: Asked) -> Response:
        return answers.one(records.get_record(ports(), asked.caller, resource.type, asked.path["id"]))

    return view


def creates(resource: Resource) -> View:
    """A new record. A request that is repeated after a crash finds what it created."""

    def view(asked: Asked) -> Response:
        record_id = f"{records.WRITABLE[resource.type].prefix}-{asked.new_id}"
        try:
            created = records.create_record(ports(), asked.caller, resource.type, asked.body, record_id)
        except ConflictError as error:
            if error.code != "record.exists":
                raise
            created = records.get_record(ports(), asked.caller, resource.type, record_id)
        return answers.one(created, 201, {"Location": f"/api/v1{resource.path}/{created.id}"})

    return view


def changes(resource: Resource) -> View:
    """A record with some fields changed."""

    def view(asked: Asked) -> Response:
        changed = records.update_record(
            ports(), asked.caller, resource.type, asked.path["id"], asked.body, revision=asked.revision
        )
        return answers.one(changed)

    return view
