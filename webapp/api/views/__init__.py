"""One module for each part of the API; each view calls one use case and shapes its answer."""
