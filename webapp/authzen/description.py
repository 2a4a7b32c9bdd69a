"""The OpenAPI document of the standard's addresses: its own, because they stand outside the project's API."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from engine import exact_json
from webapp.api import document
from webapp.api.operation import Operation

KEPT = 4


def build(schemas: Mapping[str, str]) -> dict[str, Any]:
    """The document, from the shipped texts `api/authzen.json` and `api/components.json`."""
    return _build(schemas["api/authzen.json"], schemas["api/components.json"])


@lru_cache(maxsize=KEPT)
def _build(shapes: str, components: str) -> dict[str, Any]:
    from webapp.authzen.operations import OPERATIONS  # noqa: PLC0415  # it names the view that serves this document

    own, common = (exact_json.parse(text, source="schemas/api") for text in (shapes, components))
    source = {
        "info": own["info"],
        "tags": own["tags"],
        "securitySchemes": common["securitySchemes"],
        "schemas": {
            **own["schemas"],
            **{name: common["schemas"][name] for name in ("Problem", "ProblemItem", "Document")},
        },
    }
    return document.describe(source, OPERATIONS, server="/", statuses=_statuses)


def _statuses(operation: Operation) -> list[int]:
    """What the standard lists, and what any server may answer."""
    return [400] if operation.public else [400, 401, 403, 413, 503]
