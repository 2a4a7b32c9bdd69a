"""Everything that the shells use, built from one frozen `Settings`. The only adapter module that shells import.

Importing it is cheap: databases, queue and policies are loaded when they are built or asked for, so that `bylaw --help`
and `bylaw check` stay quick and need none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TextIO

from adapters import home as home_directory
from adapters.ids import new_api_key, new_id
from adapters.settings import SETTINGS, Settings
from adapters.shipped import Shipped

if TYPE_CHECKING:
    from adapters.identity.tokens import TokenVerifier
    from adapters.preparation import Prepared
    from adapters.rate_limits import RateLimits
    from adapters.refusals import Refusals
    from adapters.sessions import Displaced as Displaced  # noqa: PLC0414  # shells name it
    from adapters.sessions import Session as Session  # noqa: PLC0414  # the same
    from adapters.sessions import SessionLimits, Sessions
    from adapters.stores.audit import Notary
    from engine.interchange.sheets import Sheet
    from engine.policy import Policies
    from engine.ports import IdentityProvider, Ports, Queue
    from engine.rulefile import SchemaSource
    from engine.service.checkpoints import Rhythm, Signer
    from engine.service.library import Library
    from engine.service.rulesets import SeedReport

__all__ = [
    "SETTINGS",
    "Settings",
    "Shipped",
    "Texts",
    "Wiring",
    "append_only_role",
    "build",
    "build_in_memory",
    "check_signature",
    "load_policies",
    "load_texts",
    "new_api_key",
    "now",
    "read_workbook",
    "schema_source",
    "supervise",
    "work",
    "workbook_bytes",
]


def now() -> datetime:
    """The present instant in UTC: the one clock that shells read and pass on."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Texts:
    """What the shipped texts become: immutable, so a process that forks may load them once and share them."""

    shipped: Shipped
    policies: Policies
    library: Library


def load_texts(shipped: Shipped | None = None) -> Texts:
    """Read and check the shipped policies and schemas. Raises `InvalidError` if they are not right."""
    from engine.kinds import KINDS
    from engine.service.library import Library

    found = shipped or Shipped.find()
    return Texts(found, load_policies(found), Library(schema_source(found), KINDS))


def load_policies(shipped: Shipped) -> Policies:
    """The shipped policies. Raises `InvalidError` for those that must not be used, whoever is about to use them."""
    from engine.policy import Policies, compiled_name, digest_of, read_compiled

    files = shipped.policies()
    name = compiled_name(digest_of(files))
    kept = shipped.beside_policies(name)
    return Policies.load(files, None if kept is None else read_compiled(kept, f"policies/{name}"))


def schema_source(shipped: Shipped) -> SchemaSource:
    """The shipped schemas as the engine takes them."""
    from engine.rulefile import SchemaSource

    return SchemaSource(shipped.schemas())


@dataclass(frozen=True)
class Wiring:
    """One process's connections. `close` releases them; a forked process builds its own."""

    settings: Settings
    ports: Ports
    sessions: Sessions
    shipped: Shipped
    tokens: TokenVerifier
    refusals: Refusals
    _rate_limits: Callable[[], RateLimits] = field(repr=False)
    identity_provider: IdentityProvider | None = None
    _closers: tuple[Callable[[], None], ...] = field(repr=False, default=())

    @cached_property
    def secret_key(self) -> str:
        """What signs cursors, cookies and links: the setting, else the key kept in the home directory."""
        return self.settings.secret_key or home_directory.secret_key(self.settings.home)

    @cached_property
    def rate_limits(self) -> RateLimits:
        """What counts requests; made when the web application first asks for it."""
        return self._rate_limits()

    @cached_property
    def signer(self) -> Signer:
        """What signs checkpoints of the audit log: with the setting's key, else the one in the home directory."""
        from adapters.signing import signer_of

        if self.settings.audit_key is None:
            home_directory.prepare(self.settings.home)
        return signer_of(self.settings.audit_key or home_directory.audit_key(self.settings.home))

    @property
    def rhythm(self) -> Rhythm:
        """How often checkpoints are signed."""
        from engine.service.checkpoints import Rhythm

        return Rhythm(self.settings.audit_entries, timedelta(seconds=self.settings.audit_seconds))

    def prepare(self, at: datetime) -> Prepared:
        """Publish what is shipped and not in the database yet, install the example once: see `adapters.preparation`."""
        from adapters.preparation import prepare

        return prepare(self.ports, self.shipped, at, example=self.settings.example)

    def seed(self, organisation_id: str, at: datetime) -> SeedReport:
        """Publish the shipped rule files that an organisation lacks."""
        from adapters.preparation import seed_shipped

        return seed_shipped(self.ports, self.shipped, organisation_id, at)

    def close(self) -> None:
        """Release connections and files."""
        for close in self._closers:
            close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def build(settings: Settings, *, texts: Texts | None = None) -> Wiring:
    """Connect what the settings name. The queue and sessions connect at their first use, the database at once.

    Raises `UnavailableError` when the home directory or the database cannot be used.
    """
    from adapters.queue import RqQueue
    from adapters.redis_connection import connect
    from adapters.refusals import SharedRefusals
    from adapters.sessions import RedisSessions
    from adapters.stores import open_store
    from engine.ports import Ports

    if settings.database_url.startswith("sqlite:") or settings.secret_key is None:
        home_directory.prepare(settings.home)
    texts = texts or load_texts()
    connection = connect(settings.queue_url)
    store = open_store(settings.database_url, _notary(settings, texts))
    queue: Queue = RqQueue(connection)
    ports = Ports(store=store, queue=queue, authorizer=texts.policies, library=texts.library, new_id=new_id)
    sessions = RedisSessions(connection, session_limits(settings))
    # Every request waits for its limit, so counting has a second to answer; else it counts as away.
    counting = connect(settings.queue_url, answer_seconds=1, retries=1)

    def rate_limits() -> RateLimits:
        from adapters.rate_limits import CountedRateLimits, shared_store

        store = shared_store(counting)
        return CountedRateLimits(store, amounts=settings.rate_limits, processes=settings.web_processes)

    closers = (store.close, connection.close, counting.close)
    return Wiring(
        settings,
        ports,
        sessions,
        texts.shipped,
        token_verifier(settings),
        SharedRefusals(counting),
        rate_limits,
        identity_provider(settings),
        closers,
    )


def session_limits(settings: Settings) -> SessionLimits:
    """How long sessions last and how many a person has, as the settings say."""
    from adapters.sessions import SessionLimits

    return SessionLimits(
        absolute=settings.session_hours * 3_600,
        idle=settings.session_idle_minutes * 60,
        most=settings.sessions_per_person,
    )


def identity_provider(settings: Settings) -> IdentityProvider | None:
    """The identity provider that people sign in at, if one is configured. It is asked at its first use."""
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    from adapters.identity.openid import Client, OpenIdProvider

    client = Client(settings.oidc_client_id, settings.oidc_client_secret, settings.oidc_scopes)
    return OpenIdProvider(settings.oidc_issuer, client, settings.sign_in_redirect)


def token_verifier(settings: Settings) -> TokenVerifier:
    """Who says what a bearer token is worth, as the settings say. Issuers are asked for their keys at the first use."""
    from adapters.identity import tokens

    if not settings.token_issuers or settings.token_audience is None:
        return tokens.NoTokens()
    from adapters.identity.discovery import fetch_keys
    from adapters.identity.keys import CachedKeys

    expected = tokens.Expectations(settings.token_issuers, settings.token_audience)
    return tokens.IssuersTokens(expected, CachedKeys(settings.token_issuers, fetch_keys))


def _notary(settings: Settings, texts: Texts) -> Notary:
    """What makes the audit entries: it names the policies in force and seals personal values for this service alone."""
    from adapters.sealing import AesGcmSealer
    from adapters.stores.audit import Notary

    secret = settings.secret_key or home_directory.secret_key(settings.home)
    return Notary(AesGcmSealer(secret), texts.policies.digest)


def read_workbook(data: bytes, source: str) -> tuple[Sheet, ...]:
    """The sheets of an `.xlsx` file: see `adapters.spreadsheets.reading`."""
    from adapters.spreadsheets import read_workbook as read

    return read(data, source)


def workbook_bytes(sheets: tuple[Sheet, ...]) -> bytes:
    """Sheets as an `.xlsx` file: see `adapters.spreadsheets.writing`."""
    from adapters.spreadsheets import workbook_bytes as write

    return write(sheets)


def append_only_role(database: str) -> dict[str, Any]:
    """The `createRole` command of the role that the product should have in a MongoDB database of this name."""
    from adapters.stores.mongodb.schema import append_only_role as role

    return role(database)


def check_signature(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature is the key's: see `adapters.signing.is_signed_by`."""
    from adapters.signing import is_signed_by

    return is_signed_by(public, message, signature)


def work(settings: Settings, *, name: str, sweep: Callable[[], None], sweep_seconds: int) -> None:
    """Be a worker of the queue until a stop signal: see `adapters.queue.rq_worker.work`."""
    from adapters.queue.rq_worker import work as work_on

    work_on(settings.queue_url, name=name, sweep=sweep, sweep_seconds=sweep_seconds)


def supervise(settings: Settings, stream: TextIO, *, colour: bool = False, reload: bool = False) -> None:
    """Run the whole product until a stop signal: see `adapters.product.supervise`."""
    from adapters.product import supervise as run

    run(settings, stream, colour=colour, reload=reload)


def build_in_memory(settings: Settings | None = None, *, texts: Texts | None = None) -> Wiring:
    """The reference adapters all through, for tests of the shells: nothing outlives the process, nobody is counted."""
    from adapters.queue import MemoryQueue
    from adapters.rate_limits import NoRateLimits
    from adapters.refusals import MemoryRefusals
    from adapters.sessions import MemorySessions
    from adapters.stores import open_store
    from engine.ports import Ports

    settings = settings or Settings.from_environment({"BYLAW_DATABASE_URL": "memory:", "BYLAW_SECRET_KEY": "0" * 64})
    texts = texts or load_texts()
    store = open_store(settings.database_url, _notary(settings, texts))
    ports = Ports(store=store, queue=MemoryQueue(), authorizer=texts.policies, library=texts.library, new_id=new_id)
    sessions, provider = MemorySessions(session_limits(settings)), identity_provider(settings)
    return Wiring(
        settings,
        ports,
        sessions,
        texts.shipped,
        token_verifier(settings),
        MemoryRefusals(),
        NoRateLimits,
        provider,
        (store.close,),
    )
