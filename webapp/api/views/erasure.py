"""Erasing what the audit log and the records say about somebody."""

from __future__ import annotations

from flask import Response

from engine.service.erasure import erase_subject
from webapp.api import answers
from webapp.api.operation import Asked
from webapp.context import ports


def erase(asked: Asked) -> Response:
    """Erase a subject; doing it again is the same as once."""
    done = erase_subject(ports(), asked.caller, asked.body["subject"], asked.body["reason"])
    return answers.json({"subject": done.subject, "records": done.records, "done_before": done.done_before})
