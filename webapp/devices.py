"""A browser's description of itself, in words that a person recognises. It is shown and never believed."""

from __future__ import annotations

BROWSERS = (
    ("Edg/", "Edge"), ("EdgA/", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"), ("Firefox/", "Firefox"), ("CriOS/", "Chrome"), ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl"), ("python", "a Python program"),
)  # fmt: skip
"""Marks in the order in which they are looked for: most browsers name others beside themselves."""

SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "ChromeOS"), ("Windows", "Windows"),
    ("Mac OS X", "macOS"), ("Macintosh", "macOS"), ("Linux", "Linux"),
)  # fmt: skip
LONGEST_READ = 512


def device_of(user_agent: str) -> str:
    """`Firefox on Linux`, `Safari on iPhone`; `an unknown browser` for what says nothing that is known here."""
    read = user_agent[:LONGEST_READ]
    browser = next((name for mark, name in BROWSERS if mark in read), "")
    system = next((name for mark, name in SYSTEMS if mark in read), "")
    if not browser:
        return f"an unknown browser on {system}" if system else "an unknown browser"
    return f"{browser} on {system}" if system else browser
