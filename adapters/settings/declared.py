"""Every setting there is, as data: the one place where a setting is declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adapters.settings import readers

STORE_SCHEMES = ("memory", "sqlite", "mongodb", "mongodb+srv")
QUEUE_SCHEMES = ("redis", "rediss", "unix")
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its environment name, what it is by default in words, its sentence, and how its text is read."""

    name: str
    field: str
    default: str
    about: str
    read: Callable[[str], Any]


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "BYLAW_HOME",
        "home",
        "`.bylaw` in the checkout, else `$XDG_DATA_HOME/bylaw` or `~/.local/share/bylaw`",
        "The directory that holds what `bylaw` keeps: the embedded database, queue and secret key.",
        readers.path,
    ),
    Setting(
        "BYLAW_DATABASE_URL",
        "database_url",
        "`sqlite:///` and `bylaw.sqlite3` in the home directory",
        "The operations database: `sqlite:///path` or `mongodb://host/name?replicaSet=...`.",
        readers.address(*STORE_SCHEMES),
    ),
    Setting(
        "BYLAW_REDIS_URL",
        "redis_url",
        "an embedded Valkey that `bylaw up` starts",
        "Redis or Valkey for queue and sessions: `redis://`, `rediss://` or `unix://`.",
        readers.address(*QUEUE_SCHEMES),
    ),
    Setting(
        "BYLAW_DATABASE_URL_FILE",
        "database_url",
        "none",
        "A file that holds the database's address with its password, instead of the address itself.",
        readers.in_file(readers.address(*STORE_SCHEMES)),
    ),
    Setting(
        "BYLAW_REDIS_URL_FILE",
        "redis_url",
        "none",
        "A file that holds the queue's address with its password, instead of the address itself.",
        readers.in_file(readers.address(*QUEUE_SCHEMES)),
    ),
    Setting("BYLAW_HOST", "host", "`127.0.0.1`", "The address that the web server listens on.", readers.text),
    Setting(
        "BYLAW_PORT",
        "port",
        "`8400`",
        "The port that the web server listens on; `0` takes a free one.",
        readers.whole(0, 65_535),
    ),
    Setting(
        "BYLAW_PUBLIC_URL",
        "public_url",
        "the address listened on",
        "The address that people type, when a proxy stands before the web server.",
        readers.web_address,
    ),
    Setting(
        "BYLAW_SECRET_KEY",
        "secret_key",
        "made at the first start and kept in the home directory",
        "Signs what leaves and comes back; at least 32 characters, the same for every process.",
        readers.secret,
    ),
    Setting(
        "BYLAW_SECRET_KEY_FILE",
        "secret_key",
        "none",
        "A file that holds the secret key, instead of the key itself.",
        readers.in_file(readers.secret),
    ),
    Setting(
        "BYLAW_AUDIT_KEY",
        "audit_key",
        "made at the first start and kept in the home directory",
        "Signs checkpoints of the audit log: 64 hexadecimal digits, the same for every process that works on jobs.",
        readers.seed,
    ),
    Setting(
        "BYLAW_AUDIT_KEY_FILE",
        "audit_key",
        "none",
        "A file that holds the audit key, instead of the key itself.",
        readers.in_file(readers.seed),
    ),
    Setting(
        "BYLAW_AUDIT_ENTRIES",
        "audit_entries",
        "`1000`",
        "New audit entries of an organisation after which a checkpoint is signed.",
        readers.whole(1, 1_000_000),
    ),
    Setting(
        "BYLAW_AUDIT_SECONDS",
        "audit_seconds",
        "`3600`",
        "Seconds after which new audit entries get a signed checkpoint, however few they are.",
        readers.whole(1, 86_400),
    ),
    Setting(
        "BYLAW_PRODUCTION",
        "production",
        "`false`",
        "Turns off whatever is for one machine only: local sign-in, embedded defaults, example data.",
        readers.truth,
    ),
    Setting(
        "BYLAW_EXAMPLE",
        "example",
        "`true`, and `false` in production",
        "Whether the first start installs the example organisation.",
        readers.truth,
    ),
    Setting("BYLAW_WEB_PROCESSES", "web_processes", "`1`", "Web server processes.", readers.whole(1, 64)),
    Setting("BYLAW_WEB_THREADS", "web_threads", "`32`", "Threads in each web server process.", readers.whole(1, 2_000)),
    Setting(
        "BYLAW_SESSION_HOURS",
        "session_hours",
        "`12`",
        "Hours after which a person signs in again.",
        readers.whole(1, 720),
    ),
    Setting(
        "BYLAW_SESSION_IDLE_MINUTES",
        "session_idle_minutes",
        "`60`",
        "Minutes without a request after which a session ends before its hours are over.",
        readers.whole(1, 43_200),
    ),
    Setting(
        "BYLAW_SESSIONS_PER_PERSON",
        "sessions_per_person",
        "`20`",
        "Sessions that a person has at most; one more ends the one that was not used for longest.",
        readers.whole(1, 1_000),
    ),
    Setting(
        "BYLAW_REQUEST_SECONDS",
        "request_seconds",
        "`30`",
        "Seconds within which a request, head and body, must have arrived; a slower one is cut off.",
        readers.whole(1, 3_600),
    ),
    Setting(
        "BYLAW_TRUSTED_PROXIES",
        "trusted_proxies",
        "none",
        "Addresses or networks of the proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.",
        readers.networks,
    ),
    Setting(
        "BYLAW_RATE_LIMITS",
        "rate_limits",
        "what [security](security.md) lists",
        "Other amounts for rate limits, by name, such as `sign-in=60 evaluation=100000`.",
        readers.amounts,
    ),
    Setting(
        "BYLAW_EXAMPLE_SIGN_IN",
        "example_sign_in",
        "`false`; `bylaw up` on loopback without an identity provider sets it",
        "Whether people may sign in by choosing a name, without any proof: on loopback alone, never in production.",
        readers.truth,
    ),
    Setting(
        "BYLAW_OIDC_ISSUER",
        "oidc_issuer",
        "none",
        "The identity provider that people sign in at (OpenID Connect), such as `https://accounts.google.com`.",
        readers.issuer,
    ),
    Setting("BYLAW_OIDC_CLIENT_ID", "oidc_client_id", "none", "What the provider knows Bylaw as.", readers.text),
    Setting(
        "BYLAW_OIDC_CLIENT_SECRET",
        "oidc_client_secret",
        "none",
        "What Bylaw proves that with; leave it out for a public client.",
        readers.text,
    ),
    Setting(
        "BYLAW_OIDC_CLIENT_SECRET_FILE",
        "oidc_client_secret",
        "none",
        "A file that holds the client secret, instead of the secret itself.",
        readers.content,
    ),
    Setting(
        "BYLAW_OIDC_SCOPES",
        "oidc_scopes",
        "`openid email profile`",
        "What is asked of the provider, separated by blanks; `openid` is needed.",
        readers.scopes,
    ),
    Setting(
        "BYLAW_TOKEN_ISSUERS",
        "token_issuers",
        "none",
        "Identity providers whose bearer tokens programs may ask with: their `iss`, separated by blanks.",
        readers.issuers,
    ),
    Setting(
        "BYLAW_TOKEN_AUDIENCE",
        "token_audience",
        "none",
        "What such tokens must have in `aud`: the name that the providers know this API by.",
        readers.text,
    ),
    Setting(
        "BYLAW_LOG_LEVEL",
        "log_level",
        "`info`",
        "The least important messages shown: debug, info, warning or error.",
        readers.one_of(*LOG_LEVELS),
    ),
)
