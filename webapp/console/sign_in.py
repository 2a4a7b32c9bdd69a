"""The built-in sign-in (this machine only), signing out, and the page about oneself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast
from urllib.parse import urlsplit

from flask import Response, make_response, redirect, render_template, request

from engine.caller import ROLES
from engine.policy import matrix
from engine.predicate import Always
from engine.problems import NotFoundError
from engine.records import Record
from engine.service import directory, records
from webapp import identity
from webapp.console.frame import Route, asset, caller, page, ports, see_other

RIGHTS: Mapping[tuple[str, ...], str] = {
    (): "nothing", ("read",): "read", ("write",): "change", ("read", "write"): "read and change",
}  # fmt: skip

WORK: Mapping[str, str] = {
    "sales_rep": "Works own leads and deals, reads own statement.",
    "field_sales_rep": "Visits customers, checks in, edits offline.",
    "sales_manager": "Leads a team; previews rules on its records.",
    "revops_analyst": "Writes rule files, runs scoring and incentives.",
    "platform_admin": "Looks after the whole system.",
}


def sign_in() -> Response:
    """Five example people as cards, everybody else in a list. Without the local sign-in it says what is missing."""
    if identity.signed_in():
        return _to(_safe_next(request.args.get("next", "")))
    return _sign_in_page()


def begin() -> Response:
    """Start a session for the chosen person and go where they were going."""
    wanted = request.form.get("person_id", "")[:200]
    try:
        identity.sign_in(wanted)
    except NotFoundError as error:
        return _sign_in_page(problems=error.problems, status=422)
    return _to(_safe_next(request.form.get("next", "")))


def end() -> Response:
    """End the session."""
    identity.sign_out()
    return see_other("sign_in")


def me() -> Response:
    """Who I am here, and what that lets me read and change."""
    actor = caller().actor
    person = records.get_record(ports(), caller(), "person", actor.id)
    counts = [
        (title, records.count_records(ports(), caller(), record_type, where=Always()), endpoint)
        for title, record_type, endpoint in (
            ("Leads", "lead", "leads"),
            ("Deals", "deal", "deals"),
            ("Statements", "statement", "statements"),
            ("Conflicts", "conflict", "conflicts"),
            ("Jobs", "job", "jobs"),
            ("Audit entries", "audit_entry", "audit"),
        )
    ]
    places = _place_names()
    return page(
        "me.html",
        section="me",
        title=actor.name,
        json_url="/api/v1/me",
        person=person,
        matrix=_rights()[actor.role],
        work=WORK[actor.role],
        counts=counts,
        place=[
            (label, places.get(key, key))
            for label, key in (
                ("Organisation", actor.organisation_id),
                ("Region", actor.region_id),
                ("Branch", actor.branch_id),
                ("Team", actor.team_id),
            )
            if key
        ],
        territories=[places.get(key, key) for key in actor.territory_ids],
    )


def _rights() -> dict[str, tuple[tuple[str, str], ...]]:
    """What each role may do in each scope, as the policies in force say when they are asked."""
    return {
        row.role: (
            ("Own", RIGHTS[row.own]),
            ("Team", RIGHTS[row.team]),
            ("Branch", RIGHTS[row.branch]),
            ("System", RIGHTS[row.system]),
        )
        for row in matrix(ports().authorizer)
    }


def _place_names() -> dict[str, str]:
    found: dict[str, str] = {}
    for record_type in ("organisation", "region", "branch", "team", "territory"):
        for record in records.list_records(ports(), caller(), record_type, limit=200).records:
            found[record.id] = record["name"]
    return found


def _sign_in_page(problems: object = (), status: int = 200) -> Response:
    local = identity.local_sign_in()
    people = directory.people_for_sign_in(ports()) if local else ()
    cards = _one_of_each_role(people)
    shown = {person.id for person in cards}
    return make_response(
        render_template(
            "sign_in.html",
            local=local,
            cards=cards,
            others=[person for person in people if person.id not in shown],
            sees=_rights(),
            work=WORK,
            next=_safe_next(request.values.get("next", "")),
            csrf_token=identity.csrf_token(),
            problems=problems,
            asset=asset,
        ),
        status,
    )


def _one_of_each_role(people: tuple[Record, ...]) -> list[Record]:
    """The first example person of every role: people come with the example ones first, in the order of the roles."""
    marked = {person.id: person for person in people if person["example"]}
    preferred = [marked[f"person-{role}"] for role in ROLES if f"person-{role}" in marked]
    if len(preferred) == len(ROLES):
        return preferred
    first: dict[str, Record] = {}
    for person in people:
        first.setdefault(person["role"], person)
    return [first[role] for role in ROLES if role in first]


def _safe_next(wanted: str) -> str:
    """Where to go after signing in: an address of this site, or the home page. Never another host."""
    parts = urlsplit(wanted)
    own = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    printable = wanted.isprintable() and "\\" not in wanted
    return wanted if own and printable and not wanted.startswith(("/sign-", "/api/", "/static/")) else "/"


def _to(address: str) -> Response:
    return cast("Response", redirect(address, code=303))


COUNTED = ("lead", "deal", "statement", "conflict", "job", "audit_entry")
PLACES = ("organisation", "region", "branch", "team", "territory", "person")
BEFORE = "nobody is known to be there yet, or any more"

ROUTES = (
    Route("/sign-in", "sign_in", sign_in, open_to_all=True, needs_no_right=BEFORE),
    Route("/sign-in", "begin_session", begin, methods=("POST",), open_to_all=True, needs_no_right=BEFORE),
    Route("/sign-out", "end_session", end, methods=("POST",), open_to_all=True, needs_no_right=BEFORE),
    Route("/me", "me", me, asks=tuple(f"read:{name}" for name in (*COUNTED, *PLACES))),
)
