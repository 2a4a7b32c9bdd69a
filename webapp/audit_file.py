"""The answer with a file of the audit log: the same from the API as from the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response

if TYPE_CHECKING:
    from engine.service.audit_export import AuditExport

LINES = "application/jsonl"
"""JSON, one value a line."""


def attachment(made: AuditExport) -> Response:
    """The file, written as it is read from the store. Whatever stops it on the way leaves a file without an end."""
    headers = {"Content-Disposition": f'attachment; filename="{made.file_name}"'}
    return Response(made.lines, mimetype=LINES, headers=headers)
