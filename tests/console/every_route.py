"""Every address of the application with every method, so that a test cannot forget one that is added later."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask

from webapp.console.frame import build_id

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
VALUES = {"build": build_id(), "filename": "console.css", "version": "1", "kind": "lead-priority", "name": "inbound"}
"""What stands for a part of an address; any other part is an id that nothing has."""


@dataclass(frozen=True, slots=True)
class Place:
    """One method of one address."""

    method: str
    path: str
    endpoint: str

    @property
    def in_json(self) -> bool:
        """Whether its answers are documents for programs."""
        return not self.endpoint.startswith("console.")


def places(app: Flask) -> list[Place]:
    """Every method of every address that the application knows."""
    found = []
    for rule in app.url_map.iter_rules():
        path = rule.rule
        for name in rule.arguments:
            for written in (f"<{name}>", f"<path:{name}>", f"<int:{name}>"):
                path = path.replace(written, VALUES.get(name, "nothing-has-this-id"))
        assert "<" not in path, f"say what stands for a part of {rule.rule}"
        found += [Place(method, path, rule.endpoint) for method in sorted(rule.methods or ())]
    return found


def changing(app: Flask) -> list[Place]:
    """Those that may change something."""
    return [place for place in places(app) if place.method not in SAFE]
