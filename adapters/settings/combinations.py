"""Settings that each can be read and must not stand together, or not without another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.settings.declared import SETTINGS
from adapters.settings.readers import is_loopback
from engine.problems import Place, Report


def refuse(values: Mapping[str, Any], report: Report) -> None:
    """Report what must not be so together; `values` are those that were said, by the fields of `Settings`."""
    if values.get("production"):
        _refuse_embedded(values, report)
    _refuse_unsafe_sign_in(values, report)
    _refuse_unsafe_tokens(values, report)


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
