"""Marked secrets through working and failing requests at the most talkative log level: nothing shows a mark."""

from __future__ import annotations

import http.cookies
import logging
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from flask import Flask
from live_server import ROOT, ask, free_port, running
from small_world import as_person, fill, settings, token_of

from adapters import valkey
from adapters.settings import SETTINGS, Settings
from adapters.wiring import Texts, Wiring, build, build_in_memory
from engine import exact_json
from engine.problems import BylawError
from engine.records import Record

EVALUATE = "/api/v1/evaluate/lead-priority/inbound"
MARK = "canary"
PASSWORD = f"{MARK}-password-9f2c"
SECRET_KEY = f"{MARK}-secret-key-" + "4" * 40
CLIENT_SECRET = f"{MARK}-client-secret-71aa"
AUDIT_KEY = "ca4a51e5" * 8
SECRET_FIELDS = {"secret_key", "audit_key", "oidc_client_secret", "redis_url", "database_url"}
"""Fields of the settings that are a secret or may hold one."""


@dataclass
class Watch:
    """What must show nowhere, and everything in which it was looked for."""

    secrets: dict[str, str] = field(default_factory=dict)
    seen: dict[str, bytes] = field(default_factory=dict)

    def found(self) -> list[tuple[str, str]]:
        """Every secret with where it stands: as it is, quoted for an address, or with its quotes escaped."""
        return [
            (name, where)
            for name, secret in self.secrets.items()
            for where, content in self.seen.items()
            if any(form.encode() in content for form in (secret, quote(secret)))
        ]


def test_the_product_shows_no_secret(
    tmp_path: Path, texts: Texts, published: tuple[Record, ...], real: Callable[[str], None]
) -> None:
    """No log, answer, database, queue file or audit entry holds a key, session, token or setting that is secret."""
    chosen = replace(
        settings(tmp_path, f"sqlite:///{tmp_path / 'bylaw.sqlite3'}"),
        port=free_port(), secret_key=SECRET_KEY, audit_key=AUDIT_KEY, log_level="debug", example_sign_in=True,
        oidc_issuer="http://127.0.0.1:9", oidc_client_id="bylaw", oidc_client_secret=CLIENT_SECRET,
    )  # fmt: skip
    with build_in_memory(chosen, texts=texts) as built:
        fill(built, published)
    key, refused = token_of("person-platform_admin"), token_of(f"{MARK} nobody")
    token = f"eyJhbGciOiJub25lIn0.{MARK}.{MARK}"
    watch = Watch(
        {
            "secret key": SECRET_KEY,
            "audit key": AUDIT_KEY,
            "client secret": CLIENT_SECRET,
            "key": key,
            "refused key": refused,
            "token": token,
        }
    )

    def asked(
        name: str, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        status, found, content = ask(
            chosen.port, method, path, body, {n.replace("_", "-"): v for n, v in headers.items()}
        )
        told = {**found, "Set-Cookie": ""}  # the one place where a session's id belongs
        watch.seen[name] = f"{status} {told}".encode() + content
        return status, found, content

    queue = subprocess.Popen(valkey.command(chosen), stdout=subprocess.DEVNULL)
    try:
        while not valkey.answers(chosen):
            time.sleep(0.02)
        with running(chosen):
            mine = {"Authorization": f"Bearer {key}", "Content_Type": "application/json"}
            assert 200 == asked("decision", "POST", EVALUATE, b'{"facts": {"employees": 800}}', **mine)[0]
            assert 422 == asked("unfit", "POST", EVALUATE, b'{"facts": {"employees": "x"}}', **mine)[0]
            assert 400 == asked("no json", "POST", EVALUATE, b"{", **mine)[0]
            assert 401 == asked("refused key", "GET", "/api/v1/me", Authorization=f"Bearer {refused}")[0]
            assert 401 == asked("refused token", "GET", "/api/v1/me", Authorization=f"Bearer {token}")[0]
            assert 401 == asked("scheme", "GET", "/api/v1/me", Authorization=f"Basic {token}")[0]
            assert 400 == asked("no header", "GET", "/api/v1/me", Authorization=f"Bearer {key}\0")[0]
            asked("audit", "GET", "/api/v1/audit", **mine)
            asked("health", "GET", "/health/ready")
            # A key made over HTTP is shown in that one answer, which is not looked at.
            made = ask(
                chosen.port, "POST", "/api/v1/keys", b'{"person_id": "person-sales_rep", "name": "laptop"}',
                {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Idempotency-Key": "once"},
            )  # fmt: skip
            assert 201 == made[0], made[2]
            watch.secrets["made key"] = exact_json.parse(made[2])["key"]
            form = {"Content_Type": "application/x-www-form-urlencoded"}
            person = urlencode({"person_id": "person-platform_admin"})
            status, headers, _ = asked("sign-in", "POST", "/sign-in", person, **form)
            assert 303 == status
            cookie = http.cookies.SimpleCookie(headers["Set-Cookie"])
            (name, morsel), *_ = cookie.items()
            watch.secrets["session"] = morsel.value
            with_session = {"Cookie": f"{name}={morsel.value}"}
            for path in ("/", "/me", "/audit", "/leads?cursor=x", "/nowhere", "/api/v1/me"):
                asked(path, "GET", path, **with_session)
            assert 403 == asked("forged", "POST", "/sign-out", "csrf_token=x", **form, **with_session)[0]
            asked("to the provider", "POST", "/sign-in/provider", person, **form)
            asked("callback", "GET", f"/sign-in/callback?code={MARK}-code&state=x")
            queue.kill()  # what is said while the store is away
            queue.wait()
            asked("session away", "GET", "/", **with_session)
            asked("queue away", "GET", "/health/ready")
            asked("sign-in away", "POST", "/sign-in", person, **form)
    finally:
        queue.kill()
        queue.wait()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"log", "bylaw.sqlite3"} <= {path.name for path in files}
    assert any(path.suffix == ".aof" for path in files)
    watch.seen |= {path.name: path.read_bytes() for path in files}
    assert [] == watch.found()
    assert len(watch.secrets) == 8
    real("gunicorn")
    real("Valkey")


def test_a_fault_is_logged_without_what_was_sent(
    memory: Wiring, app_in_memory: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log of a fault has its traceback and request id, and neither key, cookie, query nor body."""

    def fail(*_given: object, **_named: object) -> None:
        raise RuntimeError("inside")

    client = as_person(app_in_memory, "person-sales_rep")
    monkeypatch.setattr(type(memory.ports.store), "find", fail)
    with caplog.at_level(logging.DEBUG):
        answer = client.get("/leads", q=f"{MARK}-query", headers={"Cookie": f"bylaw_session={MARK}-cookie"})
    assert 500 == answer.status_code
    assert "RuntimeError: inside" in caplog.text
    assert answer.headers["X-Request-Id"] in caplog.text
    assert token_of("person-sales_rep") not in caplog.text
    assert MARK not in caplog.text


def test_settings_show_no_secret() -> None:
    """Printing settings, as tracebacks and debuggers do, shows no field that is or may hold a secret."""
    found = Settings(
        Path("/h"), f"mongodb://u:{PASSWORD}@h/d", redis_url=f"redis://:{PASSWORD}@h",
        secret_key=SECRET_KEY, oidc_client_secret=CLIENT_SECRET,
    )  # fmt: skip
    assert MARK not in f"{found!r} {found}"
    named = {setting.field for setting in SETTINGS if re.search("secret|password|key$|_url$", setting.field)}
    assert SECRET_FIELDS == named - {"public_url"}


@pytest.mark.parametrize(
    "address",
    [
        f"mongodb://u:{PASSWORD}@127.0.0.1:9/bylaw?serverSelectionTimeoutMS=200&connectTimeoutMS=200",
        f"mongodb://u:{PASSWORD}@127.0.0.1:9/?no=such&option",
        f"mongodb://u:{PASSWORD}@/bylaw",
        f"mongodb://u:{PASSWORD}:x@h:99999999/bylaw",
        f"mongodb+srv://u:{PASSWORD}@nowhere.invalid/bylaw",
    ],
)
def test_a_database_that_cannot_be_opened_is_told_without_its_password(
    tmp_path: Path, texts: Texts, address: str
) -> None:
    """Whatever is wrong with the database's address, its problem does not repeat the password."""
    with pytest.raises(BylawError) as raised:
        build(settings(tmp_path, address), texts=texts).close()
    told = "\n".join(problem.render() for problem in raised.value.problems)
    assert PASSWORD not in f"{told} {raised.value} {raised.value!r}"


def test_a_queue_that_is_away_is_told_without_its_password(tmp_path: Path, texts: Texts) -> None:
    """Neither the health check nor a limit nor a session says the queue server's password."""
    chosen = replace(settings(tmp_path, "memory:"), redis_url=f"redis://u:{PASSWORD}@127.0.0.1:9/0")
    with build(chosen, texts=texts) as wiring:
        for ask_it in (
            wiring.sessions.ping,
            wiring.ports.queue.ping,
            lambda: wiring.rate_limits.spend("sign-in", "a"),
        ):
            with pytest.raises(BylawError) as raised:
                ask_it()
            assert PASSWORD not in f"{raised.value} {raised.value!r}"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("BYLAW_SECRET_KEY", f"{MARK}-short"),
        ("BYLAW_DATABASE_URL", f"postgres://u:{PASSWORD}@h/d"),
        ("BYLAW_REDIS_URL", f"amqp://u:{PASSWORD}@h"),
        ("BYLAW_PUBLIC_URL", f"ftp://u:{PASSWORD}@h"),
        ("BYLAW_OIDC_ISSUER", f"https://u:{PASSWORD}@h"),
    ],
)
def test_a_command_with_a_wrong_setting_does_not_repeat_it(name: str, text: str, tmp_path: Path) -> None:
    """A refused setting that holds a password is told by its name."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", "prepare"], cwd=ROOT, capture_output=True, text=True, check=False,
        env={"PATH": "/bin", "PYTHONPATH": str(ROOT), "BYLAW_HOME": str(tmp_path), name: text},
    )  # fmt: skip
    assert 2 == done.returncode
    assert name in done.stderr
    assert MARK not in done.stdout + done.stderr


def test_what_looks_for_marks_finds_them() -> None:
    """The search itself works: a mark is found as it is and as part of an address, and nothing else is."""
    watch = Watch(
        {"one": "a b&c", "other": "d"}, {"answer": b"... a b&c ...", "log": b"GET /?q=a%20b%26c", "file": b"x"}
    )
    assert [("one", "answer"), ("one", "log")] == watch.found()
