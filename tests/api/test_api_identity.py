"""Who is asking: keys and sessions, and everything that pretends to be one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from small_world import NOW, Api, Clock, as_person, code, key_record, settings, token_of, value

from adapters.wiring import Texts, Wiring, build_in_memory
from engine.caller import ROLES, Caller
from engine.problems import BylawError
from engine.service.api_keys import actor_for_api_key
from engine.service.directory import actor_of
from engine.service.key_ring import create_api_key
from webapp.app import create_app
from webapp.identity import csrf_token, current_caller, sign_in, sign_out


@pytest.mark.parametrize("role", ROLES)
def test_a_key_stands_for_its_person(app: Flask, role: str):
    """With a key, the person that it was made for is asking."""
    found = value(as_person(app, f"person-{role}").get("/me"))
    assert (f"person-{role}", role, "org-a", "key") == (
        found["id"],
        found["role"],
        found["organisation_id"],
        found["signed_in_with"],
    )
    assert "csrf_token" not in found


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer byl_abc_def",
        f"Bearer {token_of('person-sales_rep')}x",
        f"Bearer {token_of('person-sales_rep')[:-1]}x",
        f"Bearer {token_of('nobody')}",
        f"Bearer {token_of('expired')}",
        f"Bearer {token_of('revoked')}",
        f"Bearer {token_of('person-gone')}",
        "Basic cGVyc29uLXNhbGVzX3JlcDo=",
        f"Basic {token_of('person-sales_rep')}",
        "Bearer " + "é" * 43,
    ],
)
def test_keys_that_are_refused(app: Flask, authorization: str):
    """Whatever is no valid key of somebody who may sign in is 401 with a challenge."""
    response = app.test_client().get("/api/v1/me", headers={"Authorization": authorization.encode().decode("latin-1")})
    assert 401 == response.status_code
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_without_any_identity(stranger: Api):
    """Nobody known is asking: 401, before anything that was sent is looked at."""
    assert (401, "identity.signed_out") == code(stranger.get("/leads?bnad=A"))
    assert (401, "identity.signed_out") == code(stranger.send("POST", "/leads", raw=b"{"))


def test_a_key_ends_at_its_time(app: Flask, clock: Clock, wiring: Wiring):
    """A key serves until the instant at which it expires, and not at it."""
    with wiring.ports.store.transaction() as transaction:
        transaction.insert(key_record("short", person_id="person-sales_rep", expires_at=NOW + timedelta(minutes=1)))
    api = as_person(app, "short")
    assert 200 == api.get("/me").status_code
    clock.now = NOW + timedelta(minutes=1)
    assert (401, "api_key.refused") == code(api.get("/me"))


def test_a_key_of_another_organisation_sees_its_own(app: Flask):
    """The neighbour's key shows the neighbour's records and none of ours."""
    found = value(as_person(app, "person-9").get("/leads"))
    assert ["lead-9"] == [lead["id"] for lead in found["items"]]


def test_making_keys(wiring: Wiring):
    """An administrator makes keys for people, of which only the digest is kept; others for themselves alone."""
    token = token_of("fresh")
    admin = Caller(actor_of(wiring.ports, "person-platform_admin"), NOW, "cli", "r-1")
    made = create_api_key(wiring.ports, admin, "person-sales_rep", "laptop", token)
    assert token not in str(made)
    assert "person-sales_rep" == actor_for_api_key(wiring.ports, token, NOW).id
    with pytest.raises(BylawError) as caught:
        create_api_key(
            wiring.ports,
            replace(admin, actor=actor_of(wiring.ports, "person-sales_rep")),
            "person-other",
            "x",
            token_of("y"),
        )
    assert "access.denied" == caught.value.code


@pytest.mark.parametrize(("person", "token", "expected"), [
    ("person-9", token_of("z"), "person.not_found"),
    ("nobody", token_of("z"), "person.not_found"),
    ("person-sales_rep", "byl_short", "api_key.malformed"),
])  # fmt: skip
def test_keys_that_are_not_made(wiring: Wiring, person: str, token: str, expected: str):
    """No key is made for somebody elsewhere, for nobody, or of another form."""
    admin = Caller(actor_of(wiring.ports, "person-platform_admin"), NOW, "cli", "r-1")
    with pytest.raises(BylawError) as caught:
        create_api_key(wiring.ports, admin, person, "laptop", token)
    assert expected == caught.value.code


@pytest.fixture
def with_doors(app: Flask) -> Flask:
    """The application with three bare addresses that sign in, sign out and change something."""

    @app.post("/api/test/sign-in/<person_id>")
    def _in(person_id: str) -> str:
        sign_in(person_id)
        return csrf_token()

    @app.post("/api/test/sign-out")
    def _out() -> str:
        sign_out()
        return ""

    @app.post("/api/test/change")
    def _change() -> str:
        return current_caller().actor.id

    return app


def test_a_session(with_doors: Flask):
    """Signing in begins a session that the API accepts; signing out ends it for every holder of its id."""
    client = with_doors.test_client()
    client.post("/api/test/sign-in/person-sales_rep")
    found = value(client.get("/api/v1/me"))
    assert ("person-sales_rep", "session") == (found["id"], found["signed_in_with"])
    thief = with_doors.test_client()
    thief.set_cookie("bylaw_session", client.get_cookie("bylaw_session").value)
    assert 200 == thief.get("/api/v1/me").status_code
    client.post("/api/test/sign-out", data={"csrf_token": found["csrf_token"]})
    assert [401, 401] == [one.get("/api/v1/me").status_code for one in (client, thief)]
    assert client.get_cookie("bylaw_session") is None


def test_the_cookie_is_kept_from_scripts_and_other_sites(with_doors: Flask):
    """The session's cookie is HttpOnly and SameSite=Lax and holds no more than a random id."""
    header = with_doors.test_client().post("/api/test/sign-in/person-sales_rep").headers["Set-Cookie"]
    assert all(part in header for part in ("HttpOnly", "SameSite=Lax", "Path=/"))
    assert "person" not in header


def test_the_session_id_changes_at_sign_in(with_doors: Flask):
    """An id that was known before a sign-in is worth nothing afterwards."""
    client = with_doors.test_client()
    client.post("/api/test/sign-in/person-sales_rep")
    before = client.get_cookie("bylaw_session").value
    token = value(client.get("/api/v1/me"))["csrf_token"]
    client.post("/api/test/sign-in/person-sales_manager", data={"csrf_token": token})
    assert before != client.get_cookie("bylaw_session").value
    old = with_doors.test_client()
    old.set_cookie("bylaw_session", before)
    assert 401 == old.get("/api/v1/me").status_code


def test_somebody_who_left_is_signed_out(with_doors: Flask, wiring: Wiring):
    """A session does not outlive its person's right to sign in."""
    client = with_doors.test_client()
    client.post("/api/test/sign-in/person-other")
    with wiring.ports.store.transaction() as transaction:
        from engine.predicate import Always

        person = transaction.get("person", "person-other", Always())
        transaction.update(person.with_fields(active=False))
    assert 401 == client.get("/api/v1/me").status_code


@pytest.mark.parametrize("person", ["person-gone", "nobody"])
def test_who_may_not_sign_in(with_doors: Flask, person: str):
    """Nobody signs in as somebody who left or does not exist."""
    response = with_doors.test_client().post(f"/api/test/sign-in/{person}")
    assert 404 == response.status_code
    assert "Set-Cookie" not in response.headers


def signed_in(app: Flask) -> tuple[FlaskClient, str]:
    """A browser with a session, and its token."""
    client = app.test_client()
    return client, client.post("/api/test/sign-in/person-sales_rep").text


@pytest.mark.parametrize(
    ("headers", "form", "status"),
    [
        ({}, {}, 403),
        ({}, {"csrf_token": "wrong"}, 403),
        ({"X-CSRF-Token": "wröng".encode().decode("latin-1")}, {}, 403),
        ({}, {"csrf_token": "right"}, 200),
        ({"X-CSRF-Token": "right"}, {}, 200),
        ({"X-CSRF-Token": "right", "Sec-Fetch-Site": "same-origin"}, {}, 200),
        ({"X-CSRF-Token": "right", "Sec-Fetch-Site": "cross-site"}, {}, 403),
        ({"X-CSRF-Token": "right", "Sec-Fetch-Site": "same-site"}, {}, 403),
        ({"X-CSRF-Token": "right", "Origin": "http://localhost"}, {}, 200),
        ({"X-CSRF-Token": "right", "Origin": "https://evil.example"}, {}, 403),
        ({"X-CSRF-Token": "right", "Origin": "null"}, {}, 403),
    ],
)
def test_forged_requests(with_doors: Flask, headers: dict[str, str], form: dict[str, str], status: int):
    """A session's changing request needs its token and comes from the same site; a forged one does nothing."""
    client, token = signed_in(with_doors)
    filled = {name: text.replace("right", token) for name, text in headers.items()}
    response = client.post(
        "/api/test/change", headers=filled, data={name: text.replace("right", token) for name, text in form.items()}
    )
    assert status == response.status_code


def test_the_api_guards_sessions_too(with_doors: Flask):
    """A browser's session changes nothing through the API without the token; with it, it may what the person may."""
    client, token = signed_in(with_doors)
    sent = {"json": {"name": "From the browser"}}
    assert 403 == client.post("/api/v1/leads", headers={"Idempotency-Key": "k1"}, **sent).status_code
    assert (
        201
        == client.post("/api/v1/leads", headers={"Idempotency-Key": "k1", "X-CSRF-Token": token}, **sent).status_code
    )


def test_strangers_are_kept_from_other_sites_too(with_doors: Flask):
    """Another site cannot sign a browser in."""
    response = with_doors.test_client().post(
        "/api/test/sign-in/person-sales_rep", headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert 403 == response.status_code


@pytest.mark.parametrize("more", [{"production": True}, {"host": "0.0.0.0"}])
def test_signing_in_by_name_is_for_one_machine(tmp_path: Path, texts: Texts, more: dict[str, object]):
    """Where others can reach the server, or in production, nobody signs in by a name alone."""
    from small_world import fill

    with build_in_memory(settings(tmp_path, **more), texts=texts) as built:
        fill(built)
        app = create_app(built)

        @app.post("/api/test/sign-in")
        def _in() -> str:
            sign_in("person-sales_rep")
            return ""

        assert (403, "identity.local_only") == code(app.test_client().post("/api/test/sign-in"))


def test_with_https_the_cookie_is_bound_to_the_host(tmp_path: Path, texts: Texts):
    """Behind HTTPS the cookie is Secure and its name keeps neighbouring hosts from setting it."""
    from small_world import fill

    with build_in_memory(settings(tmp_path, public_url="https://bylaw.example"), texts=texts) as built:
        fill(built)
        app = create_app(built)

        @app.post("/api/test/sign-in")
        def _in() -> str:
            sign_in("person-sales_rep")
            return ""

        header = app.test_client().post("/api/test/sign-in", base_url="https://localhost").headers["Set-Cookie"]
        assert header.startswith("__Host-bylaw_session=")
        assert "Secure" in header
