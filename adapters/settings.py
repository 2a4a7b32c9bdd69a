"""What can be set from outside, in one frozen value: the only reader of the environment.

Every name is declared in `SETTINGS` with its default and a sentence; `docs/operations.md` is tested to list them all. A
misspelt `BYLAW_...` name is an error, because a setting that silently does nothing is worse than none.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from adapters.limits import BY_NAME
from engine.problems import Place, Report

PREFIX = "BYLAW_"

TESTS_ONLY = ("BYLAW_SHARED",)
"""Names that only the project's own tests read; so are all that start with `BYLAW_TEST_`."""

STORE_SCHEMES = ("memory", "sqlite", "mongodb", "mongodb+srv")
QUEUE_SCHEMES = ("redis", "rediss", "unix")
LOG_LEVELS = ("debug", "info", "warning", "error")

SOCKET_PATH_LIMIT = 100
"""Bytes that a Unix socket's path may have; Linux allows 107."""

SHORTEST_SECRET = 32
_SEED = re.compile("[0-9a-fA-F]{64}")

OIDC_SCOPES = ("openid", "email", "profile")


class _RefusedValueError(Exception):
    """A reader's sentence about the value, without the name of the setting."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its environment name, what it is by default in words, its sentence, and how its text is read."""

    name: str
    field: str
    default: str
    about: str
    read: Callable[[str], Any]


def _text(value: str) -> str:
    return value


def _path(value: str) -> Path:
    return Path(value).expanduser().absolute()


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
            raise _RefusedValueError(f"`{value}` is not a whole number from {low:,} to {high:,}")
        return int(value)

    return read


def _truth(value: str) -> bool:
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if value.lower() not in known:
        raise _RefusedValueError(f"`{value}` is neither `true` nor `false`")
    return known[value.lower()]


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value.lower() not in choices:
            raise _RefusedValueError(f"`{value}` is none of {', '.join(f'`{choice}`' for choice in choices)}")
        return value.lower()

    return read


def _address(*schemes: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        scheme, colon, _ = value.partition(":")
        if not colon or scheme not in schemes:
            # The value may hold a password, so only what stands before the colon is repeated.
            shown = f"`{scheme}:...`" if colon else "it"
            raise _RefusedValueError(f"{shown} does not start with {' or '.join(f'`{known}:`' for known in schemes)}")
        return value

    return read


def _without_password(address: str) -> str:
    """An address as it may be repeated: what stands before an `@` may hold a password."""
    before, at, rest = address.rpartition("@")
    return f"{before.partition(':')[0]}:...@{rest}" if at else address


def _in_file(read: Callable[[str], str]) -> Callable[[str], str]:
    def read_file(value: str) -> str:
        return read(_content(value))

    return read_file


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise _RefusedValueError(f"`{_without_password(value)}` is not an address such as `https://bylaw.example.com`")
    return value.rstrip("/")


def _networks(value: str) -> tuple[str, ...]:
    found = []
    for one in value.replace(",", " ").split():
        try:
            found.append(str(ipaddress.ip_network(one)))
        except ValueError:
            raise _RefusedValueError(f"`{one}` is no address and no network such as `10.0.0.0/8`") from None
    return tuple(found)


def _amounts(value: str) -> tuple[tuple[str, int], ...]:
    found: dict[str, int] = {}
    for one in value.replace(",", " ").split():
        name, _, amount = one.partition("=")
        if name not in BY_NAME:
            raise _RefusedValueError(f"`{name}` is none of {', '.join(f'`{known}`' for known in BY_NAME)}")
        if name in found:
            raise _RefusedValueError(f"`{name}` is given twice")
        found[name] = _whole(1, 1_000_000_000)(amount)
    return tuple(found.items())


def _issuer(value: str) -> str:
    """An issuer exactly as its tokens say it: nothing is added or cut off (OpenID Connect Discovery 1.0, 4.3)."""
    parts = urlsplit(value)
    plain = not (parts.query or parts.fragment or parts.username or parts.password) and parts.hostname is not None
    if not plain or not value.isascii() or not value.isprintable() or " " in value:
        raise _RefusedValueError(f"`{_without_password(value)}` is not an issuer such as `https://accounts.google.com`")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise _RefusedValueError(f"`{value}` does not start with `https:`; without it anybody between may answer")
    return value


def _issuers(value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(_issuer, value.split())))


def _scopes(value: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(value.split()))
    if "openid" not in found:
        raise _RefusedValueError(f"`{value}` lacks the scope `openid`, without which there is no sign-in")
    return found


def _secret(value: str) -> str:
    if len(value) < SHORTEST_SECRET:
        raise _RefusedValueError(f"the secret has {len(value)} characters; at least {SHORTEST_SECRET} are needed")
    return value


def _secret_file(value: str) -> str:
    return _secret(_content(value))


def _seed(value: str) -> str:
    if not _SEED.fullmatch(value):
        raise _RefusedValueError("the key is not 64 hexadecimal digits")
    return value.lower()


def _seed_file(value: str) -> str:
    return _seed(_content(value))


def _content(value: str) -> str:
    """What a file holds, without the line break at its end."""
    try:
        content = _path(value).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not UTF-8 text"
        raise _RefusedValueError(f"`{value}` cannot be read: {reason.lower()}") from None
    if not content:
        raise _RefusedValueError(f"`{value}` is empty")
    return content


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "BYLAW_HOME",
        "home",
        "`.bylaw` in the checkout, else `$XDG_DATA_HOME/bylaw` or `~/.local/share/bylaw`",
        "The directory that holds what `bylaw` keeps: the embedded database, queue and secret key.",
        _path,
    ),
    Setting(
        "BYLAW_DATABASE_URL",
        "database_url",
        "`sqlite:///` and `bylaw.sqlite3` in the home directory",
        "The operations database: `sqlite:///path` or `mongodb://host/name?replicaSet=...`.",
        _address(*STORE_SCHEMES),
    ),
    Setting(
        "BYLAW_REDIS_URL",
        "redis_url",
        "an embedded Valkey that `bylaw up` starts",
        "Redis or Valkey for queue and sessions: `redis://`, `rediss://` or `unix://`.",
        _address(*QUEUE_SCHEMES),
    ),
    Setting(
        "BYLAW_DATABASE_URL_FILE",
        "database_url",
        "none",
        "A file that holds the database's address with its password, instead of the address itself.",
        _in_file(_address(*STORE_SCHEMES)),
    ),
    Setting(
        "BYLAW_REDIS_URL_FILE",
        "redis_url",
        "none",
        "A file that holds the queue's address with its password, instead of the address itself.",
        _in_file(_address(*QUEUE_SCHEMES)),
    ),
    Setting("BYLAW_HOST", "host", "`127.0.0.1`", "The address that the web server listens on.", _text),
    Setting(
        "BYLAW_PORT",
        "port",
        "`8400`",
        "The port that the web server listens on; `0` takes a free one.",
        _whole(0, 65_535),
    ),
    Setting(
        "BYLAW_PUBLIC_URL",
        "public_url",
        "the address listened on",
        "The address that people type, when a proxy stands before the web server.",
        _web_address,
    ),
    Setting(
        "BYLAW_SECRET_KEY",
        "secret_key",
        "made at the first start and kept in the home directory",
        "Signs what leaves and comes back; at least 32 characters, the same for every process.",
        _secret,
    ),
    Setting(
        "BYLAW_SECRET_KEY_FILE",
        "secret_key",
        "none",
        "A file that holds the secret key, instead of the key itself.",
        _secret_file,
    ),
    Setting(
        "BYLAW_AUDIT_KEY",
        "audit_key",
        "made at the first start and kept in the home directory",
        "Signs checkpoints of the audit log: 64 hexadecimal digits, the same for every process that works on jobs.",
        _seed,
    ),
    Setting(
        "BYLAW_AUDIT_KEY_FILE",
        "audit_key",
        "none",
        "A file that holds the audit key, instead of the key itself.",
        _seed_file,
    ),
    Setting(
        "BYLAW_AUDIT_ENTRIES",
        "audit_entries",
        "`1000`",
        "New audit entries of an organisation after which a checkpoint is signed.",
        _whole(1, 1_000_000),
    ),
    Setting(
        "BYLAW_AUDIT_SECONDS",
        "audit_seconds",
        "`3600`",
        "Seconds after which new audit entries get a signed checkpoint, however few they are.",
        _whole(1, 86_400),
    ),
    Setting(
        "BYLAW_PRODUCTION",
        "production",
        "`false`",
        "Turns off whatever is for one machine only: local sign-in, embedded defaults, example data.",
        _truth,
    ),
    Setting(
        "BYLAW_EXAMPLE",
        "example",
        "`true`, and `false` in production",
        "Whether the first start installs the example organisation.",
        _truth,
    ),
    Setting("BYLAW_WEB_PROCESSES", "web_processes", "`1`", "Web server processes.", _whole(1, 64)),
    Setting("BYLAW_WEB_THREADS", "web_threads", "`32`", "Threads in each web server process.", _whole(1, 2_000)),
    Setting(
        "BYLAW_SESSION_HOURS", "session_hours", "`12`", "Hours after which a person signs in again.", _whole(1, 720)
    ),
    Setting(
        "BYLAW_REQUEST_SECONDS",
        "request_seconds",
        "`30`",
        "Seconds within which a request, head and body, must have arrived; a slower one is cut off.",
        _whole(1, 3_600),
    ),
    Setting(
        "BYLAW_TRUSTED_PROXIES",
        "trusted_proxies",
        "none",
        "Addresses or networks of the proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.",
        _networks,
    ),
    Setting(
        "BYLAW_RATE_LIMITS",
        "rate_limits",
        "what [security](security.md) lists",
        "Other amounts for rate limits, by name, such as `sign-in=60 evaluation=100000`.",
        _amounts,
    ),
    Setting(
        "BYLAW_SESSION_IDLE_MINUTES",
        "session_idle_minutes",
        "`60`",
        "Minutes without a request after which a session ends before its hours are over.",
        _whole(1, 43_200),
    ),
    Setting(
        "BYLAW_EXAMPLE_SIGN_IN",
        "example_sign_in",
        "`false`; `bylaw up` on loopback without an identity provider sets it",
        "Whether people may sign in by choosing a name, without any proof: on loopback alone, never in production.",
        _truth,
    ),
    Setting(
        "BYLAW_OIDC_ISSUER",
        "oidc_issuer",
        "none",
        "The identity provider that people sign in at (OpenID Connect), such as `https://accounts.google.com`.",
        _issuer,
    ),
    Setting("BYLAW_OIDC_CLIENT_ID", "oidc_client_id", "none", "What the provider knows Bylaw as.", _text),
    Setting(
        "BYLAW_OIDC_CLIENT_SECRET",
        "oidc_client_secret",
        "none",
        "What Bylaw proves that with; leave it out for a public client.",
        _text,
    ),
    Setting(
        "BYLAW_OIDC_CLIENT_SECRET_FILE",
        "oidc_client_secret",
        "none",
        "A file that holds the client secret, instead of the secret itself.",
        _content,
    ),
    Setting(
        "BYLAW_OIDC_SCOPES",
        "oidc_scopes",
        "`openid email profile`",
        "What is asked of the provider, separated by blanks; `openid` is needed.",
        _scopes,
    ),
    Setting(
        "BYLAW_TOKEN_ISSUERS",
        "token_issuers",
        "none",
        "Identity providers whose bearer tokens programs may ask with: their `iss`, separated by blanks.",
        _issuers,
    ),
    Setting(
        "BYLAW_TOKEN_AUDIENCE",
        "token_audience",
        "none",
        "What such tokens must have in `aud`: the name that the providers know this API by.",
        _text,
    ),
    Setting(
        "BYLAW_LOG_LEVEL",
        "log_level",
        "`info`",
        "The least important messages shown: debug, info, warning or error.",
        _one_of(*LOG_LEVELS),
    ),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """One consistent set of settings. Build it with `from_environment`; tests may build it directly.

    `redis_url` None means the embedded Valkey in `home`; `queue_url` is where the queue really is. `secret_key` None
    means the one kept in `home`.
    """

    home: Path
    database_url: str = field(repr=False)
    redis_url: str | None = field(default=None, repr=False)
    host: str = "127.0.0.1"
    port: int = 8400
    public_url: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    production: bool = False
    example: bool = True
    web_processes: int = 1
    web_threads: int = 32
    session_hours: int = 12
    log_level: str = "info"
    request_seconds: int = 30
    token_issuers: tuple[str, ...] = ()
    token_audience: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    rate_limits: tuple[tuple[str, int], ...] = ()
    session_idle_minutes: int = 60
    example_sign_in: bool | None = None
    oidc_issuer: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: str | None = field(default=None, repr=False)
    oidc_scopes: tuple[str, ...] = OIDC_SCOPES
    audit_key: str | None = field(default=None, repr=False)
    audit_entries: int = 1_000
    audit_seconds: int = 3_600

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
        """Read the environment; `overrides` (fields by name, None ignored) are what a command line said and win.

        Raises `InvalidError` with every problem found: `settings.unknown`, `settings.invalid`, `settings.missing`.
        """
        environ = os.environ if environ is None else environ
        report = Report()
        _refuse_unknown(environ, report)
        values = _read(environ, report)
        values |= {name: value for name, value in overrides.items() if value is not None}
        production = values.get("production", False)
        if production:
            _refuse_embedded(values, report)
        _refuse_unsafe_sign_in(values, report)
        _refuse_unsafe_tokens(values, report)
        report.raise_if_any()
        home = values.setdefault("home", default_home(environ))
        values.setdefault("database_url", f"sqlite:///{home / 'bylaw.sqlite3'}")
        values.setdefault("example", not production)
        return cls(**values)

    @property
    def embedded_queue(self) -> bool:
        """Whether `bylaw up` runs the queue server itself."""
        return self.redis_url is None

    @property
    def queue_socket(self) -> Path:
        """The embedded queue server's Unix socket: in `home`, or in a short private folder if that path is too long."""
        direct = self.home / "queue" / "server.sock"
        if len(os.fsencode(direct)) <= SOCKET_PATH_LIMIT:
            return direct
        return Path("/tmp") / f"bylaw-{os.getuid()}" / f"{sha256(os.fsencode(self.home)).hexdigest()[:16]}.sock"  # noqa: S108  # a folder only its owner may enter, checked before use

    @property
    def queue_url(self) -> str:
        """Where queue and sessions are."""
        return self.redis_url if self.redis_url is not None else f"unix://{self.queue_socket}"

    @property
    def loopback(self) -> bool:
        """Whether the web server can be reached from this machine only."""
        return is_loopback(self.host)

    @property
    def local_sign_in(self) -> bool:
        """Whether people may sign in by choosing a name: if turned on, on this machine only, never in production."""
        return bool(self.example_sign_in) and self.loopback and not self.production

    @property
    def sign_in_redirect(self) -> str:
        """The one address that an identity provider may send people back to."""
        return f"{self.address}/sign-in/callback"

    @property
    def address(self) -> str:
        """What people type into the browser."""
        if self.public_url:
            return self.public_url
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies are marked to travel over HTTPS only."""
        return self.production or self.address.startswith("https:")

    def environment(self) -> dict[str, str]:
        """These settings as environment variables, for a child process."""
        found = {
            "BYLAW_HOME": str(self.home),
            "BYLAW_DATABASE_URL": self.database_url,
            "BYLAW_REDIS_URL": self.queue_url,
            "BYLAW_HOST": self.host,
            "BYLAW_PORT": str(self.port),
            "BYLAW_PRODUCTION": _truth_text(self.production),
            "BYLAW_EXAMPLE": _truth_text(self.example),
            "BYLAW_WEB_PROCESSES": str(self.web_processes),
            "BYLAW_WEB_THREADS": str(self.web_threads),
            "BYLAW_SESSION_HOURS": str(self.session_hours),
            "BYLAW_LOG_LEVEL": self.log_level,
            "BYLAW_REQUEST_SECONDS": str(self.request_seconds),
            "BYLAW_AUDIT_ENTRIES": str(self.audit_entries),
            "BYLAW_AUDIT_SECONDS": str(self.audit_seconds),
            "BYLAW_TRUSTED_PROXIES": " ".join(self.trusted_proxies),
            "BYLAW_RATE_LIMITS": " ".join(f"{name}={amount}" for name, amount in self.rate_limits),
            "BYLAW_SESSION_IDLE_MINUTES": str(self.session_idle_minutes),
            "BYLAW_OIDC_SCOPES": " ".join(self.oidc_scopes),
        }
        if self.example_sign_in is not None:
            found["BYLAW_EXAMPLE_SIGN_IN"] = _truth_text(self.example_sign_in)
        said = {
            "BYLAW_OIDC_ISSUER": self.oidc_issuer,
            "BYLAW_OIDC_CLIENT_ID": self.oidc_client_id,
            "BYLAW_OIDC_CLIENT_SECRET": self.oidc_client_secret,
            "BYLAW_TOKEN_ISSUERS": " ".join(self.token_issuers),
            "BYLAW_TOKEN_AUDIENCE": self.token_audience,
            "BYLAW_PUBLIC_URL": self.public_url,
            "BYLAW_SECRET_KEY": self.secret_key,
            "BYLAW_AUDIT_KEY": self.audit_key,
        }
        return found | {name: value for name, value in said.items() if value}


def default_home(environ: Mapping[str, str]) -> Path:
    """`.bylaw` in the checkout that the program runs from; installed, the person's data directory."""
    root = Path(__file__).resolve().parent.parent
    if (root / "pyproject.toml").is_file() and (root / "rules").is_dir():
        return root / ".bylaw"
    shared = environ.get("XDG_DATA_HOME", "")
    if shared and Path(shared).is_absolute():
        return Path(shared) / "bylaw"
    return Path(environ.get("HOME") or "~").expanduser() / ".local" / "share" / "bylaw"


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _truth_text(value: bool) -> str:  # noqa: FBT001  # the only argument
    return "true" if value else "false"


def _refuse_unknown(environ: Mapping[str, str], report: Report) -> None:
    names = [setting.name for setting in SETTINGS]
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in names or name in TESTS_ONLY or name.startswith("BYLAW_TEST_"):
            continue
        near = get_close_matches(name.removeprefix(PREFIX), [known.removeprefix(PREFIX) for known in names], n=1)
        suggestion = f"did you mean `{PREFIX}{near[0]}`?" if near else "docs/operations.md lists the settings"
        report.add("settings.unknown", f"there is no setting `{name}`", Place("environment", path=name), suggestion)


def _read(environ: Mapping[str, str], report: Report) -> dict[str, Any]:
    values: dict[str, Any] = {}
    said: dict[str, str] = {}
    for setting in SETTINGS:
        text = environ.get(setting.name, "")
        if not text:
            continue
        place = Place("environment", path=setting.name)
        if setting.field in said:
            report.add(
                "settings.invalid",
                f"`{said[setting.field]}` and `{setting.name}` are both set",
                place,
                "set one of them",
            )
            continue
        said[setting.field] = setting.name
        try:
            values[setting.field] = setting.read(text)
        except _RefusedValueError as refused:
            report.add("settings.invalid", f"`{setting.name}`: {refused}", place, setting.about)
    return values


def _refuse_unsafe_sign_in(values: Mapping[str, Any], report: Report) -> None:
    """What would let people in without proof where others can come, and half an identity provider."""
    reachable = values.get("production", False) or not is_loopback(values.get("host", "127.0.0.1"))
    if values.get("example_sign_in") and reachable:
        report.add(
            "settings.invalid",
            "`BYLAW_EXAMPLE_SIGN_IN` asks for no proof, so it is impossible in production and where others can connect",
            Place("environment", path="BYLAW_EXAMPLE_SIGN_IN"),
            "leave it out and configure an identity provider: docs/sign-in.md",
        )
    pairs = (
        ("oidc_issuer", "oidc_client_id"),
        ("oidc_client_id", "oidc_issuer"),
        ("oidc_client_secret", "oidc_issuer"),
    )
    missing = {needed for said, needed in pairs if values.get(said) and not values.get(needed)}
    refused = {problem.place.path for problem in report.found}
    for name in sorted(missing):
        setting = next(known.name for known in SETTINGS if known.field == name)
        if setting in refused:
            continue  # it was set, to something that it cannot be
        report.add(
            "settings.missing",
            f"`{setting}` must be set where an identity provider is configured",
            Place("environment", path=setting),
            "docs/sign-in.md says what a provider needs",
        )
    if values.get("production") and (values.get("oidc_issuer") or "").startswith("http:"):
        report.add(
            "settings.invalid",
            "`BYLAW_OIDC_ISSUER` must start with `https:` in production",
            Place("environment", path="BYLAW_OIDC_ISSUER"),
        )


def _refuse_unsafe_tokens(values: Mapping[str, Any], report: Report) -> None:
    """Issuers without an audience would accept what is meant for others; an audience alone accepts nothing."""
    said = {"token_issuers": "BYLAW_TOKEN_ISSUERS", "token_audience": "BYLAW_TOKEN_AUDIENCE"}
    missing = [setting for name, setting in said.items() if not values.get(name)]
    if len(missing) == 1:
        report.add(
            "settings.missing",
            f"`{missing[0]}` must be set where bearer tokens are accepted",
            Place("environment", path=missing[0]),
            "set both settings, or neither",
        )
    if values.get("production") and any(one.startswith("http:") for one in values.get("token_issuers", ())):
        report.add(
            "settings.invalid",
            "`BYLAW_TOKEN_ISSUERS` must start with `https:` in production",
            Place("environment", path="BYLAW_TOKEN_ISSUERS"),
        )


def _refuse_embedded(values: Mapping[str, Any], report: Report) -> None:
    """In production nothing is made up: what several machines must agree on has to be said."""
    needed = {
        "database_url": "BYLAW_DATABASE_URL",
        "redis_url": "BYLAW_REDIS_URL",
        "secret_key": "BYLAW_SECRET_KEY",
        "audit_key": "BYLAW_AUDIT_KEY",
    }
    for name, setting in needed.items():
        if not values.get(name):
            report.add(
                "settings.missing",
                f"`{setting}` must be set in production",
                Place("environment", path=setting),
                "set it, or leave BYLAW_PRODUCTION unset to use what is built in",
            )


assert {setting.field for setting in SETTINGS} == {known.name for known in fields(Settings)}
