"""Decision models of the DMN standard, versions 1.1 to 1.5: loaded from their files, run unchanged."""

from engine.dmn.decisions import Model, Outcome, load_model

__all__ = ["Model", "Outcome", "load_model"]
