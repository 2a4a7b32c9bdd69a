"""The settings of a process as one frozen value, and what follows from them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

from adapters.settings import combinations, environment
from adapters.settings.declared import SETTINGS
from adapters.settings.readers import is_loopback
from engine.problems import Report

OIDC_SCOPES = ("openid", "email", "profile")

SOCKET_PATH_LIMIT = 100
"""Bytes that a Unix socket's path may have; Linux allows 107."""


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
    sessions_per_person: int = 20
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
        environment.refuse_unknown(environ, report)
        values = environment.read(environ, report)
        values |= {name: value for name, value in overrides.items() if value is not None}
        combinations.refuse(values, report)
        report.raise_if_any()
        home = values.setdefault("home", default_home(environ))
        values.setdefault("database_url", f"sqlite:///{home / 'bylaw.sqlite3'}")
        values.setdefault("example", not values.get("production", False))
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
        values = {known.name: getattr(self, known.name) for known in fields(self)} | {"redis_url": self.queue_url}
        return {
            setting.name: environment.written(values[setting.field])
            for setting in SETTINGS
            if not setting.name.endswith("_FILE") and values[setting.field] is not None
        }


def default_home(environ: Mapping[str, str]) -> Path:
    """`.bylaw` in the checkout that the program runs from; installed, the person's data directory."""
    root = Path(__file__).resolve().parents[2]
    if (root / "pyproject.toml").is_file() and (root / "rules").is_dir():
        return root / ".bylaw"
    shared = environ.get("XDG_DATA_HOME", "")
    if shared and Path(shared).is_absolute():
        return Path(shared) / "bylaw"
    return Path(environ.get("HOME") or "~").expanduser() / ".local" / "share" / "bylaw"


assert {setting.field for setting in SETTINGS} == {known.name for known in fields(Settings)}
