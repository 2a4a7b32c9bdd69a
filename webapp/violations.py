"""What browsers report that the content security policy of our pages has kept from running (CSP 3, section 5).

Anybody can send such a report, and it repeats what somebody else wrote into a page. So it is small, counted for each
address, and believed in nothing: of its members a few are read, against lists of ours, and each different violation is
one line of the log a day. Nothing of a report is kept or comes back in an answer.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from engine import exact_json
from engine.problems import InvalidError, Problem
from webapp.context import now, surroundings
from webapp.rate_limits import REPORTS, spend_for_address

log = logging.getLogger("bylaw.web")

OLD, NEW = "application/csp-report", "application/reports+json"
LARGEST = 32_768
DEEPEST = 8
MOST_REPORTS = 20
"""Of one request; browsers send what has gathered in a minute."""
MOST_TOLD = 100
"""Different violations that one process tells a day whatever they are; beyond it a directive on a page is told once."""

DIRECTIVES = frozenset({
    "base-uri", "child-src", "connect-src", "default-src", "fenced-frame-src", "font-src", "form-action",
    "frame-ancestors", "frame-src", "img-src", "manifest-src", "media-src", "object-src", "require-trusted-types-for",
    "sandbox", "script-src", "script-src-attr", "script-src-elem", "style-src", "style-src-attr", "style-src-elem",
    "trusted-types", "worker-src",
})  # fmt: skip
BLOCKED = frozenset({"eval", "inline", "self", "trusted-types-policy", "trusted-types-sink", "wasm-eval"})
"""What a report calls what it is about where that has no address (CSP 3, section 2.4)."""
_ORIGIN = re.compile(r"(https?|wss?)://([a-z0-9.-]{1,60}|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?(?=[/?#]|$)")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,20}")


class Violation(NamedTuple):
    """What was kept from running on which of our pages, in words of ours but for the scheme and host of `blocked`."""

    directive: str
    blocked: str
    page: str

    def __str__(self) -> str:
        return f"`{self.directive}` kept {self.blocked} out of {self.page}"


class Told:
    """Which violations were told today, so that each is one line. Safe between threads, bounded, and of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._day: date | None = None
        self._told: set[Violation] = set()
        self._kinds: set[tuple[str, str]] = set()

    def is_new(self, violation: Violation, day: date) -> bool:
        """Whether it is to be told: what was not, and beyond the number of a day what nothing like it was.

        So whoever sends invented reports cannot use up what a real one needs: directives and pages are closed lists.
        """
        kind = violation.directive, violation.page
        with self._lock:
            if day != self._day:
                self._day, self._told, self._kinds = day, set(), set()
            if violation in self._told or (self.full and kind in self._kinds):
                return False
            self._told.add(violation)
            self._kinds.add(kind)
            return True

    @property
    def full(self) -> bool:
        """Whether the number of a day is reached."""
        return len(self._told) >= MOST_TOLD


def install(app: Flask) -> None:
    """Take reports."""
    app.add_url_rule(REPORTS, "take_violations", _take, methods=["POST"])


def _take() -> Response:
    """204 whatever the reports say; who sends them is asked nothing and told nothing."""
    spend_for_address("reports")
    for report in _reports(_body()):
        if violation := _violation(report):
            _tell(violation)
    return Response(status=204)


def _tell(violation: Violation) -> None:
    told = surroundings().violations
    was_full = told.full
    if told.is_new(violation, now().date()):
        log.warning("content security policy: %s", violation)
        if told.full and not was_full:
            further = "from now on one for each directive and page"
            log.warning("content security policy: %d different violations today; %s", MOST_TOLD, further)


def _body() -> object:
    if request.mimetype not in {OLD, NEW}:
        raise InvalidError(Problem("request.media_type", f"reports are `{OLD}` or `{NEW}`"))
    request.max_content_length = LARGEST
    try:
        return exact_json.parse(request.get_data(cache=False), source="report", max_depth=DEEPEST)
    except InvalidError:
        raise InvalidError(Problem("request.malformed", "the report is no JSON that is read here")) from None


def _reports(body: object) -> Iterator[dict[str, Any]]:
    """The reports in either form, with the names of the newer one."""
    if request.mimetype == OLD:
        report = body.get("csp-report") if isinstance(body, dict) else None
        if isinstance(report, dict):
            names = {"effective-directive": "effectiveDirective", "blocked-uri": "blockedURL",
                     "document-uri": "documentURL"}  # fmt: skip
            # Older browsers name the directive in one member only, with its value behind it.
            directive = {"effectiveDirective": str(report.get("violated-directive", "")).split(" ", 1)[0]}
            yield directive | {new: report[old] for old, new in names.items() if report.get(old)}
    elif isinstance(body, list):
        for one in body[:MOST_REPORTS]:
            if isinstance(one, dict) and one.get("type") == "csp-violation" and isinstance(one.get("body"), dict):
                yield one["body"]


def _violation(report: dict[str, Any]) -> Violation | None:
    """What is reported, or None where the report names no directive that there is."""
    directive = report.get("effectiveDirective")
    if not isinstance(directive, str) or directive not in DIRECTIVES:
        return None
    return Violation(directive, _blocked(report.get("blockedURL")), _page(report.get("documentURL")))


def _blocked(value: object) -> str:
    """What was kept out: a word of the standard, or where it is from; a path or query could hold anything."""
    if not isinstance(value, str):
        return "something"
    if value in BLOCKED:
        return f"`{value}`"
    if found := _ORIGIN.match(value.lower()):
        return f"`{found[0]}`"
    scheme, colon, _ = value.lower().partition(":")
    return f"`{scheme}:`" if colon and _SCHEME.fullmatch(scheme) else "something"


def _page(value: object) -> str:
    """Which of our pages it was, as its address is declared: no id and no query."""
    try:
        path = urlsplit(value).path if isinstance(value, str) else ""
        rule, _ = current_app.url_map.bind("").match(path or "", method="GET", return_rule=True)
    except (ValueError, HTTPException, RequestRedirect):
        return "an address that is none of ours"
    return f"`{rule.rule}`"
