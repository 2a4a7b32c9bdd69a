"""The use cases: what Bylaw can be asked to do. Each takes the ports and a caller; no module here does I/O."""
