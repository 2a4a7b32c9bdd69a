"""What every page shares: routes as values, the navigation, and the one function that renders a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

from flask import Response, make_response, redirect, render_template, request, url_for

from engine.caller import Caller
from engine.records import Record
from webapp import identity
from webapp.context import ports

__all__ = [
    "Message", "Route", "api", "asked_by_htmx", "asset", "build_id", "caller", "link", "page", "ports", "see_other",
]  # fmt: skip

STATIC = Path(__file__).resolve().parent.parent / "static"
ZONE_NAME = "UTC"

View = Callable[..., Response]


@dataclass(frozen=True, slots=True)
class Route:
    """One address of the console. `open_to_all` pages are shown without a sign-in.

    `asks` are the cells of the policies that are asked before it is answered, such as `read:lead`; one that asks none
    says in `needs_no_right` why.
    """

    path: str
    name: str
    view: View
    methods: tuple[str, ...] = ("GET",)
    open_to_all: bool = False
    asks: tuple[str, ...] = ()
    needs_no_right: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of the main navigation; `key` is pressed after `g`."""

    name: str
    title: str
    endpoint: str
    key: str

    @property
    def url(self) -> str:
        """The page's address."""
        return url_for(f"console.{self.endpoint}")


@dataclass(frozen=True, slots=True)
class Group:
    """Links that belong together."""

    title: str
    entries: tuple[Entry, ...]


NAVIGATION: tuple[Group, ...] = (
    Group("", (Entry("home", "Home", "home", "h"),)),
    Group(
        "Work",
        (
            Entry("leads", "Leads", "leads", "l"),
            Entry("deals", "Deals", "deals", "d"),
            Entry("statements", "Statements", "statements", "s"),
            Entry("conflicts", "Conflicts", "conflicts", "c"),
        ),
    ),
    Group("Rules", (Entry("rules", "Rule sets", "rule_sets", "r"), Entry("try", "Try a record", "trial", "t"))),
    Group("Operation", (Entry("jobs", "Jobs", "jobs", "j"), Entry("audit", "Audit", "audit", "a"))),
)


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence about what was just done."""

    text: str
    tone: str = "good"


DONE: Mapping[str, Message] = {
    "started": Message("The job is queued. This page follows it."),
    "ended": Message("That session has ended."),
    "ended_others": Message("All other sessions have ended."),
    "ended_all": Message("All sessions have ended. The next click there asks for a sign-in."),
    "revoked": Message("The key is revoked. Its next request is refused."),
    "cancelled": Message("Cancelling: the job stops after the records it is working on.", "info"),
}
"""What `?done=` in an address may say. The sentence is ours, so an address cannot put words on a page."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows beside its own content."""

    section: str
    title: str
    crumbs: Sequence[tuple[str, str]] = ()
    json_url: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


def caller() -> Caller:
    """Who is asking, now. Raises `NotSignedInError` for nobody."""
    return identity.current_caller()


@cache
def build_id() -> str:
    """Twelve digits over the static files: part of their address, so that browsers may keep them for ever."""
    digest = sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(STATIC).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def asset(path: str) -> str:
    """The address of a static file of this build."""
    return url_for("console.static_file", build=build_id(), filename=path)


def link(endpoint: str, **values: str | int | None) -> str:
    """The address of a page; what is empty is left out, so that addresses stay short."""
    kept = {name: str(value) for name, value in values.items() if value not in {None, ""}}
    return url_for(f"console.{endpoint}", _anchor=None, _method=None, _scheme=None, _external=None, **kept)


def api(path: str, **query: Any) -> str:
    """The address of a page's JSON twin."""
    asked = {name: value for name, value in query.items() if value not in {None, ""}}
    return f"/api/v1/{path}" + (f"?{urlencode(asked)}" if asked else "")


def page(
    template: str,
    *,
    section: str,
    title: str,
    crumbs: Sequence[tuple[str, str]] = (),
    json_url: str | None = None,
    of_record: Record | None = None,
    status: int = 200,
    **shown: Any,
) -> Response:
    """Render a page inside the frame, for the person who asks.

    A page `of_record` leads to who may see it.
    """
    done = DONE.get(request.args.get("done", ""))
    return make_response(
        render_template(
            template,
            section=section,
            title=title,
            crumbs=crumbs,
            json_url=json_url,
            rights_url=link("rights", type=of_record.type, record=of_record.id) if of_record is not None else None,
            messages=[done] if done else [],
            actor=caller().actor,
            by_example=identity.by_example(),
            navigation=NAVIGATION,
            zone_name=ZONE_NAME,
            csrf_token=identity.csrf_token(),
            asset=asset,
            **shown,
        ),
        status,
    )


def see_other(endpoint: str, **values: Any) -> Response:
    """Answer a POST with the page to look at next (303), so that reloading repeats nothing."""
    return cast("Response", redirect(url_for(f"console.{endpoint}", **values), code=303))


def asked_by_htmx() -> bool:
    """Whether a fragment is wanted: the answer is then only what changes."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Boosted") != "true"
