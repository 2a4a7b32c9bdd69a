"""The example organisation behind the real application, and visitors who look at it without a browser."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from console_markup import Page
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from adapters.preparation import prepare
from adapters.wiring import Settings, Texts, Wiring, build_in_memory
from engine.caller import Actor, Caller
from engine.service.directory import actor_of

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@dataclass
class Visitor:
    """A browser without JavaScript: follows forms with their tokens."""

    client: FlaskClient
    actor: Actor | None
    wiring: Wiring

    def get(self, address: str, status: int = 200, **headers: str) -> Page:
        """A page; its status is asserted."""
        response = self.client.get(address, headers=headers)
        assert status == response.status_code, response.get_data(as_text=True)[:2000]
        return Page(response.get_data(as_text=True))

    def post(self, address: str, token: str | None = None, **form: str) -> TestResponse:
        """Send a form with this session's token, as the page would."""
        if token is None:
            token = self.token()
        return self.client.post(address, data={**form, "csrf_token": token})

    def token(self) -> str:
        """The token that stands in the forms of this session."""
        found = re.search(r'name="csrf_token" value="([^"]*)"', self.client.get("/me").get_data(as_text=True))
        assert found is not None
        return found[1]

    @property
    def caller(self) -> Caller:
        """The same person, for asking a use case what the page should show."""
        assert self.actor is not None
        return Caller(self.actor, NOW, "console", "test")


def house(home: Path, texts: Texts, *, example: bool = True, now: datetime = NOW) -> Wiring:
    """The reference adapters with the example organisation in them."""
    settings = Settings(home=home, database_url="memory:", secret_key="k" * 64, example_sign_in=True)
    wiring = build_in_memory(settings, texts=texts)
    prepare(wiring.ports, wiring.shipped, now, example=example)
    return wiring


def visitor(app: Flask, wiring: Wiring, person_id: str | None) -> Visitor:
    """A browser, signed in as a person or not at all."""
    client = app.test_client()
    if person_id is None:
        return Visitor(client, None, wiring)
    assert 303 == client.post("/sign-in", data={"person_id": person_id}).status_code
    return Visitor(client, actor_of(wiring.ports, person_id), wiring)
