"""The standard's addresses, in one visible tuple, as the project's own operations are."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response

from webapp.api.operation import Asked, Body, Operation, Success
from webapp.authzen import views

EVALUATIONS_BYTES = 1_000_000


def _post(path: str, name: str, summary: str, view: Callable[[Asked], Response], answer: str) -> Operation:
    asked = Body({"$ref": f"#/components/schemas/{name}Request"}, limit_bytes=EVALUATIONS_BYTES)
    return Operation(
        "POST", f"/access/v1/{path}", path.replace("/", "_"), "authzen", summary, view,
        Success(200, answer, "The answer."), body=asked, problems=(400, 403), asks=("ask:person", "*:*"),
    )  # fmt: skip


OPERATIONS: tuple[Operation, ...] = (
    _post("evaluation", "Evaluation", "May this subject do this to this resource?", views.evaluation, "Decision"),
    _post("evaluations", "Evaluations", "Many such questions at once", views.evaluations, "Decisions"),
    _post("search/subject", "SubjectSearch", "Who may do this?", views.search_subjects, "Subjects"),
    _post("search/resource", "ResourceSearch", "To what may the subject do this?", views.search_resources, "Resources"),
    _post("search/action", "ActionSearch", "What may the subject do to this?", views.search_actions, "Actions"),
    Operation(
        "GET", "/.well-known/authzen-configuration", "configuration", "authzen", "Where everything is",
        views.configuration, Success(200, "Configuration", "The addresses."), public=True,
        needs_no_right="addresses only, which this page lists too",
    ),
    Operation(
        "GET", "/access/v1/openapi.json", "openapi", "authzen", "This document",
        views.openapi, Success(200, "Document", "OpenAPI 3.1."), public=True,
        needs_no_right="the description of addresses that ask who is there themselves",
    ),
)  # fmt: skip
