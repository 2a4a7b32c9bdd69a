"""The audit log as a file for an auditor."""

from __future__ import annotations

from flask import Response, request

from engine.service.audit_export import export_audit
from webapp.api.operation import Asked
from webapp.context import ports, wiring
from webapp.identity import unchanged

LINES = "application/jsonl"
"""JSON, one value a line."""


def export(asked: Asked) -> Response:
    """The file, written as it is read from the store. Whatever stops it on the way leaves a file without an end.

    HEAD signs and reads nothing: it lacks the name, which is known once the file is made (RFC 9110, section 9.3.2).
    """
    if request.method == "HEAD":
        return Response(mimetype=LINES)
    query = asked.query
    made = export_audit(
        ports(), asked.caller, wiring().signer, query["scope"],
        from_=query["from"], to=query["before"], since=query["since"],
        still_allowed=unchanged(asked.caller),
    )  # fmt: skip
    headers = {"Content-Disposition": f'attachment; filename="{made.file_name}"', "Cache-Control": "no-store"}
    return Response(made.lines, mimetype=LINES, headers=headers)
