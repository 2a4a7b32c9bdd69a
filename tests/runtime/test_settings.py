"""Settings: what the environment says, and what it cannot say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.limits import BY_NAME
from adapters.settings import SETTINGS, TESTS_ONLY, Settings
from engine.problems import InvalidError

ROOT = Path(__file__).resolve().parents[2]
SECRET = "s" * 32
DATABASES = "`memory:` or `sqlite:` or `mongodb:` or `mongodb+srv:`"


def problems(environ: dict[str, str]) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidError) as raised:
        Settings.from_environment(environ)
    return [(problem.code, problem.message, problem.help) for problem in raised.value.problems]


def test_defaults() -> None:
    """Without any setting everything is on this machine: database, queue, loopback, example; nobody signs in yet."""
    found = Settings.from_environment({"BYLAW_HOME": "/srv/bylaw"})
    assert "sqlite:////srv/bylaw/bylaw.sqlite3" == found.database_url
    assert (True, "unix:///srv/bylaw/queue/server.sock") == (found.embedded_queue, found.queue_url)
    assert "http://127.0.0.1:8400" == found.address
    assert (False, True, False) == (found.local_sign_in, found.example, found.secure_cookies)
    assert (None, 60) == (found.oidc_issuer, found.session_idle_minutes)


def test_home_in_a_checkout() -> None:
    """A program that runs from a checkout keeps its files in the checkout, wherever it was called from."""
    assert ROOT / ".bylaw" == Settings.from_environment({}).home


def test_every_setting_is_read() -> None:
    """Each setting's text becomes a field's value."""
    found = Settings.from_environment(
        {
            "BYLAW_HOME": "/h",
            "BYLAW_DATABASE_URL": "mongodb://db/bylaw?replicaSet=rs0",
            "BYLAW_REDIS_URL": "rediss://queue/1",
            "BYLAW_HOST": "::1",
            "BYLAW_PORT": "9000",
            "BYLAW_PUBLIC_URL": "https://bylaw.example.com/",
            "BYLAW_SECRET_KEY": SECRET,
            "BYLAW_AUDIT_KEY": "0B" * 32,
            "BYLAW_AUDIT_ENTRIES": "5",
            "BYLAW_AUDIT_SECONDS": "60",
            "BYLAW_PRODUCTION": "yes",
            "BYLAW_EXAMPLE": "1",
            "BYLAW_WEB_PROCESSES": "2",
            "BYLAW_WEB_THREADS": "8",
            "BYLAW_SESSION_HOURS": "1",
            "BYLAW_LOG_LEVEL": "WARNING",
            "BYLAW_REQUEST_SECONDS": "5",
            "BYLAW_TRUSTED_PROXIES": "10.0.0.1, fd00::/8",
            "BYLAW_RATE_LIMITS": "sign-in=60 evaluation=100000",
            "BYLAW_SESSION_IDLE_MINUTES": "5",
            "BYLAW_SESSIONS_PER_PERSON": "3",
            "BYLAW_EXAMPLE_SIGN_IN": "no",
            "BYLAW_OIDC_ISSUER": "https://id.example.com/realms/a/",
            "BYLAW_OIDC_CLIENT_ID": "bylaw",
            "BYLAW_OIDC_CLIENT_SECRET": "hush",
            "BYLAW_OIDC_SCOPES": "openid  email openid",
        }
    )
    assert (
        Settings(
            home=Path("/h"),
            database_url="mongodb://db/bylaw?replicaSet=rs0",
            redis_url="rediss://queue/1",
            host="::1",
            port=9000,
            public_url="https://bylaw.example.com",
            secret_key=SECRET,
            production=True,
            example=True,
            web_processes=2,
            web_threads=8,
            session_hours=1,
            log_level="warning",
            request_seconds=5,
            trusted_proxies=("10.0.0.1/32", "fd00::/8"),
            rate_limits=(("sign-in", 60), ("evaluation", 100_000)),
            session_idle_minutes=5,
            sessions_per_person=3,
            example_sign_in=False,
            oidc_issuer="https://id.example.com/realms/a/",
            oidc_client_id="bylaw",
            oidc_client_secret="hush",
            oidc_scopes=("openid", "email"),
            audit_key="0b" * 32,
            audit_entries=5,
            audit_seconds=60,
        )
        == found
    )
    assert "https://bylaw.example.com/sign-in/callback" == found.sign_in_redirect
    assert (False, True, "https://bylaw.example.com") == (found.local_sign_in, found.secure_cookies, found.address)


def test_unknown_names_get_a_suggestion() -> None:
    """A misspelt setting is an error that names the right one; all are reported at once."""
    assert [
        ("settings.unknown", "there is no setting `BYLAW_DATABSE_URL`", "did you mean `BYLAW_DATABASE_URL`?"),
        ("settings.unknown", "there is no setting `BYLAW_QWERTY`", "docs/operations.md lists the settings"),
    ] == sorted(problems({"BYLAW_DATABSE_URL": "x", "BYLAW_QWERTY": "1", "PATH": "/bin"}))


def test_names_of_the_tests_are_no_settings() -> None:
    """What only the project's tests read is no error."""
    names = dict.fromkeys((*TESTS_ONLY, "BYLAW_TEST_MONGODB", "_BYLAW_COMPLETE"), "x")
    assert 8400 == Settings.from_environment(names).port


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("BYLAW_PORT", "eighty", "`BYLAW_PORT`: `eighty` is not a whole number from 0 to 65,535"),
        ("BYLAW_PORT", "70000", "`BYLAW_PORT`: `70000` is not a whole number from 0 to 65,535"),
        ("BYLAW_PORT", "٣", "`BYLAW_PORT`: `٣` is not a whole number from 0 to 65,535"),
        ("BYLAW_AUDIT_KEY", "0x", "`BYLAW_AUDIT_KEY`: the key is not 64 hexadecimal digits"),
        ("BYLAW_PRODUCTION", "maybe", "`BYLAW_PRODUCTION`: `maybe` is neither `true` nor `false`"),
        ("BYLAW_DATABASE_URL", "postgres://u:hidden@h/d",
         f"`BYLAW_DATABASE_URL`: `postgres:...` does not start with {DATABASES}"),
        ("BYLAW_REDIS_URL", "localhost", "`BYLAW_REDIS_URL`: it does not start with `redis:` or `rediss:` or `unix:`"),
        ("BYLAW_PUBLIC_URL", "bylaw.example.com",
         "`BYLAW_PUBLIC_URL`: `bylaw.example.com` is not an address such as `https://bylaw.example.com`"),
        ("BYLAW_SECRET_KEY", "short", "`BYLAW_SECRET_KEY`: the secret has 5 characters; at least 32 are needed"),
        ("BYLAW_SECRET_KEY_FILE", "/nowhere/key",
         "`BYLAW_SECRET_KEY_FILE`: `/nowhere/key` cannot be read: no such file or directory"),
        ("BYLAW_TRUSTED_PROXIES", "10.0.0.1/8",
         "`BYLAW_TRUSTED_PROXIES`: `10.0.0.1/8` is no address and no network such as `10.0.0.0/8`"),
        ("BYLAW_RATE_LIMITS", "signin=1",
         f"`BYLAW_RATE_LIMITS`: `signin` is none of {', '.join(f'`{name}`' for name in BY_NAME)}"),
        ("BYLAW_RATE_LIMITS", "bulk=0", "`BYLAW_RATE_LIMITS`: `0` is not a whole number from 1 to 1,000,000,000"),
        ("BYLAW_RATE_LIMITS", "bulk=1 bulk=2", "`BYLAW_RATE_LIMITS`: `bulk` is given twice"),
        ("BYLAW_LOG_LEVEL", "loud", "`BYLAW_LOG_LEVEL`: `loud` is none of `debug`, `info`, `warning`, `error`"),
    ],
)  # fmt: skip
def test_wrong_values(name: str, text: str, sentence: str) -> None:
    """A value that cannot be read is one sentence, which never repeats a password."""
    (found,) = problems({name: text})
    assert ("settings.invalid", sentence) == found[:2]


def test_all_problems_at_once() -> None:
    """Every wrong setting is reported in one go."""
    assert 3 == len(problems({"BYLAW_PORT": "x", "BYLAW_WEB_THREADS": "0", "BYLAW_NOPE": "1"}))


def test_secret_from_a_file(tmp_path: Path) -> None:
    """The secret key may stand in a file; both at once is an error."""
    file = tmp_path / "key"
    file.write_text(SECRET + "\n")
    assert SECRET == Settings.from_environment({"BYLAW_SECRET_KEY_FILE": str(file)}).secret_key
    both = problems({"BYLAW_SECRET_KEY": SECRET, "BYLAW_SECRET_KEY_FILE": str(file)})
    assert "`BYLAW_SECRET_KEY` and `BYLAW_SECRET_KEY_FILE` are both set" == both[0][1]


def test_addresses_with_passwords_from_files(tmp_path: Path) -> None:
    """The addresses of database and queue may stand in files; what is wrong with one is told without repeating it."""
    database, queue = tmp_path / "database", tmp_path / "queue"
    database.write_text("mongodb://u:hidden@h/d\n")
    queue.write_text("rediss://:hidden@h/1\n")
    files = {"BYLAW_DATABASE_URL_FILE": str(database), "BYLAW_REDIS_URL_FILE": str(queue)}
    found = Settings.from_environment(files)
    assert ("mongodb://u:hidden@h/d", "rediss://:hidden@h/1") == (found.database_url, found.redis_url)
    queue.write_text("amqp://:hidden@h/1")
    ((_, message, _),) = problems(files)
    assert message.startswith("`BYLAW_REDIS_URL_FILE`: `amqp:...` does not start with")
    assert "hidden" not in message


def test_production_makes_nothing_up() -> None:
    """In production database, queue and both keys have to be said, and neither example nor local sign-in exist."""
    assert [
        "`BYLAW_AUDIT_KEY` must be set in production",
        "`BYLAW_DATABASE_URL` must be set in production",
        "`BYLAW_REDIS_URL` must be set in production",
        "`BYLAW_SECRET_KEY` must be set in production",
    ] == sorted(problem[1] for problem in problems({"BYLAW_PRODUCTION": "true"}))
    said = {"BYLAW_DATABASE_URL": "mongodb://h/d", "BYLAW_REDIS_URL": "redis://h", "BYLAW_SECRET_KEY": SECRET}
    said["BYLAW_AUDIT_KEY"] = "0b" * 32
    found = Settings.from_environment({"BYLAW_PRODUCTION": "true", **said})
    assert (False, False, True) == (found.example, found.local_sign_in, found.secure_cookies)


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("localhost", True), ("::1", True), ("0.0.0.0", False),
     ("10.0.0.1", False), ("::", False), ("example.com", False)],
)  # fmt: skip
def test_the_example_sign_in_is_for_loopback(*, host: str, local: bool) -> None:
    """Nobody signs in by a name unless it was turned on, and where other machines can connect it cannot be."""
    assert not Settings.from_environment({"BYLAW_HOST": host}).local_sign_in
    asked = {"BYLAW_HOST": host, "BYLAW_EXAMPLE_SIGN_IN": "true"}
    if local:
        assert Settings.from_environment(asked).local_sign_in
    else:
        ((code, sentence, _),) = problems(asked)
        assert ("settings.invalid", True) == (code, sentence.startswith("`BYLAW_EXAMPLE_SIGN_IN` asks for no proof"))
    assert local == Settings(home=Path("/h"), database_url="memory:", host=host, example_sign_in=True).local_sign_in


def test_the_example_sign_in_is_impossible_in_production() -> None:
    """In production the example sign-in is an error, and off even in settings that nobody has checked."""
    said = {"BYLAW_DATABASE_URL": "mongodb://h/d", "BYLAW_REDIS_URL": "redis://h", "BYLAW_SECRET_KEY": SECRET}
    said["BYLAW_AUDIT_KEY"] = "0b" * 32
    found = problems({"BYLAW_PRODUCTION": "true", "BYLAW_EXAMPLE_SIGN_IN": "true", **said})
    assert ["settings.invalid"] == [code for code, _, _ in found]
    assert "`BYLAW_EXAMPLE_SIGN_IN` asks for no proof" in found[0][1]
    unchecked = Settings(home=Path("/h"), database_url="memory:", production=True, example_sign_in=True)
    assert not unchecked.local_sign_in


@pytest.mark.parametrize(
    ("issuer", "sentence"),
    [
        ("accounts.google.com", "is not an issuer such as"),
        ("https://", "is not an issuer such as"),
        ("https://id.example.com?x=1", "is not an issuer such as"),
        ("https://id.example.com/#a", "is not an issuer such as"),
        ("https://user:pass@id.example.com", "is not an issuer such as"),
        ("https://id.example.com/a b", "is not an issuer such as"),
        ("http://id.example.com", "does not start with `https:`"),
        ("ftp://id.example.com", "does not start with `https:`"),
    ],
)
def test_issuers_that_cannot_be(issuer: str, sentence: str) -> None:
    """An issuer is a plain address, over HTTPS unless it is on this machine."""
    ((code, message, _),) = problems({"BYLAW_OIDC_ISSUER": issuer, "BYLAW_OIDC_CLIENT_ID": "bylaw"})
    assert ("settings.invalid", True) == (code, sentence in message)


def test_an_issuer_without_https_is_for_one_machine() -> None:
    """On loopback a provider may do without HTTPS, in production none may."""
    local = {"BYLAW_OIDC_ISSUER": "http://localhost:3000", "BYLAW_OIDC_CLIENT_ID": "bylaw"}
    assert "http://localhost:3000" == Settings.from_environment(local).oidc_issuer
    said = {"BYLAW_DATABASE_URL": "mongodb://h/d", "BYLAW_REDIS_URL": "redis://h", "BYLAW_SECRET_KEY": SECRET}
    said["BYLAW_AUDIT_KEY"] = "0b" * 32
    ((_, message, _),) = problems({"BYLAW_PRODUCTION": "true", **said, **local})
    assert "`BYLAW_OIDC_ISSUER` must start with `https:` in production" == message


def test_half_a_provider_is_none() -> None:
    """Whatever of an identity provider is set asks for the rest of it, and a sign-in needs the scope `openid`."""
    for said, needed in (
        ({"BYLAW_OIDC_ISSUER": "https://id.example.com"}, "BYLAW_OIDC_CLIENT_ID"),
        ({"BYLAW_OIDC_CLIENT_ID": "bylaw"}, "BYLAW_OIDC_ISSUER"),
        ({"BYLAW_OIDC_CLIENT_SECRET": "hush"}, "BYLAW_OIDC_ISSUER"),
    ):
        assert [f"`{needed}` must be set where an identity provider is configured"] == [
            one[1] for one in problems(said)
        ]
    assert "lacks the scope `openid`" in problems({"BYLAW_OIDC_SCOPES": "email profile"})[0][1]


def test_issuers_of_tokens() -> None:
    """Issuers of bearer tokens are told apart by blanks, need an audience and HTTPS, and reach child processes."""
    issuers = "https://id.example.com/a/  http://localhost:3000 https://id.example.com/a/"
    said = {"BYLAW_TOKEN_ISSUERS": issuers, "BYLAW_TOKEN_AUDIENCE": "bylaw"}
    found = Settings.from_environment(said)
    assert (("https://id.example.com/a/", "http://localhost:3000"), "bylaw") == (
        found.token_issuers,
        found.token_audience,
    )
    assert found.token_issuers == Settings.from_environment(found.environment()).token_issuers
    for half, needed in (
        ("BYLAW_TOKEN_ISSUERS", "BYLAW_TOKEN_AUDIENCE"),
        ("BYLAW_TOKEN_AUDIENCE", "BYLAW_TOKEN_ISSUERS"),
    ):
        assert [f"`{needed}` must be set where bearer tokens are accepted"] == [
            one[1] for one in problems({half: said[half]})
        ]
    assert "does not start with `https:`" in problems({**said, "BYLAW_TOKEN_ISSUERS": "http://id.example.com"})[0][1]
    production = {"BYLAW_PRODUCTION": "true", "BYLAW_DATABASE_URL": "mongodb://h/d", "BYLAW_REDIS_URL": "redis://h"}
    keys = {"BYLAW_SECRET_KEY": SECRET, "BYLAW_AUDIT_KEY": "0b" * 32}
    ((_, message, _),) = problems({**production, **keys, **said})
    assert "`BYLAW_TOKEN_ISSUERS` must start with `https:` in production" == message


def test_the_client_secret_from_a_file(tmp_path: Path) -> None:
    """The client secret may stand in a file, which must hold one."""
    file, empty = tmp_path / "secret", tmp_path / "empty"
    file.write_text("hush\n")
    empty.write_text("\n")
    provider = {"BYLAW_OIDC_ISSUER": "https://id.example.com", "BYLAW_OIDC_CLIENT_ID": "bylaw"}
    found = Settings.from_environment({**provider, "BYLAW_OIDC_CLIENT_SECRET_FILE": str(file)})
    assert "hush" == found.oidc_client_secret
    assert "hush" not in repr(found)
    assert (
        f"`BYLAW_OIDC_CLIENT_SECRET_FILE`: `{empty}` is empty"
        == problems({**provider, "BYLAW_OIDC_CLIENT_SECRET_FILE": str(empty)})[0][1]
    )


def test_command_line_wins() -> None:
    """What the command line says wins over the environment; what it leaves out does not."""
    found = Settings.from_environment({"BYLAW_PORT": "1", "BYLAW_HOST": "::1"}, port=2, host=None)
    assert (2, "::1") == (found.port, found.host)


def test_a_long_home_gets_a_short_socket() -> None:
    """A home directory whose path is too long for a socket gets one in a private folder; it stays the same one."""
    home = "/" + "x" * 120
    first, second = (Settings.from_environment({"BYLAW_HOME": home}).queue_socket for _ in range(2))
    assert first == second
    assert len(str(first)) < 100


def test_secrets_are_not_shown() -> None:
    """Printing settings, as tracebacks do, shows neither the secret key nor the queue's password."""
    shown = repr(Settings.from_environment({"BYLAW_SECRET_KEY": SECRET, "BYLAW_REDIS_URL": "redis://:hidden@h"}))
    assert SECRET not in shown
    assert "hidden" not in shown


@given(
    port=st.integers(0, 65_535),
    host=st.sampled_from(["127.0.0.1", "::1", "10.1.2.3"]),
    production=st.booleans(),
    example=st.booleans(),
    public=st.sampled_from([None, "https://bylaw.example.com"]),
    threads=st.integers(1, 2_000),
    by_name=st.sampled_from([None, False]),
    provider=st.sampled_from(
        [(None, None, None), ("https://id.example.com", "bylaw", "hush"), ("https://i", "b", None)]
    ),
)
def test_children_read_the_same(
    *,
    port: int,
    host: str,
    production: bool,
    example: bool,
    public: str | None,
    threads: int,
    by_name: bool | None,
    provider: tuple[str | None, str | None, str | None],
) -> None:
    """A child process that gets the settings as its environment reads the same settings."""
    settings = Settings(
        Path("/h"),
        "mongodb://h/d",
        "redis://h",
        host,
        port,
        public,
        SECRET,
        production,
        example,
        2,
        threads,
        3,
        "debug",
        trusted_proxies=("10.0.0.0/8",),
        rate_limits=(("bulk", 7),),
        session_idle_minutes=7,
        example_sign_in=by_name,
        oidc_issuer=provider[0],
        oidc_client_id=provider[1],
        oidc_client_secret=provider[2],
        audit_key="0b" * 32,
    )
    assert settings == Settings.from_environment(settings.environment())


def test_every_setting_is_documented() -> None:
    """docs/operations.md lists every setting with its default and its sentence, and no other."""
    text = (ROOT / "docs" / "operations.md").read_text()
    rows = re.findall(r"^\| `(BYLAW_[A-Z_]+)` \| (.+) \| (.+) \|$", text, re.MULTILINE)
    assert [(setting.name, setting.default, setting.about) for setting in SETTINGS] == rows
