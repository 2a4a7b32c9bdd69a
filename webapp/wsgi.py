"""The entry for gunicorn: `gunicorn 'webapp.wsgi:application()'`, one wiring for each worker process."""

from __future__ import annotations

import atexit

from flask import Flask

from adapters.wiring import Settings, build
from webapp.app import create_app


def application() -> Flask:
    """The application over what the environment says. Raises `InvalidError` for settings that cannot be."""
    wiring = build(Settings.from_environment())
    atexit.register(wiring.close)
    return create_app(wiring)
