"""Searching for the nearest change of facts: which values a fact may take, and which of them together are nearest."""
