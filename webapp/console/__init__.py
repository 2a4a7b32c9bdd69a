"""The console: pages for people over the API's use cases. Every page is a value in a visible tuple."""

from __future__ import annotations

from flask import Blueprint, request

from webapp.console import (
    assets,
    audit,
    conflicts,
    deals,
    home,
    jobs,
    keys,
    leads,
    live_sessions,
    rights,
    rules,
    sign_in,
    statements,
    trial,
)
from webapp.console import format as formats
from webapp.console import help as help_pages
from webapp.console.errors import error_page
from webapp.console.frame import Route, caller

__all__ = ["ROUTES", "blueprint", "error_page"]

ROUTES: tuple[Route, ...] = (
    *home.ROUTES,
    *sign_in.ROUTES,
    *live_sessions.ROUTES,
    *leads.ROUTES,
    *deals.ROUTES,
    *statements.ROUTES,
    *conflicts.ROUTES,
    *rules.ROUTES,
    *trial.ROUTES,
    *jobs.ROUTES,
    *keys.ROUTES,
    *audit.ROUTES,
    *rights.ROUTES,
    *help_pages.ROUTES,
    *assets.ROUTES,
)
"""Every address of the console."""


def _build() -> Blueprint:
    """The blueprint with all routes, filters and tests. Only pages open to all run before it is known who asks."""
    made = Blueprint("console", __name__)
    open_to_all = {f"console.{route.name}" for route in ROUTES if route.open_to_all}

    def require_caller() -> None:
        if request.endpoint not in open_to_all:
            caller()

    made.before_request(require_caller)
    for route in ROUTES:
        made.add_url_rule(route.path, route.name, route.view, methods=list(route.methods))
    for function in formats.FILTERS:
        made.add_app_template_filter(function)
    for name, test in formats.TESTS:
        made.add_app_template_test(test, name)
    return made


blueprint = _build()
