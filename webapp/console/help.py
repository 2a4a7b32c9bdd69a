"""What the words mean, and the keys."""

from __future__ import annotations

from flask import Response

from webapp.console.frame import NAVIGATION, Route, page


def help_page() -> Response:
    """The page behind `?`."""
    keys = [(entry.key, entry.title) for group in NAVIGATION for entry in group.entries]
    return page("help.html", section="help", title="Help and keys", keys=keys)


ROUTES = (Route("/help", "help", help_page, needs_no_right="it shows keys and words, no record"),)
