"""Signing in: at the identity provider, or by choosing a name (this machine only); signing out; the page about oneself.

A sign-in at the provider is begun here, goes on there and comes back to one address. What was begun is kept on the
server under its `state`, for one use within ten minutes, and for the browser that began it: a cookie of its own says
which. Whatever goes wrong ends on the sign-in page with its problem, without a session and with an entry in the log.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, fields
from hashlib import sha256
from hmac import compare_digest
from typing import cast
from urllib.parse import urlsplit

from flask import Response, g, make_response, redirect, render_template, request, url_for

from engine.caller import ROLES
from engine.policy import matrix
from engine.ports import IdentityProvider, PendingSignIn
from engine.predicate import Always
from engine.problems import BylawError, DeniedError, NotFoundError, Problem, UnavailableError
from engine.records import Record
from engine.service import directory, records, sign_ins
from webapp import identity
from webapp.console.frame import Route, asset, caller, page, ports, see_other
from webapp.context import now, wiring
from webapp.problems import status_of

PENDING_SECONDS = 600
"""How long somebody may take at the identity provider."""
PENDING_FIELDS = tuple(known.name for known in fields(PendingSignIn))
ANSWERED = ("code", "state", "iss", "error")
"""What is read of an answer; words for people, such as `error_description`, could be anybody's and are not."""
BROWSER_KEY = re.compile(r"[A-Za-z0-9_-]{43}")
LONGEST_STATE = 100
LONGEST_NEXT = 2_000

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
    """What ways in there are: the identity provider, and where it is offered the example people.

    While the session store is away nobody can sign in, and the page says so with status 503.
    """
    try:
        wiring().sessions.ping()
        if identity.signed_in():
            return _to(_safe_next(request.args.get("next", "")))
    except UnavailableError as error:
        return _refusal(error)
    return _sign_in_page()


def begin() -> Response:
    """Start a session for the chosen person and go where they were going."""
    wanted = request.form.get("person_id", "")[:200]
    try:
        identity.sign_in(wanted)
    except NotFoundError as error:
        identity.note_sign_in("denied", reason=error.code)
        return _sign_in_page(problems=error.problems, status=422)
    except DeniedError as error:
        identity.note_sign_in("denied", reason=error.code)
        raise
    except UnavailableError as error:
        return _refusal(error)
    return _to(_safe_next(request.form.get("next", "")))


def begin_at_provider() -> Response:
    """Send the browser to the identity provider, and remember what was begun for it alone."""
    settings = wiring().settings
    if settings.loopback and settings.public_url is None and request.host != urlsplit(settings.address).netloc:
        # `localhost` and `127.0.0.1` share no cookies: begin where the provider will send the browser back to.
        return _to(f"{settings.address}{url_for('console.begin_at_provider', next=_asked_next() or None)}")
    try:
        if request.headers.get("Sec-Fetch-Site", "none") not in identity.SAME_SITE:
            raise DeniedError(
                Problem("identity.cross_site", "the request comes from another site", help="begin on this page")
            )
        address, pending = _provider().begin()
        browser = _browser_key() or secrets.token_urlsafe(32)
        kept = {**asdict(pending), "browser": sha256(browser.encode()).hexdigest(), "next": _asked_next()}
        wiring().sessions.lay_down(_state_key(pending.state), kept, PENDING_SECONDS)
    except BylawError as error:
        return _failed(error)
    response = _to(address)
    settings = wiring().settings
    response.set_cookie(
        _browser_cookie(), browser, max_age=PENDING_SECONDS, secure=settings.secure_cookies, httponly=True,
        samesite="Lax", path="/",
    )  # fmt: skip
    return response


def come_back() -> Response:
    """The identity provider's answer: whoever proves to be somebody of the directory is signed in."""
    try:
        kept = _taken_up()
        pending = PendingSignIn(**{name: kept[name] for name in PENDING_FIELDS})
        answer = {name: value for name, value in request.args.items() if name in ANSWERED}
        proved = _provider().finish(pending, answer, now())
        actor = sign_ins.person_for(ports(), proved, now(), g.request_id)
        identity.begin_session(actor, identity.PROVIDER)
    except BylawError as error:
        return _failed(error)
    return _to(_safe_next(kept["next"]))


def end() -> Response:
    """End the session. Whoever came from the identity provider is told that they are still signed in there."""
    by_provider = wiring().identity_provider is not None and not identity.by_example()
    identity.sign_out()
    return see_other("sign_in", left="provider") if by_provider else see_other("sign_in")


def end_at_provider() -> Response:
    """Send the browser to where the identity provider signs people out."""
    try:
        address = _provider().sign_out_url(f"{wiring().settings.address}{url_for('console.sign_in')}")
    except BylawError as error:
        return _refusal(error)
    return _to(address or url_for("console.sign_in"))


def _provider() -> IdentityProvider:
    found = wiring().identity_provider
    if found is None:
        raise DeniedError(
            Problem("identity.no_provider", "no identity provider is configured", help="docs/sign-in.md says how")
        )
    return found


def _taken_up() -> dict[str, str]:
    """What this browser began and the answer belongs to; it is taken up now and never again.

    Raises `DeniedError` (`identity.state`): for a state that was never given out, is older than ten minutes, was
    answered before, or was given to another browser.
    """
    twice = any(len(values) > 1 for _, values in request.args.lists())
    state = request.args.get("state", "")
    kept = wiring().sessions.take_up(_state_key(state)) if 0 < len(state) <= LONGEST_STATE and not twice else None
    browser = sha256((_browser_key() or "").encode()).hexdigest()
    if kept is None or not compare_digest(kept["browser"], browser):
        raise DeniedError(
            Problem(
                "identity.state",
                "this answer belongs to no sign-in that was begun in this browser and is not finished",
                help="begin again here; an answer is good once and for ten minutes",
            )
        )
    return kept


def _failed(error: BylawError) -> Response:
    """A sign-in that came to nothing: an entry in the log, and the sign-in page with the problem."""
    identity.note_sign_in("failed" if isinstance(error, UnavailableError) else "denied", reason=error.code)
    return _refusal(error)


def _refusal(error: BylawError) -> Response:
    closed = isinstance(error, UnavailableError)
    return _sign_in_page(problems=error.problems, status=status_of(error), closed=closed)


def _browser_cookie() -> str:
    """The cookie that says which browser began a sign-in. As with the session's, HTTPS binds it to this host."""
    return "__Host-bylaw_sign_in" if wiring().settings.secure_cookies else "bylaw_sign_in"


def _browser_key() -> str | None:
    found = request.cookies.get(_browser_cookie(), "")
    return found if BROWSER_KEY.fullmatch(found) else None


def _state_key(state: str) -> str:
    return f"sign-in {state}"


def _asked_next() -> str:
    """Where to go afterwards, if it is short enough to be kept."""
    wanted = _safe_next(request.args.get("next", ""))
    return "" if wanted == "/" or len(wanted) > LONGEST_NEXT else wanted


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


def _sign_in_page(problems: object = (), status: int = 200, *, closed: bool = False) -> Response:
    """The ways in that there are now; none while a part that signing in needs is away (`closed`)."""
    local = identity.local_sign_in() and not closed
    people = directory.people_for_sign_in(ports()) if local else ()
    provider = wiring().identity_provider
    cards = _one_of_each_role(people)
    shown = {person.id for person in cards}
    return make_response(
        render_template(
            "sign_in.html",
            local=local,
            closed=closed,
            provider=urlsplit(provider.issuer).netloc if provider else None,
            left=provider is not None and request.args.get("left") == "provider",
            cards=cards,
            others=[person for person in people if person.id not in shown],
            sees=_rights(),
            work=WORK,
            next=_safe_next(request.values.get("next", "")),
            csrf_token="" if closed else identity.csrf_token(),
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
    own = wanted.startswith("/") and not wanted.startswith("//")
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
    Route("/sign-in/provider", "begin_at_provider", begin_at_provider, open_to_all=True, needs_no_right=BEFORE),
    Route("/sign-in/callback", "come_back", come_back, open_to_all=True, needs_no_right=BEFORE),
    Route("/sign-out/provider", "end_at_provider", end_at_provider, open_to_all=True, needs_no_right=BEFORE),
    Route("/sign-out", "end_session", end, methods=("POST",), open_to_all=True, needs_no_right=BEFORE),
    Route("/me", "me", me, asks=tuple(f"read:{name}" for name in (*COUNTED, *PLACES))),
)
