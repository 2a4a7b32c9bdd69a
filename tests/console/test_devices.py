"""A browser's description of itself, in words for a list of sessions."""

from __future__ import annotations

import pytest

from webapp.devices import device_of

MOZILLA = "Mozilla/5.0"


@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [
        (f"{MOZILLA} (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (f"{MOZILLA} (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Safari/537.36",
         "Chrome on Windows"),
        (f"{MOZILLA} (Windows NT 10.0) AppleWebKit/537.36 Chrome/150.0 Safari/537.36 Edg/150.0", "Edge on Windows"),
        (f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/19.0 Safari/605.1.15",
         "Safari on macOS"),
        (f"{MOZILLA} (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 CriOS/150.0 Safari/604.1",
         "Chrome on iPhone"),
        (f"{MOZILLA} (Linux; Android 16) AppleWebKit/537.36 SamsungBrowser/30.0 Chrome/140.0 Mobile Safari/537.36",
         "Samsung Internet on Android"),
        ("curl/8.14.1", "curl"),
        (f"{MOZILLA} (Windows NT 10.0)", "an unknown browser on Windows"),
        ("", "an unknown browser"),
        ("<script>alert(1)</script>", "an unknown browser"),
        ("x" * 5_000 + "Firefox/140.0", "an unknown browser"),
    ],
)  # fmt: skip
def test_devices(user_agent: str, expected: str) -> None:
    """A device is named by browser and system where they are known; nothing of the browser's own text is repeated."""
    assert expected == device_of(user_agent)
