"""Keys of programs: the text of a new one is in the answer that made it, and nowhere afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Response

from adapters.wiring import new_api_key
from engine.records import Record
from engine.service import key_ring
from webapp.api import answers
from webapp.api.operation import Asked
from webapp.context import ports


def lists(asked: Asked) -> Response:
    """The keys that the caller may see."""
    found = key_ring.list_api_keys(ports(), asked.caller, person_id=asked.query["person_id"])
    return answers.json({"items": [_value(key, asked) for key in found]})


def shows(asked: Asked) -> Response:
    """One key."""
    return _one(key_ring.get_api_key(ports(), asked.caller, asked.path["id"]), asked)


def makes(asked: Asked) -> Response:
    """A new key for the caller, or for somebody whom the caller looks after."""
    text, body = new_api_key(), asked.body
    made = key_ring.create_api_key(
        ports(),
        asked.caller,
        body["person_id"] or asked.caller.actor.id,
        body["name"],
        text,
        scopes=body["scopes"],
        life=timedelta(days=body["days"]),
        key_id=asked.new_id,
    )
    return _made(made, text, asked)


def rotates(asked: Asked) -> Response:
    """A new key in an old one's place."""
    text = new_api_key()
    made = key_ring.rotate_api_key(
        ports(),
        asked.caller,
        asked.path["id"],
        text,
        overlap=timedelta(hours=asked.body["overlap_hours"]),
        life=timedelta(days=asked.body["days"]),
        key_id=asked.new_id,
    )
    return _made(made, text, asked)


def revokes(asked: Asked) -> Response:
    """A key, ended."""
    return _one(key_ring.revoke_api_key(ports(), asked.caller, asked.path["id"]), asked)


def _value(key: Record, asked: Asked) -> dict[str, Any]:
    return {**answers.record_value(key), "state": key_ring.state_of(key, asked.caller.now)}


def _one(key: Record, asked: Asked) -> Response:
    return answers.json(_value(key, asked), headers=answers.entity_tag(key))


def _made(key: Record, text: str, asked: Asked) -> Response:
    headers = {**answers.entity_tag(key), "Location": f"/api/v1/keys/{key.id}"}
    return answers.json({**_value(key, asked), "key": text}, 201, headers)
