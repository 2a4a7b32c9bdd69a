"""RQ workers: the shell that does in the background what a use case left in the outbox. Thin: it decides nothing."""
