"""The audit log as a file for an auditor."""

from __future__ import annotations

from flask import Response, request

from engine.service.audit_export import export_audit
from webapp.api.operation import Asked
from webapp.audit_file import LINES, attachment
from webapp.context import ports, wiring
from webapp.identity import unchanged


def export(asked: Asked) -> Response:
    """The file, with its proofs.

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
    return attachment(made)
