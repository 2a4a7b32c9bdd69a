"""Decision tables with DMN's hit policies: checked and analysed when loaded, indexed when run. The public list."""

from engine.tables.analysis import Finding, Severity
from engine.tables.model import HitPolicy, Input, Output, Row, TableModel, Text
from engine.tables.table import CompiledTable, FailedCell, Table, TableResult

__all__ = [
    "CompiledTable",
    "FailedCell",
    "Finding",
    "HitPolicy",
    "Input",
    "Output",
    "Row",
    "Severity",
    "Table",
    "TableModel",
    "TableResult",
    "Text",
]
