"""Spreadsheets (`.xlsx`) as sheets of the engine, and back."""

from adapters.spreadsheets.reading import read_workbook
from adapters.spreadsheets.writing import workbook_bytes

__all__ = ["read_workbook", "workbook_bytes"]
