"""Signing in at an OpenID Connect provider: the authorization code flow with PKCE, and nothing else.

OpenID Connect Core 1.0 section 3.1 and Discovery 1.0, RFC 7636 (PKCE, S256), RFC 9207 (who answers), RFC 9700 (what may
go wrong). Authlib writes the requests and checks the claims; what it asks goes through `adapters.identity.http`, and
signatures through `adapters.identity.jws`. No token is kept.
"""

from __future__ import annotations

import secrets
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn
from urllib.parse import quote_plus, urlencode, urlsplit

from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.client import OAuth2Client

from adapters.identity import discovery, id_token, jws
from adapters.identity.discovery import Description
from adapters.identity.http import Allowance, Answer, Asking, Boundary
from adapters.identity.keys import CachedKeys
from engine.ports import PendingSignIn, VerifiedIdentity
from engine.problems import DeniedError, InvalidError, Problem, UnavailableError

METADATA_SECONDS = 3_600
"""How long a provider's description of itself is believed."""
TOKEN_STATUSES = frozenset({200, 400, 401, 403})
"""What a token endpoint says something definite with (RFC 6749, sections 5.1 and 5.2)."""
LONGEST_CODE = 2_048
LONGEST_EMAIL = 254

KNOWN_ERRORS = (
    "access_denied", "account_selection_required", "consent_required", "interaction_required", "invalid_request",
    "invalid_scope", "login_required", "server_error", "temporarily_unavailable", "unauthorized_client",
    "unsupported_response_type",
)  # fmt: skip
"""Reasons that a provider may give (RFC 6749, section 4.1.2.1; Core 1.0, 3.1.2.6). Only these words are repeated."""

AUTHENTICATION_METHODS = ("client_secret_basic", "client_secret_post")

_allowance: ContextVar[Allowance] = ContextVar("allowance")


@dataclass(frozen=True, slots=True)
class Client:
    """What the provider knows Bylaw as. Without a secret it is a public client, which PKCE alone protects."""

    id: str
    secret: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ("openid", "email", "profile")


@dataclass(frozen=True, slots=True)
class _Metadata:
    """What is used of a provider's description of itself (Discovery 1.0, section 3; RFC 8414)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    algorithms: frozenset[str]
    token_method: str
    says_who_answers: bool
    read_at: float


@dataclass(frozen=True, slots=True)
class _Step:
    """One step of one sign-in: what the provider is, and what may still be spent on asking it."""

    metadata: _Metadata
    allowance: Allowance


class OpenIdProvider:
    """An `IdentityProvider` that is asked over HTTP. `redirect_uri` is the one address that it may send people to.

    `clock` gives seconds for how long descriptions and keys are believed.
    """

    def __init__(
        self,
        issuer: str,
        client: Client,
        redirect_uri: str,
        *,
        boundary: Boundary = Boundary(),  # noqa: B008  # frozen
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._client = client
        self._redirect_uri = redirect_uri
        self._boundary = boundary
        self._clock = clock
        self._lock = threading.Lock()
        self._known: _Metadata | None = None
        self._failure: UnavailableError | None = None
        self._keys = CachedKeys((issuer,), self._fetch_keys, clock, lambda: _allowance.get().left)

    @property
    def issuer(self) -> str:
        """See `IdentityProvider`."""
        return self._issuer

    def begin(self) -> tuple[str, PendingSignIn]:
        """See `IdentityProvider`."""
        metadata = self._metadata(Allowance(self._boundary))
        pending = PendingSignIn(
            self._issuer, secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        )
        url, _ = self._oauth2(metadata).create_authorization_url(
            metadata.authorization_endpoint,
            state=pending.state,
            code_verifier=pending.verifier,
            nonce=pending.nonce,
        )
        return str(url), pending

    def finish(self, pending: PendingSignIn, answer: Mapping[str, str], now: datetime) -> VerifiedIdentity:
        """See `IdentityProvider`."""
        allowance = Allowance(self._boundary)
        step = _Step(self._metadata(allowance), allowance)
        self._check_who_answers(pending, answer, step.metadata)
        tokens = self._exchange(pending, _code(answer), step)
        access_token = tokens.get("access_token")
        if not isinstance(access_token, str) or str(tokens.get("token_type")).lower() != "bearer":
            _code_refused("it sent no bearer token")
        claims = self._checked(tokens.get("id_token"), access_token, pending, step, now)
        person = self._person(claims, access_token, step)
        return VerifiedIdentity(self._issuer, claims["sub"], _vouched_email(person))

    def sign_out_url(self, back_to: str) -> str | None:
        """See `IdentityProvider` (RP-Initiated Logout 1.0)."""
        endpoint = self._metadata(Allowance(self._boundary)).end_session_endpoint
        if endpoint is None:
            return None
        query = urlencode({"client_id": self._client.id, "post_logout_redirect_uri": back_to})
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{query}"

    def _check_who_answers(self, pending: PendingSignIn, answer: Mapping[str, str], metadata: _Metadata) -> None:
        """Refuse another provider's answer (RFC 9207, section 2.4): its code must not be sent to this one."""
        named = answer.get("iss")
        if pending.issuer != self._issuer or (named is None and metadata.says_who_answers):
            _mixed_up()
        if named is not None and named != self._issuer:
            _mixed_up()

    def _exchange(self, pending: PendingSignIn, code: str, step: _Step) -> Mapping[str, Any]:
        """The tokens for a code (Core 1.0, section 3.1.3)."""
        oauth2 = self._oauth2(step.metadata, step.allowance)
        try:
            found = oauth2.fetch_token(
                step.metadata.token_endpoint,
                grant_type="authorization_code",
                code=code,
                redirect_uri=self._redirect_uri,
                code_verifier=pending.verifier,
            )
        except OAuth2Error as error:
            _code_refused(f"it says `{error.error}`" if error.error in _TOKEN_ERRORS else "it says no more")
        return dict(found)

    def _oauth2(self, metadata: _Metadata, allowance: Allowance | None = None) -> OAuth2Client:
        made = OAuth2Client(
            _Session(allowance),
            client_id=self._client.id,
            client_secret=self._client.secret,
            token_endpoint_auth_method=metadata.token_method,
            scope=" ".join(self._client.scopes),
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
        )
        made.register_client_auth_method(("client_secret_basic", _encoded_basic))
        return made

    def _checked(
        self, text: object, access_token: str, pending: PendingSignIn, step: _Step, now: datetime
    ) -> Mapping[str, Any]:
        """The claims of the ID token, signature first. A key that is not known is asked for once more."""
        if not isinstance(text, str):
            id_token.refuse("there is none")
        try:
            token = jws.read(text, step.metadata.algorithms)
            keys = self._with(step.allowance, self._keys.keys)
            if not jws.usable_keys(token, keys):
                keys = self._with(step.allowance, self._keys.refreshed)
            jws.check_signature(token, keys)
        except InvalidError as error:
            id_token.refuse(error.problems[0].message)
        return id_token.check(
            token,
            issuer=self._issuer,
            client_id=self._client.id,
            nonce=pending.nonce,
            access_token=access_token,
            now=now,
        )

    def _person(self, claims: Mapping[str, Any], access_token: str, step: _Step) -> Mapping[str, Any]:
        """What the provider says about the person: in the token, else asked for with the access token.

        Both come in one answer over a connection of ours, and what it is asked for must be about the same subject, so
        `at_hash` may be missing (Core 1.0, section 3.1.3.6: optional in this flow); certified providers leave it out.
        """
        endpoint = step.metadata.userinfo_endpoint
        if "email" in claims or endpoint is None or "email" not in self._client.scopes:
            return claims
        found = step.allowance.ask(Asking(endpoint, {"Authorization": f"Bearer {access_token}"})).body
        if found.get("sub") != claims["sub"]:
            id_token.refuse("what the provider says about the person is about another one")
        return found

    def _metadata(self, allowance: Allowance) -> _Metadata:
        """What the provider is. Of many who need to know one asks, the others wait for what it learns.

        They wait no longer than they may themselves, and its failure is theirs: nobody asks once more after each other.
        """
        if (known := self._believed()) is not None:
            return known
        failure = self._failure
        if not self._lock.acquire(timeout=allowance.left):
            raise allowance.used_up("no time is left")
        try:
            if (known := self._believed()) is not None:
                return known
            if self._failure is not failure and self._failure is not None:
                raise UnavailableError(self._failure.problems)
            return self._described(allowance)
        finally:
            self._lock.release()

    def _described(self, allowance: Allowance) -> _Metadata:
        try:
            self._known = self._read_metadata(discovery.describe(self._issuer, allowance))
        except UnavailableError as error:
            self._failure = error
            raise
        return self._known

    def _believed(self) -> _Metadata | None:
        known = self._known
        return known if known is not None and self._clock() - known.read_at < METADATA_SECONDS else None

    def _read_metadata(self, description: Description) -> _Metadata:
        found = description.members
        challenges = found.get("code_challenge_methods_supported", ["S256"])
        if not isinstance(challenges, list) or "S256" not in challenges:
            discovery.unfit("it offers no PKCE with `S256`")
        offered = found.get("id_token_signing_alg_values_supported")
        algorithms = frozenset(one for one in offered if isinstance(one, str)) if isinstance(offered, list) else ()
        accepted = jws.ASYMMETRIC.intersection(algorithms)
        if not accepted:
            discovery.unfit("it signs with no algorithm that is accepted")
        return _Metadata(
            description.endpoint("authorization_endpoint"),
            description.endpoint("token_endpoint"),
            description.endpoint("jwks_uri"),
            description.optional_endpoint("userinfo_endpoint"),
            description.optional_endpoint("end_session_endpoint"),
            accepted,
            self._token_method(found),
            found.get("authorization_response_iss_parameter_supported") is True,
            self._clock(),
        )

    def _token_method(self, found: Mapping[str, Any]) -> str:
        if not self._client.secret:
            return "none"
        offered = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        known = [one for one in AUTHENTICATION_METHODS if isinstance(offered, list) and one in offered]
        if not known:
            discovery.unfit("it takes the client's secret in no way that is known here")
        return known[0]

    def _with(self, allowance: Allowance, ask: Callable[[str], Mapping[str, Any]]) -> Mapping[str, Any]:
        """The keys, whatever is fetched for them counted with everything else that this sign-in asks."""
        token = _allowance.set(allowance)
        try:
            return ask(self._issuer)
        except UnavailableError as error:
            _unavailable(error)
        finally:
            _allowance.reset(token)

    def _fetch_keys(self, _issuer: str) -> Mapping[str, Any]:
        allowance = _allowance.get()
        return discovery.key_set(self._metadata(allowance).jwks_uri, allowance)


class _Session:
    """The one method that Authlib's client needs of an HTTP library."""

    def __init__(self, allowance: Allowance | None) -> None:
        self._allowance = allowance

    def post(self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: Any) -> _Response:
        """Send a form. The statuses that say something definite come back; all others are failed tries."""
        assert self._allowance is not None
        sent_to, sent_headers, form = auth.prepare("POST", url, dict(headers), urlencode(data))
        asking = Asking(sent_to, sent_headers, form, TOKEN_STATUSES)
        return _Response(self._allowance.ask(asking))


@dataclass(frozen=True, slots=True)
class _Response:
    """An answer as Authlib reads it."""

    answer: Answer

    @property
    def status_code(self) -> int:
        return self.answer.status

    def json(self) -> dict[str, Any]:
        return self.answer.body


_TOKEN_ERRORS = (
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
    "invalid_scope",
)  # fmt: skip


def _encoded_basic(client: Any, _method: str, uri: str, headers: dict[str, str], body: str) -> tuple[str, Any, str]:
    """Name and secret are form-encoded before they are put together (RFC 6749, section 2.3.1)."""
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    return uri, {**headers, "Authorization": f"Basic {b64encode(pair.encode()).decode()}"}, body


def _code(answer: Mapping[str, str]) -> str:
    """The code that was brought back. Raises `DeniedError` where the provider says that there is none."""
    if "error" in answer:
        reason = f"`{answer['error']}`" if answer["error"] in KNOWN_ERRORS else "something that is not in the standard"
        raise DeniedError(
            Problem(
                "identity.provider_refused",
                f"the identity provider did not sign you in; it says {reason}",
                help="begin again, and allow what the provider asks",
            )
        )
    code = answer.get("code", "")
    if not 0 < len(code) <= LONGEST_CODE or not code.isascii() or not code.isprintable():
        _code_refused("there is none")
    return code


def _vouched_email(person: Mapping[str, Any]) -> str:
    """The e-mail address, if the provider has verified it: the truth value itself, not a word for it."""
    email = person.get("email")
    if person.get("email_verified") is not True or not isinstance(email, str) or not 3 <= len(email) <= LONGEST_EMAIL:
        return ""
    return email if email.isprintable() else ""


def _code_refused(why: str) -> NoReturn:
    raise DeniedError(
        Problem(
            "identity.code_refused",
            f"the identity provider does not take the code that came back: {why}",
            help="a code is good once and for a short time; begin again",
        )
    )


def _mixed_up() -> NoReturn:
    raise DeniedError(
        Problem(
            "identity.mix_up",
            "the answer does not come from the identity provider that was asked",
            help="begin again; if it happens twice, somebody may be trying to get at your sign-in",
        )
    )


def _unavailable(error: UnavailableError) -> NoReturn:
    """The keys' own problem in the words of a sign-in."""
    if error.code.startswith("identity."):
        raise error
    raise UnavailableError(
        Problem(
            "identity.provider_unavailable",
            "the identity provider's keys cannot be had now",
            help="nobody was signed in; try again in a little while",
        )
    ) from error
