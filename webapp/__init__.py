"""The Flask application: JSON API and console. It reads requests, calls one use case each, writes the answer."""
