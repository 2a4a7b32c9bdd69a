"""Where people are signed in, and ending it."""

from __future__ import annotations

from flask import Response

from webapp import live_sessions
from webapp.api import answers
from webapp.api.operation import Asked


def mine(asked: Asked) -> Response:
    """The caller's own sessions."""
    return answers.json(live_sessions.mine(asked.caller).to_json())


def end_one(asked: Asked) -> Response:
    """End one of the caller's own sessions."""
    live_sessions.end_mine(asked.caller, asked.path["id"])
    return answers.json({"ended": 1})


def end_others(asked: Asked) -> Response:
    """End all of the caller's sessions but the one that asks; with a key, all of them."""
    return answers.json({"ended": live_sessions.end_my_others(asked.caller)})


def of_person(asked: Asked) -> Response:
    """Somebody's sessions, for those who may end them."""
    return answers.json(live_sessions.of_person(asked.caller, asked.path["id"]).to_json())


def end_all(asked: Asked) -> Response:
    """End every session of a person."""
    return answers.json({"ended": live_sessions.end_all_of(asked.caller, asked.path["id"])})
